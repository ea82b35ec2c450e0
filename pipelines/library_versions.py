"""Versions of the libraries that numbers depend on, for keys of caches and below tables."""

from importlib.metadata import version

# By name of the distribution. OpenCV computes classical flow and warps, MediaPipe finds landmarks.
_LIBRARIES = {
    "TensorFlow": "tensorflow",
    "ONNX Runtime": "onnxruntime",
    "OpenCV": "opencv-contrib-python",
    "MediaPipe": "mediapipe",
    "NumPy": "numpy",
}


def library_versions(*names: str) -> dict[str, str]:
    """Return the installed versions of libraries.

    Args:
        names: TensorFlow, ONNX Runtime, OpenCV, MediaPipe or NumPy; all by default.

    Examples:
        >>> list(library_versions("OpenCV", "NumPy"))
        ['OpenCV', 'NumPy']
    """
    return {name: version(_LIBRARIES[name]) for name in names or _LIBRARIES}
