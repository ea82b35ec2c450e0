"""Flow files: Middlebury `.flo`, KITTI 16-bit PNG, `.npz`, and `.pfm` of the Scene Flow data sets.

Each reader returns the flow, float32 [H, W, 2] in pixels, (dx, dy), and its validity, bool [H, W]. The
suffix names the format, in capitals or not.

References:
    Middlebury: Baker et al., "A Database and Evaluation Methodology for Optical Flow", IJCV 2011.
    KITTI: Menze & Geiger, "Object Scene Flow for Autonomous Vehicles", CVPR 2015, development kit.
    PFM: Mayer et al., "A Large Dataset to Train Convolutional Networks for Disparity, Optical Flow, and Scene
    Flow Estimation", CVPR 2016 (the third channel of their flow files is unused).
"""

import zipfile
import zlib
from pathlib import Path

import cv2
import numpy as np

from pipelines.errors import InputError, naming
from pipelines.files import check_exists, replacing
from pipelines.io.images import decode_image, encode_png

_FLO_MAGIC = 202021.25
_FLO_UNKNOWN = 1e9  # Middlebury: a component above this means "unknown"
_FLO_UNKNOWN_WRITTEN = 1.666666752e9  # what Middlebury's own tools write there
_KITTI_SCALE = 64.0
_KITTI_OFFSET = 1 << 15


def check_flow_path(path: Path | str) -> Path:
    """Return a path whose suffix names a flow format, or raise `InputError`."""
    path = Path(path)
    if path.suffix.lower() not in _FORMATS:
        raise InputError(f"{path}: unknown flow format; the name must end in {', '.join(_FORMATS)}")
    return path


def read_flow(path: Path | str) -> tuple[np.ndarray, np.ndarray]:
    """Read a flow file.

    Args:
        path: a `.flo`, `.png` (KITTI), `.npz` or `.pfm` file. An `.npz` holds the array `flow`, of any type
            of real numbers (float16 too), and `valid`; without `valid`, all finite flow is valid.

    Returns:
        flow, float32 [H, W, 2] in pixels, 0 where unknown; valid, bool [H, W].

    Raises:
        InputError: for an absent or damaged file or an unknown suffix.

    Examples:
        >>> flow, valid = read_flow("00000_flow.flo")  # doctest: +SKIP
    """
    path = check_exists(check_flow_path(path))
    flow, valid = _FORMATS[path.suffix.lower()][0](path)
    valid = valid & _both(np.isfinite(flow))
    return np.where(valid[..., None], flow, np.float32(0)), valid


def write_flow(path: Path | str, flow: np.ndarray, valid: np.ndarray | None = None) -> None:
    """Write a flow file.

    Args:
        path: ends in `.flo`, `.png` (KITTI: steps of 1/64 px, within +-512 px), `.npz` (compressed) or `.pfm`
            (which has no mask: unknown flow is 1.67e9, as in `.flo`).
        flow: float [H, W, 2], pixels.
        valid: bool [H, W], or another type that is not 0 where the flow is valid; everywhere if not given.
            Where the flow is not finite it is never valid.

    Raises:
        InputError: for an unknown suffix, another shape, or motion that a KITTI file cannot hold.
    """
    path = check_flow_path(path)
    if isinstance(flow, tuple):
        raise InputError(f"{path}: pass flow and validity, as `read_flow` returns them, as two arguments")
    flow = np.asarray(flow)
    if flow.ndim != 3 or flow.shape[2] != 2 or not flow.size:
        raise InputError(f"{path}: a flow has the shape (height, width, 2), not {flow.shape}")
    valid = np.ones(flow.shape[:2], bool) if valid is None else np.asarray(valid) != 0
    if valid.shape != flow.shape[:2]:
        raise InputError(f"{path}: validity {valid.shape} does not fit a flow of {flow.shape[:2]}")
    valid = valid & _both(np.isfinite(flow))
    with naming(path), replacing(path) as part:
        _FORMATS[path.suffix.lower()][1](part, flow.astype(np.float32), valid)


def _both(components: np.ndarray) -> np.ndarray:
    """Return where both components are true; `all(axis=-1)` takes ten times as long for two components."""
    return components[..., 0] & components[..., 1]


def _read_flo(path: Path) -> tuple[np.ndarray, np.ndarray]:
    data = path.read_bytes()
    if len(data) < 12 or np.frombuffer(data, "<f4", 1)[0] != np.float32(_FLO_MAGIC):
        raise InputError(f"{path}: not a .flo file (it must begin with the number {_FLO_MAGIC})")
    width, height = (int(n) for n in np.frombuffer(data, "<i4", 2, offset=4))
    if width < 1 or height < 1 or len(data) != 12 + 8 * width * height:
        expected = 12 + 8 * width * height
        raise InputError(f"{path}: damaged .flo: {len(data)} bytes, {width}x{height} needs {expected}")
    flow = np.frombuffer(data, "<f4", offset=12).reshape(height, width, 2)
    return flow, _both(np.abs(flow) <= _FLO_UNKNOWN)


def _write_flo(path: Path, flow: np.ndarray, valid: np.ndarray) -> None:
    height, width = valid.shape
    body = np.where(valid[..., None], flow, np.float32(_FLO_UNKNOWN_WRITTEN)).astype("<f4")
    head = np.array([_FLO_MAGIC], "<f4").tobytes() + np.array([width, height], "<i4").tobytes()
    path.write_bytes(head + body.tobytes())


def _read_kitti(path: Path) -> tuple[np.ndarray, np.ndarray]:
    image = decode_image(path, cv2.IMREAD_UNCHANGED)
    if image.dtype != np.uint16 or image.ndim != 3 or image.shape[2] != 3:
        raise InputError(f"{path}: not a KITTI flow (a PNG of three 16-bit channels)")
    red_green = image[..., :0:-1].astype(np.float32)  # OpenCV hands out blue, green, red
    return (red_green - _KITTI_OFFSET) / _KITTI_SCALE, image[..., 0] > 0


def _write_kitti(path: Path, flow: np.ndarray, valid: np.ndarray) -> None:
    known = np.where(valid[..., None], flow, 0)
    steps = np.where(valid[..., None], np.round(known * _KITTI_SCALE) + _KITTI_OFFSET, 0)
    if steps.min() < 0 or steps.max() > np.iinfo(np.uint16).max:
        raise InputError("a KITTI flow holds motion within +-512 px; write .flo or .npz instead")
    path.write_bytes(encode_png(np.dstack([steps, valid]).astype(np.uint16)))


def _read_npz(path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            flow = arrays["flow"].astype(np.float32)
            valid = arrays["valid"].astype(bool) if "valid" in arrays else np.ones(flow.shape[:2], bool)
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path}: not an archive with the arrays `flow` and `valid` ({error})") from error
    if flow.ndim != 3 or flow.shape[2] != 2 or valid.shape != flow.shape[:2]:
        raise InputError(f"{path}: `flow` {flow.shape} and `valid` {valid.shape} do not fit")
    return flow, valid


def _write_npz(path: Path, flow: np.ndarray, valid: np.ndarray) -> None:
    with path.open("wb") as file:  # by its name, NumPy would append .npz to .NPZ
        np.savez_compressed(file, flow=flow, valid=valid)


def _read_pfm(path: Path) -> tuple[np.ndarray, np.ndarray]:
    # "PF", width and height, and a scale whose sign tells the order of bytes; rows from the bottom up.
    kind, size, scale, body = (path.read_bytes().split(b"\n", 3) + [b""] * 3)[:4]
    try:
        (width, height), little = (int(number) for number in size.split()), float(scale) < 0
    except ValueError as error:
        raise InputError(f"{path}: not a .pfm file") from error
    if kind.strip() != b"PF":
        raise InputError(f"{path}: not a flow, for which a .pfm file has three channels (PF), not one (Pf)")
    if min(width, height) < 1 or len(body) != 12 * width * height:
        raise InputError(
            f"{path}: damaged .pfm: {len(body)} bytes, {width}x{height} needs {12 * width * height}"
        )
    channels = np.frombuffer(body, "<f4" if little else ">f4").reshape(height, width, 3)
    flow = channels[::-1, :, :2].astype(np.float32)
    return flow, _both(np.abs(flow) <= _FLO_UNKNOWN)


def _write_pfm(path: Path, flow: np.ndarray, valid: np.ndarray) -> None:
    height, width = valid.shape
    channels = np.zeros((height, width, 3), "<f4")
    # Not NaN: a loss of 0 times NaN is NaN, and most readers of this format tell unknown flow by its size.
    channels[..., :2] = np.where(valid[..., None], flow, np.float32(_FLO_UNKNOWN_WRITTEN))
    path.write_bytes(f"PF\n{width} {height}\n-1.0\n".encode() + channels[::-1].tobytes())


_FORMATS = {
    ".flo": (_read_flo, _write_flo),
    ".png": (_read_kitti, _write_kitti),
    ".npz": (_read_npz, _write_npz),
    ".pfm": (_read_pfm, _write_pfm),
}
