"""Programs that pass both frames as two inputs, by name and as a list, to see which order a runtime expects.

As those of `runtime_programs`; each also writes the names of the inputs into `inputs.txt`, as it lists them.
"""

from dataclasses import dataclass

from benchmarks.other_runtimes.runtime_programs import CONVERTER, LOAD_TFJS, Program

_OPENVINO = """
import numpy as np
import openvino

model = openvino.Core().compile_model("face_flow.onnx", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
open("inputs.txt", "w").write(", ".join(port.any_name for port in model.inputs))


def estimate(frames):
    frame1, frame2 = np.moveaxis(np.float32(frames) / 255, 1, 0)
    return model(GIVEN)["flow"]
"""

_LITERT = """
import numpy as np
from ai_edge_litert.interpreter import Interpreter

interpreter = Interpreter("two_frames.tflite", num_threads=2)
(key,) = interpreter.get_signature_list()
runner = interpreter.get_signature_runner(key)
details = interpreter.get_input_details()
names = {one["index"]: name for name, one in runner.get_input_details().items()}
order = [names[one["index"]] for one in details]
open("inputs.txt", "w").write(", ".join(order))


def estimate(frames):
    frame1, frame2 = np.moveaxis(np.float32(frames) / 255, 1, 0)
    return runner(**GIVEN)["flow"]
"""

_TFJS = (
    LOAD_TFJS
    + """
const network = load("tfjs_two");

async function estimate(data, shape) {
  const model = await network;
  fs.writeFileSync("inputs.txt", model.inputs.map((input) => input.name).join(", "));
  const frames = tf.tensor(data, shape, "int32").toFloat().div(255);
  const [frame1, frame2] = tf.unstack(frames, 1);
  return model.execute(GIVEN, model.modelSignature.outputs.flow.name).data();
}
"""
)


@dataclass(frozen=True)
class TwoFrames:
    """Two programs of a runtime: with the frames by name, and with a list of frame 1 and frame 2."""

    by_name: Program
    as_list: Program


def _both(code: str, by_name: str, as_list: str, packages: tuple[str, ...], **options) -> TwoFrames:
    return TwoFrames(
        *(Program(code.replace("GIVEN", given), packages, **options) for given in (by_name, as_list))
    )


TWO_FRAMES = {
    "OpenVINO 2026.4.1, `face_flow.onnx`": _both(
        _OPENVINO,
        '{"frame1": frame1, "frame2": frame2}',
        "[frame1, frame2]",
        ("openvino==2026.4.1", "numpy"),
    ),
    "LiteRT 2.3.0, TF Lite from `serving_float32`": _both(
        _LITERT,
        '{"frame1": frame1, "frame2": frame2}',
        "dict(zip(order, [frame1, frame2]))",
        ("ai-edge-litert==2.3.0", "numpy"),
    ),
    "TensorFlow.js 4.22.0, converted from `serving_float32`": _both(
        _TFJS,
        "{frame1, frame2}",
        "[frame1, frame2]",
        ("@tensorflow/tfjs@4.22.0", "@tensorflow/tfjs-backend-wasm@4.22.0"),
        node=True,
        conversion="tensorflowjs_converter --signature_name=serving_float32 models/face_flow/* tfjs_two",
        conversion_packages=CONVERTER,
    ),
}
