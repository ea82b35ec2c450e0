"""Keys that tell whether a clip has changed since it was built or analysed."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from pipelines.datasets.clip import Clip
from pipelines.errors import InputError
from pipelines.io.video import frame_files
from pipelines.records.build_config import BuildConfig
from pipelines.records.clip_landmarks import LandmarkFile


def fingerprint(clip: Clip, config: BuildConfig, versions: dict[str, str]) -> str:
    """Return a hash of everything that a clip's records depend on.

    Files are taken by name, size and time of change, as `make` and `rsync` do, and not by content: a build
    that is started again would otherwise read the whole corpus, which can be terabytes on a network's disk,
    to find that nothing is missing. An edit that keeps both size and nanosecond goes unnoticed; a copy of a
    corpus with new times is built anew, which is safe. Landmarks of the corpus are small, so that they are
    taken by content.
    """
    metadata = [clip.subject, clip.name, clip.numbers, clip.onset, clip.apex, clip.offset]
    seen = [asdict(config), versions, metadata, [_seen(file) for file in _files(clip)]]
    digest = hashlib.sha256(json.dumps(seen, sort_keys=True).encode())
    if config.landmarks != "face_mesh":
        for content in _landmarks(clip):
            digest.update(content)
    return digest.hexdigest()


def content_key(clip: Clip) -> str:
    """Return a hash of a clip's files, by name, size and time of change, and of its landmarks, by content."""
    digest = hashlib.sha256(json.dumps([_seen(file) for file in _files(clip)]).encode())
    for content in _landmarks(clip):
        digest.update(content)
    return digest.hexdigest()[:16]


# What cannot be read counts as absent: building the clip will say what is wrong with it.


def _files(clip: Clip) -> Sequence[Path]:
    try:
        return clip.frames or (frame_files(clip.path) if clip.path.is_dir() else (clip.path,))
    except InputError:
        return ()


def _landmarks(clip: Clip) -> Iterator[bytes]:
    with suppress(InputError, OSError):
        if isinstance(clip.landmarks, LandmarkFile):
            yield clip.landmarks.content()
        elif clip.landmarks:
            for points in clip.landmarks():
                yield b"none" if points is None else points.astype("<f4").tobytes()


def _seen(file: Path) -> tuple[str, int | None, int | None]:
    try:
        status = file.stat()
    except OSError:
        return file.name, None, None
    return file.name, status.st_size, status.st_mtime_ns
