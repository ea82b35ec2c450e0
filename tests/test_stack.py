"""The packages that the project promises: locked, and working in one process."""

import subprocess
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[1]
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
