"""Plans of the clips of a rendered corpus: who shows which emotion, when, and how strongly."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Act:
    """One expression of a subject, before it is rendered.

    Attributes:
        subject: number of the subject.
        number: number of the clip in the corpus.
        emotion: emotion, as `emotions.draw_emotion` or `posed_emotions.PROTOTYPES` names it.
        peak: largest motion of the skin, pixels at 256 x 256; `None` for as strong as the draw made it.
        first, onset, apex, offset, last: frame numbers.
    """

    subject: int
    number: int
    emotion: str
    peak: float | None
    first: int
    onset: int
    apex: int
    offset: int
    last: int


@dataclass(frozen=True)
class Timing:
    """When the expressions of a corpus come, and how far they go.

    Every range is drawn from; of frames its end is not included.

    Attributes:
        first: number of a clip's first frame.
        lead: frames before the onset.
        rise: frames from onset to apex.
        fall: frames from apex to offset.
        trail: frames after the offset.
        peak: largest motion of the skin, pixels at 256 x 256.
    """

    first: tuple[int, int]
    lead: tuple[int, int]
    rise: tuple[int, int]
    fall: tuple[int, int]
    trail: tuple[int, int]
    peak: tuple[float, float]


def plan_clips(counts: dict[str, int], timing: Timing, subjects: int, full: int, seed: int) -> list[Act]:
    """Plan the clips of a corpus, each with one expression; see `cast` for the arguments."""
    roles, rng = cast(counts, subjects, full, seed)
    acts = []
    for number, (subject, emotion) in enumerate(roles):
        first = int(rng.integers(*timing.first))
        onset = first + int(rng.integers(*timing.lead))
        apex = onset + _lasting(int(rng.integers(*timing.rise)), seed, subject)
        offset = apex + _lasting(int(rng.integers(*timing.fall)), seed, subject)
        peak = draw_peak(rng, timing.peak)
        last = offset + int(rng.integers(*timing.trail))
        acts.append(Act(subject, number, emotion, peak, first, onset, apex, offset, last))
    return acts


def draw_peak(rng: np.random.Generator, peak: tuple[float, float]) -> float:
    """Draw a peak: each doubling within the range is as likely."""
    low, high = np.log(peak)
    return float(np.exp(rng.uniform(low, high)))


def shared_out(counts: dict[str, int], total: int) -> dict[str, int]:
    """Scale class counts to a total, keeping the proportions; every class keeps one if there is room."""
    whole = sum(counts.values())
    exact = {name: count * total / whole for name, count in counts.items()}
    share = {name: int(value) for name, value in exact.items()}
    by_need = sorted(exact, key=lambda name: (share[name] > 0, share[name] - exact[name]))
    for name in by_need[: total - sum(share.values())]:
        share[name] += 1
    return share


def cast(
    counts: dict[str, int], subjects: int, full: int, seed: int
) -> tuple[list[tuple[int, str]], np.random.Generator]:
    """Who shows which emotion.

    Args:
        counts: clips of each emotion in the real corpus.
        subjects: number of subjects to plan.
        full: subjects of the real corpus.
        seed: seed of the corpus.

    Returns:
        (subject, emotion) of each clip, sorted by subject,
        everyone at least once; and the generator that goes on.
    """
    rng = np.random.default_rng([seed, full])
    total = max(subjects, round(sum(counts.values()) * subjects / full))
    emotions = [name for name, count in shared_out(counts, total).items() for _ in range(count)]
    rng.shuffle(emotions)
    # Some people show a lot and some next to nothing.
    eager = rng.gamma(1.5, 1.0, subjects) + 0.1
    extra = rng.choice(subjects, total - subjects, p=eager / eager.sum())
    people = sorted([*range(subjects), *extra.tolist()])
    return list(zip(people, emotions, strict=True)), rng


def _lasting(frames: int, seed: int, subject: int) -> int:
    """How long a movement of so many frames takes a subject: some are quicker than others, always."""
    return max(2, round(frames * float(np.exp(np.random.default_rng([seed, subject, 7]).normal(0, 0.2)))))
