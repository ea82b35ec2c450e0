"""Clip folders: a clip with the true flow from its first frame to every other, and its events, as files.

A folder holds `frames/00000.png, ...`, for every frame but the first `flow/NNNNN.flo`, `head/NNNNN.flo` (the
part of the flow that the head's rigid motion makes) and `occluded/NNNNN.png`, all on the first frame's grid;
`face.png` and `regions.png` of the first frame, `landmarks.npy` of all frames, `events.csv` and `clip.json`.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import cv2
import numpy as np

from pipelines.errors import InputError
from pipelines.files import check_exists
from pipelines.io.flow_io import read_flow, write_flow
from pipelines.io.images import read_image, write_image
from pipelines.landmarks.face_mesh import NUM_LANDMARKS


@dataclass(frozen=True)
class ClipEvent:
    """Something that happens in a clip, in frame numbers from 0.

    Attributes:
        kind: micro, macro, blink, head or speech.
        label: class of an expression (negative, positive, surprise); empty for others.
        onset: last frame before it is seen.
        apex: frame of the largest motion; the middle of what is held.
        offset: first frame after it.
        peak: largest motion of the skin, or mean motion of the face where the head turns, pixels.
    """

    kind: str
    label: str
    onset: int
    apex: int
    offset: int
    peak: float


@dataclass(frozen=True, eq=False)
class TrueMotion:
    """Motion from the first frame of a clip to another one, on the first frame's grid.

    Attributes:
        flow: float32 [H, W, 2], pixels.
        head: float32 [H, W, 2], the part of `flow` that the head's rigid motion makes.
        occluded: bool [H, W], hidden in the other frame.
    """

    flow: np.ndarray
    head: np.ndarray
    occluded: np.ndarray


@dataclass(frozen=True, eq=False)
class ClipTruth:
    """What is known of a clip besides its frames and flows, which are read one by one.

    Attributes:
        folder: folder of the clip's files.
        kind: kind of motion, for instance `micro` or `head`.
        rate: frames per second.
        face: bool [H, W], pixels of the face in the first frame.
        regions: uint8 [H, W], as `face_mesh.region_map`.
        landmarks: float32 [T, 478, 2], (x, y) in pixels.
        events: events in the order of their onsets.
    """

    folder: Path
    kind: str
    rate: float
    face: np.ndarray
    regions: np.ndarray
    landmarks: np.ndarray
    events: tuple[ClipEvent, ...]

    def __len__(self) -> int:
        return len(self.landmarks)

    def frame(self, number: int) -> np.ndarray:
        """Read a frame: uint8 [H, W, 3], RGB."""
        return read_image(self.folder / "frames" / f"{number:05d}.png")

    def frames(self) -> Iterator[np.ndarray]:
        """Read the frames one after the other."""
        return map(self.frame, range(len(self)))

    def motion(self, number: int) -> TrueMotion:
        """Read the motion from the first frame to frame `number`, which is at least 1."""
        name = f"{number:05d}"
        return TrueMotion(
            read_flow(self.folder / "flow" / f"{name}.flo")[0],
            read_flow(self.folder / "head" / f"{name}.flo")[0],
            _read_mask(self.folder / "occluded" / f"{name}.png"),
        )


def list_clips(folder: Path | str) -> list[Path]:
    """Return the clip folders in a folder, in order.

    Raises:
        InputError: if the folder is absent or holds none.
    """
    folder = check_exists(Path(folder))
    clips = sorted(path.parent for path in folder.glob("*/clip.json"))
    if not clips:
        raise InputError(f"{folder}: no clips with truth here (folders with clip.json, frames/ and flow/)")
    return clips


def read_clip_truth(folder: Path | str) -> ClipTruth:
    """Read what is known of a clip.

    Raises:
        InputError: if a file is absent or damaged.
    """
    folder = Path(folder)
    try:
        about = json.loads(check_exists(folder / "clip.json").read_text())
        with check_exists(folder / "events.csv").open(newline="") as file:
            events = tuple(_event(row) for row in csv.DictReader(file))
        landmarks = np.load(check_exists(folder / "landmarks.npy"))
        kind, rate = str(about["kind"]), float(about["rate"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder}: a file of the clip is damaged ({error}); render it again") from error
    if landmarks.shape[1:] != (NUM_LANDMARKS, 2):
        raise InputError(f"{folder / 'landmarks.npy'}: has the shape {landmarks.shape}, not (T, 478, 2)")
    regions = read_image(folder / "regions.png")[..., 0]
    return ClipTruth(folder, kind, rate, _read_mask(folder / "face.png"), regions, landmarks, events)


def write_clip_frame(folder: Path, number: int, frame: np.ndarray, motion: TrueMotion | None) -> None:
    """Write a frame and, but for the first, the motion from the first one to it."""
    name = f"{number:05d}"
    write_image(folder / "frames" / f"{name}.png", frame)
    if motion is not None:
        write_flow(folder / "flow" / f"{name}.flo", motion.flow)
        write_flow(folder / "head" / f"{name}.flo", motion.head)
        write_image(folder / "occluded" / f"{name}.png", _as_picture(motion.occluded))


def write_clip_truth(truth: ClipTruth, metadata: dict) -> None:
    """Write what is known of a clip; its frames and flows are written by `write_clip_frame`."""
    folder = truth.folder
    write_image(folder / "face.png", _as_picture(truth.face))
    write_image(folder / "regions.png", cv2.merge([truth.regions] * 3))
    np.save(folder / "landmarks.npy", truth.landmarks.astype(np.float32))
    with (folder / "events.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(ClipEvent)])
        writer.writeheader()
        writer.writerows(asdict(event) for event in truth.events)
    about = {"kind": truth.kind, "rate": truth.rate, **metadata}
    (folder / "clip.json").write_text(json.dumps(about, indent=1) + "\n")


def _event(row: dict[str, str]) -> ClipEvent:
    frames = (int(row[name]) for name in ("onset", "apex", "offset"))
    return ClipEvent(row["kind"], row["label"], *frames, float(row["peak"]))


def _as_picture(mask: np.ndarray) -> np.ndarray:
    return cv2.merge([mask.astype(np.uint8) * 255] * 3)


def _read_mask(path: Path) -> np.ndarray:
    return read_image(path)[..., 0] > 127
