"""The folder of the page: its own files, the model and onnxruntime-web, with a list of what it must hold."""

import hashlib
import json
import shutil
from pathlib import Path

from pipelines.errors import InputError
from pipelines.files import check_exists, replacing
from serving.web.runtime_package import VERSION, unpack_runtime

_PAGE = Path(__file__).parent / "page"
_RUNTIME, _MODEL = "runtime", "face_flow_frames.onnx"
#: Largest difference between WebGPU and WebAssembly with which WebGPU is used, pixels.
TOLERANCE = 0.01


def write_site(folder: Path, model: Path, archive: Path, name: str = "") -> None:
    """Write the page as static files, which any web server can deliver.

    `site.json` in it lists the files that the page checks when it loads them, with size and SHA-256.

    Args:
        folder: New folder.
        model: ONNX file with the input `frames`, as `serving.export.onnx_export.export_onnx` writes it.
        archive: Archive of onnxruntime-web, as `serving.web.runtime_package.fetch_package` gets it.
        name: Name of the model on the page; by default that of the file.

    Raises:
        InputError: If the model or the archive cannot be used, or the folder has something in it; then
            nothing is written.
    """
    check_model(model)
    with replacing(folder) as part:
        shutil.copytree(_PAGE, part)
        unpack_runtime(archive, part / _RUNTIME)
        shutil.copyfile(model, part / _MODEL)
        loaded = {"model": part / _MODEL}
        for backend, kind in (("wasm", ""), ("webgpu", ".asyncify")):
            loaded[backend] = part / _RUNTIME / f"ort-wasm-simd-threaded{kind}.wasm"
        about = {
            "name": name or model.name,
            "runtime": f"onnxruntime-web {VERSION}",
            "tolerance": TOLERANCE,
            "files": {key: _entry(path, part) for key, path in loaded.items()},
        }
        (part / "site.json").write_text(json.dumps(about, indent=1) + "\n")


def check_model(model: Path) -> None:
    """Raise `InputError` unless a file is an ONNX model that takes both frames in one tensor."""
    import onnxruntime

    if check_exists(model).is_dir():
        raise InputError(f"{model}: a folder without preset.json; give a run, a preset or an ONNX file")
    try:
        session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no class in common
        raise InputError(f"{model}: {_reason(error)}") from error
    inputs = [one.name for one in session.get_inputs()]
    if inputs != ["frames"]:
        raise InputError(
            f"{model}: takes {', '.join(inputs)}; the page needs the input frames, as "
            "face_flow_frames.onnx of faceflow export flow --onnx has it"
        )


def _reason(error: Exception) -> str:
    """Return why ONNX Runtime cannot open a model, in one line."""
    import onnxruntime

    text = " ".join(str(error).split()).partition("failed:")[2] or str(error)
    if type(error).__name__ in ("InvalidProtobuf", "InvalidArgument"):
        return f"not an ONNX model, or cut short ({text})"
    text = text.rpartition(" , Error ")[2]  # after a list of a node's inputs and outputs
    return f"ONNX Runtime {onnxruntime.__version__} cannot run it ({text})"


def _entry(path: Path, site: Path) -> dict:
    data = path.read_bytes()
    return {
        "path": path.relative_to(site).as_posix(),
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
