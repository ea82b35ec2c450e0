"""Clips of rendered corpora, written frame by frame, and their units as a coder writes them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from pipelines.files import replacing
from pipelines.io.images import write_image
from pipelines.synthetic.rendered_corpora.clip_plan import Act
from pipelines.synthetic.renderer.emotions import draw_emotion
from pipelines.synthetic.renderer.expression_clips import (
    Event,
    Subject,
    draw_subject,
    frame_at,
    micro,
    photograph,
)
from pipelines.synthetic.renderer.generate import Progress, parallel_map
from pipelines.synthetic.renderer.geometry.facial_expression import COLUMNS
from pipelines.synthetic.renderer.posed_emotions import draw_posed_emotion

_JPEG_QUALITY = 93
_FACS_STEPS = "ABCDE"


@dataclass(frozen=True)
class CorpusRequest:
    """What to render of a corpus.

    Attributes:
        folder: root folder of the corpus.
        subjects: number of subjects.
        seed: seed of the corpus' people, see `corpus_seed`.
        coded_frames: render onset, apex and offset of each clip alone.
    """

    folder: Path
    subjects: int
    seed: int
    coded_frames: bool = False


#: Function that does work for every act or video of a corpus, and returns the results: `record_all` with its
#: number of processes and its progress.
RecordAll = Callable[[Callable, Iterable], list]


@dataclass(frozen=True)
class Studio:
    """How a corpus was recorded.

    Attributes:
        shape: (height, width) of the pictures.
        rate: frames a second.
        grey: whether the camera sees no colour.
        counts: corpus in whose counts of Action Units emotions are drawn (`emotions.draw_emotion`); without
            one they are posed.
    """

    shape: tuple[int, int]
    rate: float
    grey: bool = False
    counts: str | None = None


@lru_cache(maxsize=2)
def subject_of(seed: int, number: int, studio: Studio) -> Subject:
    """Subject `number` of a corpus before its camera."""
    return draw_subject(seed, number, studio.shape, grey=studio.grey)


def units_of(seed: int, act: Act, studio: Studio) -> np.ndarray:
    """Intensities at the apex, float64 [len(COLUMNS)]."""
    rng = np.random.default_rng([seed, act.subject, act.number])
    if studio.counts:
        units = draw_emotion(studio.counts, act.emotion, rng)
    else:
        units = draw_posed_emotion(act.emotion, rng)
    if act.peak is None:
        return units
    subject = subject_of(seed, act.subject, studio)
    return micro(subject, units, act.peak * subject.strength)


def record(
    seed: int,
    act: Act,
    studio: Studio,
    folder: Path,
    name: Callable[[int], str],
    landmarks: Callable | None = None,
    coded: bool = False,
) -> None:
    """Render the frames of an act into a folder, whole or not at all.

    Args:
        seed: seed of the corpus.
        act: act to render.
        studio: studio in which it is recorded.
        folder: folder of the frames; if it exists, nothing is done.
        name: file name of a frame number; the suffix tells the format.
        landmarks: called with the part folder, the frame number and the landmarks, float32 [478, 2].
        coded: render onset, apex and offset alone.
    """
    numbers = (act.onset, act.apex, act.offset) if coded else range(act.first, act.last + 1)
    record_acts(seed, (act,), act.number, numbers, studio, folder, name, landmarks)


def record_acts(
    seed: int,
    acts: tuple[Act, ...],
    clip: int,
    numbers: Iterable[int],
    studio: Studio,
    folder: Path,
    name: Callable[[int], str],
    landmarks: Callable | None = None,
    subject: int | None = None,
) -> None:
    """Render frames in which a subject shows several expressions, one after the other; see `record`.

    Args:
        seed: seed of the corpus.
        acts: acts to show; may be empty.
        clip: number of the clip, so that idle motion differs between clips.
        numbers: frame numbers to render.
        studio: studio in which it is recorded.
        folder: folder of the frames; if it exists, nothing is done.
        name: file name of a frame number.
        landmarks: called with the part folder, the frame number and the landmarks.
        subject: number of the subject; by default that of the acts.
    """
    if folder.exists():
        return
    person = subject_of(seed, acts[0].subject if subject is None else subject, studio)
    events = tuple(Event(units_of(seed, act, studio), act.onset, act.apex, act.offset) for act in acts)
    with replacing(folder) as part:
        part.mkdir()
        for number in numbers:
            frame = frame_at(person, events, clip, number, studio.rate)
            image = photograph(person, frame, clip, number)
            save(part / name(number), image[..., 0] if studio.grey else image)
            if landmarks:
                landmarks(part, number, frame.landmarks)


def save(path: Path, image: np.ndarray) -> None:
    """Write a picture, uint8 [H, W] or [H, W, 3], in the format of its suffix."""
    if path.suffix == ".png":
        write_image(path, image)
        return
    _, data = cv2.imencode(
        path.suffix, image[..., ::-1] if image.ndim == 3 else image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    )
    path.write_bytes(data.tobytes())


def record_all(
    work: Callable[[Act], object], acts: Iterable[Act], workers: int | None, progress: Progress | None
) -> list:
    """Do the work for every act, subject by subject, and return its results."""
    acts, results = list(acts), []
    for result in parallel_map(work, acts, workers, 2):
        results.append(result)
        if progress:
            progress(len(results), len(acts))
    return results


def sides(units: np.ndarray, least: float = 0.0) -> dict[str, tuple[float, float]]:
    """Right and left intensity of each active unit by its FACS number; central units have both alike."""
    found: dict[str, list[float]] = {}
    for column, value in zip(COLUMNS, units.tolist(), strict=True):
        name = column.removeprefix("AU").lstrip("0").rstrip("RL")
        pair = found.setdefault(name, [0.0, 0.0])
        if not column.endswith("L"):
            pair[0] = value
        if not column.endswith("R"):
            pair[1] = value
    return {name: tuple(pair) for name, pair in found.items() if max(pair) > least}


def coded(units: np.ndarray, letters: bool = False) -> str:
    """The units as a coder writes them: `4+L10`; with letters for strength: `R12B+14A`."""
    parts = []
    for name, (right, left) in sides(units).items():
        side = "R" if left < 0.25 * right else "L" if right < 0.25 * left else ""
        strength = _FACS_STEPS[min(int(max(right, left) * 5), 4)] if letters else ""
        parts.append(f"{side}{name}{strength}")
    return "+".join(parts)
