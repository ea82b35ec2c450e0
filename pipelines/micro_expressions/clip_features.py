"""Features of a clip of a corpus, computed once and kept in a cache by the content of its frames."""

import hashlib
import json
from pathlib import Path

import numpy as np

from pipelines.datasets.clip import Clip
from pipelines.errors import InputError
from pipelines.files import replacing
from pipelines.io.images import read_images
from pipelines.io.video import read_frames
from pipelines.landmarks.detector import FaceMesh
from pipelines.library_versions import library_versions
from pipelines.micro_expressions.onset_apex import Estimate, aligned_pair
from pipelines.micro_expressions.spotting import MOST_FRAMES, spot_apex

#: Corpora without coded apexes: these are spotted, but for those that somebody has added to the sheet.
SPOTTED = ("smic",)

_VERSION = 4  # of the features, part of their key in the cache; raised when they are computed differently


def is_spotted(corpus: str, clip: Clip) -> bool:
    """Tell whether the apex of a clip is spotted, because nobody has coded it."""
    return corpus in SPOTTED and (clip.apex is None or clip.apex_is_midpoint)


def feature_options(key: str, remove_head: bool) -> dict:
    """Return what features depend on besides the frames; see `composite_samples`."""
    libraries = library_versions("OpenCV", "MediaPipe", "NumPy")  # of the alignment, whatever the flow
    return {"version": _VERSION, "flow": key, "remove_head": remove_head, "libraries": libraries}


def clip_features(
    corpus: str,
    clip: Clip,
    estimate: Estimate,
    spot: Estimate,
    face_mesh: FaceMesh,
    cache: Path,
    options: dict,
) -> np.ndarray:
    """Return the features of a clip, float32 [28, 28, 3], computed or cached; see `composite_samples`."""
    spotted = is_spotted(corpus, clip)
    if clip.onset is None:
        raise InputError("its onset is not known")
    if clip.apex is None and not spotted:
        raise InputError("its apex is not known")
    last = clip.offset if spotted else clip.apex
    if last is None:
        if clip.frames is None:
            raise InputError("its offset is not known")
        last = len(clip.frames) - 1
    if last <= clip.onset:
        raise InputError(f"its apex, frame {last}, is not after its onset, frame {clip.onset}")
    many = min(MOST_FRAMES, last - clip.onset) + 1 if spotted else 2
    indices = np.linspace(clip.onset, last, many).round().astype(int).tolist()
    files = [clip.path] if clip.frames is None else [clip.frames[k] for k in indices]
    of_video = {"frames": indices} if clip.frames is None else {}
    path = cache / f"{_content(files, options | of_video | {'spotted': spotted})}.npy"
    if path.exists():
        return np.load(path)
    frames = read_images(files) if clip.frames else _of_video(clip.path, indices)
    apex = len(frames) - 1
    if spotted:
        apex = spot_apex(frames, spot, face_mesh, clip.name).frame
    names = [file.name for file in files] if clip.frames else [f"frame {k}" for k in indices]
    names = names[0], names[apex]
    pair = aligned_pair(frames[0], frames[apex], estimate, face_mesh, names)
    features = pair.features(options["remove_head"])
    if not np.isfinite(features).all():
        raise InputError(f"the flow from {names[0]} to {names[1]} is not finite")
    with replacing(path) as part:
        np.save(part, features)
    return features


def _of_video(path: Path, indices: list[int]) -> list[np.ndarray]:
    wanted = set(indices)
    found = {
        k: frame for k, frame in zip(range(max(wanted) + 1), read_frames(path), strict=False) if k in wanted
    }
    if absent := wanted - found.keys():
        raise InputError(f"{path}: frame {min(absent)} is missing; the video is shorter than the sheet says")
    return [found[k] for k in indices]


def _content(files: list[Path], options: dict) -> str:
    digest = hashlib.sha256(json.dumps(options, sort_keys=True).encode())
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:32]
