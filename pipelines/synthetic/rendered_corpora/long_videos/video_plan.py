"""Plans of long videos: who shows which macro- and micro-expressions, when."""

from dataclasses import dataclass, replace

import numpy as np

from pipelines.datasets.long_video import Kind
from pipelines.synthetic.rendered_corpora.clip_plan import Act, cast, draw_peak

#: Seconds from onset to apex, and from apex to offset; micro-expressions take half a second at most.
_SECONDS = {"micro": ((0.1, 0.22), (0.12, 0.26)), "macro": ((0.35, 0.9), (0.4, 1.2))}
#: Largest motion of the skin, pixels at 256 x 256.
_PEAKS = {"micro": (1.2, 3.0), "macro": (4.0, 9.0)}
_GAP = (1.2, 3.0)  # seconds between expressions, in which the face is at rest


@dataclass(frozen=True)
class Video:
    """A long video before it is rendered.

    Attributes:
        subject: number of the subject.
        number: number of the video in the corpus.
        last: number of its last frame; the first one is 1.
        acts: expressions in the order of time, in frame numbers.
        kinds: kind of each expression.
    """

    subject: int
    number: int
    last: int
    acts: tuple[Act, ...]
    kinds: tuple[Kind, ...]


def plan_videos(
    counts: dict[str, int],
    micro_share: float,
    subjects: int,
    full: int,
    videos: int,
    rate: float,
    seed: int,
) -> list[Video]:
    """Plan the videos of a corpus.

    Args:
        counts: expressions of each emotion in the real corpus.
        micro_share: share of them that are micro-expressions.
        subjects: number of subjects to plan.
        full: subjects of the real corpus.
        videos: number of videos of the real corpus; every subject gets the mean number, at least one.
        rate: frames per second.
        seed: seed of the corpus.
    """
    roles, rng = cast(counts, subjects, full, seed)
    each = max(1, round(videos / full))
    numbers = rng.permutation(len(roles))
    micro = set(numbers[: max(1, round(micro_share * len(roles)))].tolist())
    shown: list[list[Act]] = [[] for _ in range(subjects * each)]
    kinds: list[list[Kind]] = [[] for _ in shown]
    taken = [0] * subjects
    ends = [_frames(rng, _GAP, rate) for _ in shown]
    for number, (subject, emotion) in enumerate(roles):
        video = subject * each + taken[subject] % each
        taken[subject] += 1
        kind: Kind = "micro" if number in micro else "macro"
        rise, fall = (_frames(rng, seconds, rate) for seconds in _SECONDS[kind])
        onset = ends[video]
        peak = draw_peak(rng, _PEAKS[kind])
        act = Act(subject, number, emotion, peak, 1, onset, onset + rise, onset + rise + fall, 0)
        shown[video].append(act)
        kinds[video].append(kind)
        ends[video] = act.offset + _frames(rng, _GAP, rate)
    return [
        Video(k // each, k, last, tuple(replace(act, last=last) for act in acts), tuple(of_acts))
        for k, (acts, of_acts, last) in enumerate(zip(shown, kinds, ends, strict=True))
    ]


def _frames(rng: np.random.Generator, seconds: tuple[float, float], rate: float) -> int:
    return max(2, round(float(rng.uniform(*seconds)) * rate))
