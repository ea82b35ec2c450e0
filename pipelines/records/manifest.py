"""What a folder of records holds, as `manifest.json` beside the shards."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pipelines.datasets.reading import Count, Issue
from pipelines.errors import InputError
from pipelines.files import check_exists, replacing
from pipelines.records.build_config import BuildConfig

MANIFEST = "manifest.json"

#: Upper edges of the histogram `ClipReport.motion`, pixels; its last bin holds what lies above.
MOTION_EDGES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


@dataclass(frozen=True)
class ClipReport:
    """What became of one clip.

    Attributes:
        subject: person whose face is seen.
        clip: name of the clip.
        key: hash of the clip's files and of the settings (`fingerprint`).
        shard: file name of its records, if any were written.
        size: size of the shard in bytes.
        sha256: SHA-256 of the shard.
        frames: frames read.
        without_face: how many of them showed no face; no pair begins or ends at such a frame.
        with_several_faces: how many showed more than one; the largest was taken, and then followed.
        pairs: pairs written.
        motion: how many pairs have landmarks that move so far on average, by `MOTION_EDGES`.
        jitter: `smoothing.jitter` of the landmarks as they were found, pixels; None if no two
            frames in a row have a face. On a moving face its own motion counts too.
        jitter_smoothed: the same after smoothing.
        failure: why the clip was skipped, or None.
    """

    subject: str
    clip: str
    key: str
    shard: str | None = None
    size: int = 0
    sha256: str | None = None
    frames: int = 0
    without_face: int = 0
    with_several_faces: int = 0
    pairs: int = 0
    motion: list[int] = field(default_factory=list)
    jitter: float | None = None
    jitter_smoothed: float | None = None
    failure: str | None = None


@dataclass(frozen=True)
class Manifest:
    """What a folder of records holds.

    Attributes:
        source: the corpus' folder.
        settings: what the records were built with.
        versions: versions of the packages that the records depend on, and of the recipe.
        complete: whether the build came to its end; if not, the same build goes on where this one stopped.
        clips: one report a clip, failures included.
        issues: what the reader of the corpus repaired and skipped.
        counts: what there is in the corpus against what its owner published.
    """

    source: str
    settings: BuildConfig
    versions: dict[str, str]
    complete: bool = False
    clips: list[ClipReport] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)

    @property
    def pairs(self) -> int:
        """Pairs in all shards."""
        return sum(clip.pairs for clip in self.clips)

    @property
    def failures(self) -> list[ClipReport]:
        """Clips that were skipped."""
        return [clip for clip in self.clips if clip.failure]


def read_manifest(folder: Path | str) -> Manifest:
    """Read the manifest of a folder of records.

    Raises:
        InputError: if it is absent or damaged.
    """
    path = check_exists(Path(folder) / MANIFEST)
    try:
        content = json.loads(path.read_text())
        content["settings"] = BuildConfig(**content["settings"])
        for name, kind in (("clips", ClipReport), ("issues", Issue), ("counts", Count)):
            content[name] = [kind(**row) for row in content[name]]
        return Manifest(**content)
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path}: damaged ({error}); build the records again") from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write a manifest, whole or not at all."""
    with replacing(folder / MANIFEST) as part:
        part.write_text(json.dumps(asdict(manifest), indent=1))
