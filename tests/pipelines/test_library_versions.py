import cv2
import mediapipe
import numpy as np
import onnxruntime
import tensorflow as tf

from pipelines.library_versions import library_versions


def test_versions_are_those_that_the_libraries_state():
    found = library_versions()
    assert found.pop("OpenCV").startswith(cv2.__version__)  # the wheel counts its builds
    assert found == {
        "TensorFlow": tf.__version__,
        "ONNX Runtime": onnxruntime.__version__,
        "MediaPipe": mediapipe.__version__,
        "NumPy": np.__version__,
    }
    assert library_versions("NumPy") == {"NumPy": np.__version__}
