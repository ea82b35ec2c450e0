"""Clips of corpora as samples of a task: classes of emotion, or Action Units."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipelines.datasets.corpora import read_corpus
from pipelines.datasets.reading import Issue
from pipelines.datasets.tasks import Task
from pipelines.errors import InputError
from pipelines.landmarks.detector import FaceMesh
from pipelines.micro_expressions.onset_apex import Estimate
from pipelines.micro_expressions.samples import clip_features, feature_options


@dataclass(frozen=True, eq=False)
class TaskSamples:
    """Samples in a fixed order.

    Attributes:
        task: what their labels mean.
        features: float32 [N, 28, 28, 3].
        labels: int32 [N], index into `task.classes`; of Action Units int32 [N, units], 0 or 1.
        corpora: name of the corpus of each.
        subjects: `CORPUS/SUBJECT` of each.
        clips: `CORPUS/CLIP` of each.
        issues: what was repaired or skipped, and why.
    """

    task: Task
    features: np.ndarray
    labels: np.ndarray
    corpora: tuple[str, ...]
    subjects: tuple[str, ...]
    clips: tuple[str, ...]
    issues: list[Issue] = field(default_factory=list)


def task_samples(
    task: Task,
    sources: Mapping[str, Path],
    estimate: Estimate,
    key: str,
    cache: Path,
    remove_head: bool = True,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> TaskSamples:
    """Read corpora and compute the features of the clips that have a label.

    Of corpora of long videos micro-expressions count, and macro-expressions do not.

    Args:
        task: the task.
        sources: folder of each corpus by name.
        estimate: of the flow.
        key: identifies `estimate`.
        cache: folder that keeps features by the content of the frames.
        remove_head: see `flow_features`.
        progress: called with the number of clips done and the number of all.

    Raises:
        InputError: for a corpus that cannot be read, or if no clip is left.
    """
    issues, members = [], []
    for name, folder in sources.items():
        reading = read_corpus(name, folder)
        issues += [Issue(f"{name}: {issue.clip}", issue.kind, issue.reason) for issue in reading.issues]
        macro = {one.name for video in reading.videos for one in video.expressions if one.kind == "macro"}
        labelled = [(name, clip, task.label(clip)) for clip in reading.clips if clip.name not in macro]
        members += [member for member in labelled if member[2] is not None]
        if without := sum(label is None for _, _, label in labelled):
            issues.append(
                Issue(name, "skipped", f"{without} clip(s) without a label of the task {task.name}")
            )
    rows = []
    options = feature_options(key, remove_head)
    with FaceMesh() as face_mesh:
        for number, (name, clip, label) in enumerate(members):
            try:
                features = clip_features(name, clip, estimate, estimate, face_mesh, cache, options)
            except InputError as error:
                issues.append(Issue(f"{name}: {clip.name}", "skipped", " ".join(str(error).split())))
            else:
                rows.append((features, label, name, f"{name}/{clip.subject}", f"{name}/{clip.name}"))
            progress(number + 1, len(members))
    if not rows:
        why = f"; {issues[-1].clip}: {issues[-1].reason}" if issues else ""
        raise InputError(f"{', '.join(map(str, sources.values()))}: no clip has a label and a face{why}")
    features, labels, corpora, subjects, clips = zip(*rows, strict=True)
    return TaskSamples(task, np.stack(features), np.array(labels, np.int32), corpora, subjects, clips, issues)
