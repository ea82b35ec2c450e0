"""`faceflow export`."""

from typing import Annotated

from tyro.conf import Positional, arg

from faceflow.arguments import Out
from faceflow.console import say


def export_flow(
    out: Out, run: Positional[Annotated[str, arg(metavar="RUN|PRESET")]] = "default", onnx: bool = False
) -> None:
    """Export a flow network as a new version of the served model `face_flow`, or as ONNX.

    The version appears under its number, OUT/face_flow/NUMBER, when all of it is written. TensorFlow Serving
    and `faceflow serve` take it from there.

    Args:
        out: folder of the served models.
        run: folder of a training run, or name of a preset.
        onnx: write OUT/face_flow.onnx instead, if ONNX Runtime gives the same flow within 0.001 px.
    """
    from keras_models.presets import load_network

    if onnx:
        from serving.onnx import export_onnx as export
    else:
        from serving.export import export_flow as export

    say(f"exported: {export(load_network(run), out)}")
