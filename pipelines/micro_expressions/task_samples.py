"""Clips of corpora as samples of a task: classes of emotion, or Action Units."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.datasets.corpora import read_corpus
from pipelines.datasets.reading import Issue
from pipelines.datasets.tasks import Task
from pipelines.micro_expressions.onset_apex import Estimate
from pipelines.micro_expressions.samples import Samples, collect_samples


@dataclass(frozen=True, eq=False, kw_only=True)
class TaskSamples(Samples):
    """Samples of a task.

    Attributes:
        task: what the labels mean: int32 [N], index into `task.classes`; of Action Units int32 [N, units],
            0 or 1.
    """

    task: Task


def task_samples(
    task: Task,
    sources: Mapping[str, Path],
    estimate: Estimate,
    key: str,
    spot: Estimate,
    cache: Path,
    remove_head: bool = True,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> TaskSamples:
    """Read corpora and compute the features of the clips that have a label.

    Of corpora of long videos micro-expressions count, and macro-expressions do not.

    Args:
        task: the task.
        sources: folder of each corpus by name.
        estimate: function that estimates the flow of two frames.
        key: name of `estimate` and `spot` in the cache; another one whenever either would give another flow.
        spot: estimator of the flow that finds the apex where a corpus codes none.
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
    samples = collect_samples(members, issues, estimate, key, spot, cache, remove_head, progress, sources)
    return TaskSamples(**vars(samples), task=task)
