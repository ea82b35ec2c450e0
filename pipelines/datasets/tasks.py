"""What is to be recognised in a micro-expression beyond the three classes of the composite.

References:
    Varanka et al., "Data Leakage and Evaluation Issues in Micro-Expression Analysis", IEEE Trans. Affective
    Computing 15(1), 2024: 12 Action Units across corpora, binary F1 averaged over them.
    Zhao et al., "DFME: A New Benchmark for Dynamic Facial Micro-Expression Recognition", IEEE Trans.
    Affective Computing 15(3), 2024: seven emotions.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pipelines.datasets.clip import Clip
from pipelines.errors import InputError

#: Action Units of the cross-corpus protocol.
ACTION_UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17)

#: Classes of a network that recognises one Action Unit.
PRESENCE = ("absent", "present")

#: Name of the task of the MEGC 2019 composite, whose classes are in `composite`.
COMPOSITE = "composite"

_CALLED = {"happy": "happiness", "sad": "sadness", "other": "others"}


@dataclass(frozen=True)
class Task:
    """Classes or Action Units, and the corpora that code them.

    Attributes:
        name: name of the task.
        classes: names, in the order of the labels.
        corpora: names of the corpora that code it.
        is_binary: whether each name is present or absent by itself, as Action Units are; otherwise one of
            them is the label.
    """

    name: str
    classes: tuple[str, ...]
    corpora: tuple[str, ...]
    is_binary: bool = False

    def label(self, clip: Clip) -> tuple[int, ...] | int | None:
        """Return the label of a clip.

        Returns:
            Index of its class, or 0 and 1 for each Action Unit; None if the clip is not in the task, for want
            of a class, or because no unit was coded.
        """
        if not self.is_binary:
            emotion = _CALLED.get(clip.emotion or "", clip.emotion)
            return self.classes.index(emotion) if emotion in self.classes else None
        # A unit that the coder was uncertain of does not count, of alternatives the first one does.
        coded = {unit.number for unit in clip.action_units if not unit.uncertain}
        return tuple(int(number in coded) for number in ACTION_UNITS) if coded else None


_CODED = ("casme2", "samm", "casme3", "casme_squared", "dfme", "fourdme", "mmew", "samm_long")
TASKS = {
    "emotions5": Task("emotions5", ("disgust", "happiness", "others", "repression", "surprise"), ("casme2",)),
    "emotions5_samm": Task(
        "emotions5_samm", ("anger", "contempt", "happiness", "others", "surprise"), ("samm",)
    ),
    "emotions7": Task(
        "emotions7",
        ("anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise"),
        ("casme2", "samm", "casme3", "dfme", "mmew", "samm_long"),
    ),
    "action_units": Task("action_units", tuple(f"AU{k}" for k in ACTION_UNITS), _CODED, is_binary=True),
}


def get_task(name: str, corpora: Iterable[str]) -> Task:
    """Return a task by its name.

    Args:
        name: a key of `TASKS`.
        corpora: corpora to train or evaluate on.

    Raises:
        InputError: for an unknown task, a corpus that does not code what it needs, or two corpora of the same
            people.
    """
    if name not in TASKS:
        raise InputError(f"unknown task {name!r}; use one of: {COMPOSITE}, {', '.join(TASKS)}")
    task = TASKS[name]
    if strangers := [corpus for corpus in corpora if corpus not in task.corpora]:
        raise InputError(
            f"task {name!r} has no labels in {strangers[0]}; its corpora are: {', '.join(task.corpora)}"
        )
    if {"samm", "samm_long"} <= set(corpora):
        raise InputError(
            "samm and samm_long show the same people and expressions: those tested would be trained on; "
            "name one of the two"
        )
    return task


def label_counts(task: Task, clips: Iterable[Clip]) -> Mapping[str, int]:
    """Count the clips of each class, or with each Action Unit."""
    counts = Counter({name: 0 for name in task.classes})
    for clip in clips:
        label = task.label(clip)
        if label is not None:
            present = [k for k, there in enumerate(label) if there] if task.is_binary else [label]
            counts.update(task.classes[k] for k in present)
    return dict(counts)
