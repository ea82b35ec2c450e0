import os
import shutil

import pytest

from keras_models.inference import kept as module
from keras_models.inference.kept import kept
from keras_models.presets import preset_folder
from keras_models.training.precision_policy import precision_policy


@pytest.fixture
def loads(tmp_path, monkeypatch):
    """A function that is kept, the names it has loaded, and a folder `run` beside."""
    monkeypatch.chdir(tmp_path)
    names = []

    def load(name):
        names.append(name)
        return object()

    shutil.copytree(preset_folder("fast"), "run")
    return kept(load, "consistency:"), names


def test_a_name_is_loaded_once(loads):
    get, names = loads
    assert get("run") is get("run") is not get("zero")
    assert names == ["run", "zero"]


def test_a_network_that_was_trained_again_is_loaded_again(loads):
    get, names = loads
    before = get("run")
    shutil.copytree(preset_folder("default"), "run", dirs_exist_ok=True)
    assert get("run") is not before
    assert get("consistency:run") is get("consistency:run")
    os.truncate("run/network.weights.h5", 1000)
    get("consistency:run")
    assert names == ["run", "run", "consistency:run", "consistency:run"]


def test_a_network_of_another_precision_is_another_one(loads):
    get, names = loads
    before = get("run")
    with precision_policy("mixed_bfloat16"):
        assert get("run") is not before
    assert get("run") is before
    assert names == ["run", "run"]


def test_a_folder_whose_name_has_a_colon(loads):
    get, names = loads
    shutil.copytree("run", "run 10:30")
    get("run 10:30")
    os.truncate("run 10:30/network.weights.h5", 1000)
    get("run 10:30")
    assert len(names) == 2


def test_the_same_name_in_another_folder_is_another_network(loads, tmp_path, monkeypatch):
    get, names = loads
    before = get("run")
    shutil.copytree("run", "other/run")
    monkeypatch.chdir(tmp_path / "other")
    assert get("run") is not before
    assert names == ["run", "run"]


def test_forked_processes_are_told(loads, monkeypatch):
    """TensorFlow waits for threads there that do not exist."""
    get, _ = loads
    monkeypatch.setattr(module, "_state", {"has_loaded": False, "is_forked": False})
    assert answer_of_child(get, "run") == "works"
    get("zero")
    assert answer_of_child(get, "run") == "works"
    get("run")
    assert "spawn" in answer_of_child(get, "run")
    assert answer_of_child(get, "zero") == "works"
    get("run")  # not in this process


def answer_of_child(get, name):
    here, there = os.pipe()
    child = os.fork()
    if not child:
        try:
            get(name)
            answer = "works"
        except RuntimeError as error:
            answer = str(error)
        os.write(there, answer.encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(there)
    with os.fdopen(here) as file:
        return file.read()
