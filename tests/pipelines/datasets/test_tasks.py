from pathlib import Path

import pytest

from pipelines.datasets.clip import ActionUnit, Clip
from pipelines.datasets.tasks import ACTION_UNITS, TASKS, get_task, label_counts
from pipelines.errors import InputError


def clip(emotion=None, units=()):
    return Clip("anna", "clip", Path("clip"), emotion=emotion, action_units=tuple(units))


def test_owners_names_of_emotions_come_to_one():
    task = TASKS["emotions7"]
    assert (
        task.classes[task.label(clip("happy"))] == task.classes[task.label(clip("happiness"))] == "happiness"
    )
    assert task.classes[task.label(clip("sad"))] == "sadness"
    assert task.label(clip("others")) is task.label(clip(None)) is None
    assert TASKS["emotions5_samm"].classes[TASKS["emotions5_samm"].label(clip("other"))] == "others"


def test_action_units_are_each_present_or_absent():
    task = TASKS["action_units"]
    units = [ActionUnit(4), ActionUnit(12, "L", "B"), ActionUnit(6, alternatives=(ActionUnit(7),))]
    units += [ActionUnit(1, uncertain=True), ActionUnit(43)]
    label = task.label(clip(units=units))
    assert [number for number, there in zip(ACTION_UNITS, label, strict=True) if there] == [4, 6, 12]
    assert task.label(clip("happiness")) is None
    assert label_counts(task, [clip(units=units), clip(units=[ActionUnit(4)])])["AU4"] == 2


@pytest.mark.parametrize(
    ("name", "corpora", "says"),
    [
        ("emotions6", [], "unknown task 'emotions6'; use one of: composite, emotions5"),
        ("emotions5", ["casme2", "samm"], "has no labels in samm; its corpora are: casme2"),
        ("action_units", ["smic"], "has no labels in smic"),
    ],
)
def test_tasks_that_a_corpus_does_not_code(name, corpora, says):
    with pytest.raises(InputError, match=says):
        get_task(name, corpora)


def test_two_corpora_of_the_same_people():
    with pytest.raises(InputError, match="samm and samm_long show the same people"):
        get_task("action_units", ["samm", "casme2", "samm_long"])
    assert get_task("action_units", ["casme2", "samm_long"]).is_binary
