"""Samples for classification: features, class and subject of each clip of some corpora."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipelines.datasets.clip import Clip
from pipelines.datasets.composite import CLASSES, PUBLISHED, composite_class
from pipelines.datasets.corpora import read_corpus
from pipelines.datasets.reading import Issue
from pipelines.errors import InputError
from pipelines.files import replacing
from pipelines.io.images import read_images
from pipelines.io.video import read_frames
from pipelines.landmarks.detector import FaceMesh
from pipelines.micro_expressions.onset_apex import Estimate, aligned_pair
from pipelines.micro_expressions.spotting import MOST_FRAMES, spot_apex

#: Corpora without coded apexes: these are spotted.
SPOTTED = ("smic",)

_VERSION = 3  # of the features, part of their key in the cache; raised when they are computed differently


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples in a fixed order.

    Attributes:
        features: float32 [N, 28, 28, 3].
        labels: int32 [N], index into `composite.CLASSES`.
        corpora: name of the corpus of each sample.
        subjects: `CORPUS/SUBJECT` of each sample.
        clips: name of the clip of each sample.
        issues: what was repaired or skipped, and why.
    """

    features: np.ndarray
    labels: np.ndarray
    corpora: tuple[str, ...]
    subjects: tuple[str, ...]
    clips: tuple[str, ...]
    issues: list[Issue] = field(default_factory=list)


def composite_samples(
    sources: Mapping[str, Path],
    estimate: Estimate,
    key: str,
    spot: Estimate,
    cache: Path,
    remove_head: bool = True,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Samples:
    """Read corpora of the MEGC 2019 composite and compute the features of their clips.

    Args:
        sources: folder of each corpus by name: casme2, samm, smic.
        estimate: estimator of the flow.
        key: name of `estimate` and `spot` in the cache; another one whenever either would give another flow.
        spot: estimator of the flow that finds the apex where a corpus codes none.
        cache: folder in which features are kept by the content of the frames.
        remove_head: see `flow_features`.
        progress: called with the number of clips done and the number of all.

    Raises:
        InputError: for a corpus that cannot be read or is none of the composite's, or if no clip is left.
    """
    if strangers := [name for name in sources if name not in PUBLISHED]:
        raise InputError(
            f"corpus {strangers[0]!r} is not in the composite; use one of: {', '.join(PUBLISHED)}"
        )
    issues, members = [], []
    for name, folder in sources.items():
        reading = read_corpus(name, folder)
        issues += [Issue(f"{name}: {issue.clip}", issue.kind, issue.reason) for issue in reading.issues]
        if name in SPOTTED:
            issues.append(Issue(name, "repaired", "no apex was coded; it is spotted in each clip"))
        classes = [(clip, composite_class(name, clip)) for clip in reading.clips]
        members += [(name, clip, label) for clip, label in classes if label]
        others = Counter(clip.emotion or "no emotion" for clip, label in classes if not label)
        issues += [
            Issue(name, "skipped", f"{count} clip(s) of {emotion}: not in the composite")
            for emotion, count in sorted(others.items())
        ]
    rows = []
    options = feature_options(key, remove_head)
    with FaceMesh() as face_mesh:
        for number, (name, clip, label) in enumerate(members):
            try:
                features = clip_features(name, clip, estimate, spot, face_mesh, cache, options)
            except InputError as error:
                issues.append(Issue(f"{name}: {clip.name}", "skipped", " ".join(str(error).split())))
            else:
                subject = f"{name}/{clip.subject}"
                rows.append((features, CLASSES.index(label), name, subject, f"{name}/{clip.name}"))
            progress(number + 1, len(members))
    if not rows:
        why = f"; {issues[-1].clip}: {issues[-1].reason}" if issues else ""
        raise InputError(f"{', '.join(map(str, sources.values()))}: no clip has a class and a face{why}")
    features, labels, corpora, subjects, clips = zip(*rows, strict=True)
    return Samples(np.stack(features), np.array(labels, np.int32), corpora, subjects, clips, issues)


def feature_options(key: str, remove_head: bool) -> dict:
    """Return what features depend on besides the frames; see `composite_samples`."""
    return {"version": _VERSION, "flow": key, "remove_head": remove_head}


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
    spotted = corpus in SPOTTED
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
