"""The packages that the project promises: locked, and working in one process."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import files, packages_distributions
from pathlib import Path

PROJECT = Path(__file__).parents[1]
OWN = ("pipelines", "keras_models", "serving", "faceflow")
DISTRIBUTIONS = packages_distributions()
# opencv-contrib-python is opencv-python with the contrib modules; both at once would overwrite each other.
PACKAGES = {
    "tensorflow": "tensorflow",
    "keras": "keras",
    "tensorflow-addons": "tensorflow_addons",
    "tf2onnx": "tf2onnx",
    "numpy": "numpy",
    "opencv-contrib-python": "cv2",
    "mediapipe": "mediapipe",
    "tensorflow-serving-api": "tensorflow_serving.apis.predict_pb2",
}


def test_all_are_locked_and_only_one_opencv():
    locked = {package["name"] for package in tomllib.loads((PROJECT / "uv.lock").read_text())["package"]}
    assert set(PACKAGES) <= locked
    assert [name for name in locked if name.startswith("opencv")] == ["opencv-contrib-python"]


def test_all_import_in_one_process():
    code = f"for name in {list(PACKAGES.values())}: __import__(name)"
    result = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def imported_modules(path):
    """The modules that a file imports, wherever in it, by their dotted names."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def providers(module):
    """The installed distributions that a module may come from; several share a name such as `google`."""
    found = set(DISTRIBUTIONS.get(module.split(".")[0], ()))
    if len(found) > 1:
        folder = "/".join(module.split(".")[:2])
        found = {name for name in found if any(str(file).startswith(folder) for file in files(name))}
    return {normalised(name) for name in found}


def normalised(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_providers_are_told_apart():
    assert providers("google.protobuf.message") == {"protobuf"}
    assert providers("cv2") == {"opencv-contrib-python"}
    assert providers("not_installed_anywhere") == set()


def test_every_import_is_of_a_declared_dependency():
    """What arrives only because something else needs it can be gone with that thing's next version."""
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["dependencies"]
    declared = {normalised(re.match(r"[\w.-]+", line).group()) for line in declared}
    for path in [path for package in OWN for path in (PROJECT / package).rglob("*.py")]:
        for module in imported_modules(path):
            if module.split(".")[0] not in sys.stdlib_module_names | set(OWN):
                assert providers(module) & declared, f"{path} imports {module}"
