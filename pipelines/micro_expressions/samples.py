"""Samples for classification: features, class and subject of each clip of some corpora."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipelines.datasets.clip import Clip
from pipelines.datasets.composite import CLASSES, PUBLISHED, composite_class
from pipelines.datasets.corpora import read_corpus
from pipelines.datasets.reading import Issue
from pipelines.errors import InputError
from pipelines.landmarks.detector import FaceMesh
from pipelines.micro_expressions.clip_features import clip_features, feature_options, is_spotted
from pipelines.micro_expressions.onset_apex import Estimate

#: A corpus, one of its clips, and the label of that: a class, or 0 or 1 for each Action Unit.
Member = tuple[str, Clip, int | Sequence[int]]


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples in a fixed order.

    Attributes:
        features: float32 [N, 28, 28, 3].
        labels: int32 [N], index into `composite.CLASSES`, or as the task of `TaskSamples` says.
        corpora: name of the corpus of each sample.
        subjects: `CORPUS/SUBJECT` of each sample.
        clips: `CORPUS/CLIP` of each sample.
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
        estimate: function that estimates the flow of two frames.
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
        if spotted := sum(is_spotted(name, clip) for clip in reading.clips):
            reason = f"no apex was coded in {spotted} clip(s); it is spotted"
            issues.append(Issue(name, "repaired", reason))
        classes = [(clip, composite_class(name, clip)) for clip in reading.clips]
        members += [(name, clip, CLASSES.index(label)) for clip, label in classes if label]
        others = Counter(clip.emotion or "no emotion" for clip, label in classes if not label)
        issues += [
            Issue(name, "skipped", f"{count} clip(s) of {emotion}: not in the composite")
            for emotion, count in sorted(others.items())
        ]
    return collect_samples(members, issues, estimate, key, spot, cache, remove_head, progress, sources)


def collect_samples(
    members: Sequence[Member],
    issues: Iterable[Issue],
    estimate: Estimate,
    key: str,
    spot: Estimate,
    cache: Path,
    remove_head: bool,
    progress: Callable[[int, int], None],
    sources: Mapping[str, Path],
) -> Samples:
    """Compute the features of labelled clips; a clip that has none is skipped, with an issue.

    Args:
        members: the clips and their labels.
        issues: what was repaired or skipped before.
        estimate: function that estimates the flow of two frames.
        key: name of `estimate` and `spot` in the cache.
        spot: estimator of the flow that finds the apex where a corpus codes none.
        cache: folder in which features are kept by the content of the frames.
        remove_head: see `flow_features`.
        progress: called with the number of clips done and the number of all.
        sources: folder of each corpus by name.

    Raises:
        InputError: if no clip is left.
    """
    rows, issues = [], list(issues)
    options = feature_options(key, remove_head)
    with FaceMesh() as face_mesh:
        for number, (name, clip, label) in enumerate(members):
            try:
                features = clip_features(name, clip, estimate, spot, face_mesh, cache, options)
            except InputError as error:
                issues.append(Issue(f"{name}: {clip.name}", "skipped", " ".join(str(error).split())))
            else:
                rows.append((features, label, name, f"{name}/{clip.subject}", f"{name}/{clip.name}"))
            progress(number + 1, len(members))
    if not rows:
        why = f"; {issues[-1].clip}: {issues[-1].reason}" if issues else ""
        raise InputError(f"{', '.join(map(str, sources.values()))}: no clip has a label and a face{why}")
    features, labels, corpora, subjects, clips = zip(*rows, strict=True)
    return Samples(np.stack(features), np.array(labels, np.int32), corpora, subjects, clips, issues)
