"""From the clips of a corpus to records: frames -> landmarks -> pairs of frames of one clip."""

import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

from pipelines.clips import read_frames
from pipelines.corpora import find_clips
from pipelines.corpora.clip import Clip
from pipelines.errors import InputError
from pipelines.files import check_exists, encode_png, replacing
from pipelines.landmarks import Face, FaceMesh

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class ClipReport:
    """What became of one clip.

    Attributes:
        subject: whose face it is.
        clip: name of the clip.
        shard: file name of its records, if any were written.
        frames: frames read.
        without_face: how many of them showed no face; no pair spans such a frame.
        with_several_faces: how many showed more than one; the largest was taken, and then followed.
        pairs: pairs written.
        failure: why the clip was left out, if it was.
    """

    subject: str
    clip: str
    shard: str | None = None
    frames: int = 0
    without_face: int = 0
    with_several_faces: int = 0
    pairs: int = 0
    failure: str | None = None


@dataclass(frozen=True)
class Manifest:
    """What a folder of records holds, as `manifest.json` beside the shards.

    Attributes:
        corpus: the reader that found the clips.
        source: the corpus' folder.
        step: frames between the two of a pair.
        versions: of the packages that the records depend on.
        clips: one report a clip, failures included.
    """

    corpus: str
    source: str
    step: int
    versions: dict[str, str]
    clips: list[ClipReport] = field(default_factory=list)

    @property
    def pairs(self) -> int:
        """Pairs in all shards."""
        return sum(clip.pairs for clip in self.clips)

    @property
    def failures(self) -> list[ClipReport]:
        """Clips that were left out."""
        return [clip for clip in self.clips if clip.failure]


def read_manifest(folder: Path | str) -> Manifest:
    """Read the manifest of a folder of records.

    Raises:
        InputError: if it is absent or damaged.
    """
    path = check_exists(Path(folder) / MANIFEST)
    try:
        content = json.loads(path.read_text())
        return Manifest(**content | {"clips": [ClipReport(**clip) for clip in content["clips"]]})
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path}: damaged ({error}); build the records again") from error


def build(
    source: Path | str,
    out: Path | str,
    corpus: str = "folder",
    step: int = 1,
    on_clip: Callable[[ClipReport], None] = lambda report: None,
) -> Manifest:
    """Build the records of a corpus, one shard a clip; the folder appears when all of it is there.

    A clip that cannot be used is a row with a `failure` in the manifest and stops nothing else.

    Args:
        source: the corpus' folder.
        out: where the shards and `manifest.json` go.
        corpus: a key of `pipelines.corpora.CORPORA`.
        step: frames from the first to the second of a pair; 1 is the next one. Landmarks jitter by as much
            whatever the step, so where faces move slowly a larger one gives better labels.
        on_clip: called after each clip, for progress.

    Raises:
        InputError: if the corpus has no clips, or not one pair came of them, or `out` has something in it.
    """
    if step < 1:
        raise InputError(f"step {step}: the second frame of a pair comes after the first")
    clips = find_clips(corpus, Path(source))
    manifest = Manifest(
        corpus, str(source), step, {name: version(name) for name in ("mediapipe", "opencv-contrib-python")}
    )
    with replacing(out) as part:
        part.mkdir()
        for clip in clips:
            report = build_clip(clip, part, step)
            manifest.clips.append(report)
            on_clip(report)
        if not manifest.pairs:
            reasons = sorted({report.failure for report in manifest.failures})
            raise InputError(f"{source}: not one pair came of {len(clips)} clips: {'; '.join(reasons)}")
        (part / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1))
    return manifest


def build_clip(clip: Clip, out: Path, step: int = 1) -> ClipReport:
    """Write the shard of one clip and say what became of it."""
    # Imported here: TensorFlow takes seconds, and who only wants a manifest does not need it.
    from pipelines.records import SUFFIX, write_records

    counts = {"frames": 0, "without_face": 0, "with_several_faces": 0}
    shard = f"{clip.name}{SUFFIX}"
    try:
        with FaceMesh(tracking=True) as face_mesh:
            pairs = write_records(out / shard, _pairs(clip, step, face_mesh, counts))
    except InputError as error:
        return ClipReport(clip.subject, clip.name, failure=str(error), **counts)
    if not pairs:
        (out / shard).unlink()
        failure = f"{clip.path}: no face in two frames that make a pair"
        if counts["frames"] <= step:
            failure = f"{clip.path}: {counts['frames']} frame(s), and pairs are {step} apart"
        return ClipReport(clip.subject, clip.name, failure=failure, **counts)
    return ClipReport(clip.subject, clip.name, shard, pairs=pairs, **counts)


def _pairs(clip: Clip, step: int, face_mesh: FaceMesh, counts: dict[str, int]) -> Iterator:
    """Yield the pairs of frames `step` apart with a face in both; never across clips."""
    from pipelines.records import PairRecord

    # The last frames, encoded once each, oldest first; None where there was no face.
    recent: deque[tuple[bytes, Face] | None] = deque(maxlen=step)
    for number, frame in enumerate(read_frames(clip.path)):
        last = recent[-1] if recent else None
        face = face_mesh(frame, last and last[1].landmarks)
        counts["frames"] += 1
        counts["without_face"] += face is None
        counts["with_several_faces"] += face is not None and face.faces_in_frame > 1
        now = None if face is None else (encode_png(frame), face)
        if len(recent) == step and recent[0] and now:
            (png1, face1), (png2, face2) = recent[0], now
            yield PairRecord(
                clip.subject, clip.name, number - step, number, png1, png2, face1.landmarks, face2.landmarks
            )
        recent.append(now)
