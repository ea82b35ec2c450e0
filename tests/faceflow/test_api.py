"""`import faceflow`: what a first script needs, quickly, and from anywhere."""

import doctest
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import keras
import numpy as np
import pytest

import faceflow
import faceflow.api
from keras_models.presets import preset_folder
from pipelines.errors import InputError
from pipelines.synthetic.portrait import PortraitMotion, moved_portrait

PROJECT = Path(__file__).parents[2]


def run_python(code, folder):
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("module", [faceflow, faceflow.api], ids=["faceflow", "faceflow.api"])
def test_examples(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_importing_it_loads_nothing_heavy():
    heavy = {"tensorflow", "keras", "numpy", "cv2", "mediapipe", "scipy"}
    done = run_python(f"import faceflow, sys; print(sorted({heavy} & set(sys.modules)))", PROJECT)
    assert done.stdout.strip() == "[]", done.stderr


def test_the_version_stands_in_one_place():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"] == {"path": "faceflow/__init__.py"}
    assert f"\nversion: {faceflow.__version__}\n" in (PROJECT / "CITATION.cff").read_text()


def test_public_names_are_listed_and_exist():
    assert set(dir(faceflow)) == set(faceflow.__all__)
    for name in faceflow.__all__:
        assert getattr(faceflow, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'flow'"):
        faceflow.flow  # noqa: B018


@pytest.fixture
def folder_of_a_project(tmp_path):
    """A folder with packages of its own that have the names of ours."""
    for name in ("pipelines", "serving"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    return tmp_path


def test_ours_are_found_beside_packages_of_the_same_name(folder_of_a_project):
    code = "import faceflow; from pipelines.io import flow_io; print(faceflow.read_flow is flow_io.read_flow)"
    done = run_python(code, folder_of_a_project)
    assert done.stdout.strip() == "True", done.stderr


def test_a_package_of_the_same_name_that_was_imported_before(folder_of_a_project):
    done = run_python("import serving; import faceflow", folder_of_a_project)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: FaceFlow needs its own package 'serving'")
    assert str(folder_of_a_project / "serving") in last
    assert "import faceflow first" in last


def test_flow_of_a_portrait_that_moves_as_is_known(portrait, portrait_landmarks):
    pair = moved_portrait(portrait, portrait_landmarks, PortraitMotion(size=128), 5, 0)
    error = faceflow.estimate_flow(pair.frame1, pair.frame2) - pair.flow
    assert np.linalg.norm(error, axis=-1)[pair.face].mean() < 0.2  # a face that moves by 2 px on average


def test_a_loaded_network_and_its_name_give_the_same(portrait):
    frame1, frame2 = portrait[:96, :128], portrait[2:98, :128]
    by_name = faceflow.estimate_flow(frame1, frame2)
    np.testing.assert_array_equal(faceflow.estimate_flow(frame1, frame2, faceflow.load()), by_name)
    floats = faceflow.estimate_flow(frame1 / 255, frame2 / np.float32(255))
    np.testing.assert_array_equal(floats, by_name)


def test_grey_frames(portrait):
    grey = portrait[:64, :64, 0]
    np.testing.assert_array_equal(
        faceflow.estimate_flow(grey, grey, "dis_fast"),
        faceflow.estimate_flow(*[np.dstack([grey] * 3)] * 2, "dis_fast"),
    )


def test_where_a_label_is_unknown_the_flow_is_nan(portrait):
    flow = faceflow.estimate_flow(portrait, portrait, "label:mesh")
    unknown = np.isnan(flow).any(axis=-1)
    assert unknown[0, 0]
    assert not unknown.all()
    np.testing.assert_allclose(flow[~unknown], 0, atol=1e-3)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (np.zeros((8, 8), np.int32), "frame1: dtype int32"),
        (np.zeros((8, 8, 4), np.uint8), r"frame1: shape \(8, 8, 4\)"),
        (np.zeros((0, 8, 3), np.uint8), r"frame1: shape \(0, 8, 3\)"),
        (np.full((8, 8), 200.0), "frame1: values from 200 to 200"),
        (np.full((8, 8), np.nan), "frame1: values from nan to nan"),
        (np.zeros((9, 8, 3), np.uint8), "differ in size: 8x9 and 8x8"),
    ],
)
def test_what_is_no_frame_is_refused(frame, message):
    with pytest.raises(InputError, match=message):
        faceflow.estimate_flow(frame, np.zeros((8, 8, 3), np.uint8), "zero")


def test_loading_what_there_is_not():
    with pytest.raises(InputError, match="nothing: no such folder or preset"):
        faceflow.load("nothing")


def test_loading_a_classifier():
    classifier = faceflow.load("expression")
    assert isinstance(classifier, keras.Model)
    assert classifier(np.zeros((2, 28, 28, 3), np.float32)).shape == (2, 4, 3)  # members, classes


def test_a_path_is_a_folder_whatever_its_name(tmp_path, monkeypatch):
    """`Path("./default")` is `Path("default")`: the folder of the user, not the preset of that name."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(preset_folder("fast"), "default")
    frame = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    moved = np.roll(frame, 1, axis=1)
    of_fast = faceflow.estimate_flow(frame, moved, "fast")
    for folder in (Path("default"), "./default"):
        np.testing.assert_array_equal(faceflow.estimate_flow(frame, moved, folder), of_fast)
    assert not np.array_equal(faceflow.estimate_flow(frame, moved, "default"), of_fast)
    shutil.rmtree("default")
    with pytest.raises(InputError, match="default"):
        faceflow.estimate_flow(frame, moved, Path("default"))


def test_a_network_in_the_same_folder_may_change(tmp_path):
    run = tmp_path / "run"
    frame = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    moved = np.roll(frame, 1, axis=1)
    for name in ("fast", "default"):
        shutil.copytree(preset_folder(name), run, dirs_exist_ok=True)
        expected = faceflow.estimate_flow(frame, moved, name)
        np.testing.assert_array_equal(faceflow.estimate_flow(frame, moved, run), expected)


def test_threads_that_begin_together():
    """Face Mesh is imported without TensorFlow, which other threads import meanwhile."""
    script = """
import numpy as np
from concurrent.futures import ThreadPoolExecutor
import faceflow
from pipelines.errors import InputError
frame = np.zeros((64, 64, 3), np.uint8)
def call(method):
    try:
        return faceflow.estimate_flow(frame, frame, method).shape
    except InputError as error:
        return str(error)[:22]
with ThreadPoolExecutor(4) as pool:
    print(*pool.map(call, ["label:mesh", "default", "label:mesh", "fast"]), sep="\\n")
"""
    command = [sys.executable, "-c", script]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert lines == ["frame 1: no face found", "(64, 64, 2)"] * 2
