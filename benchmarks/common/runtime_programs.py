"""Programs that estimate flow with exported models in other runtimes, each in an environment of its own.

A program defines `estimate(frames)`, uint8 [B, 2, H, W, 3] to float32 [B, H, W, 2]. What is measured is added
behind it, so that a program is what a user needs and nothing else.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Program:
    """A program.

    Attributes:
        code: Its text.
        packages: Packages with versions, of PyPI or of npm.
        node: Run by Node, not by Python.
    """

    code: str
    packages: tuple[str, ...]
    node: bool = False


PROGRAMS = {
    "TensorFlow 2.21.0, Keras 3.15.1": Program(
        """
import glob
import keras
import numpy as np

(version,) = glob.glob("models/face_flow/*")
layer = keras.layers.TFSMLayer(version, call_endpoint="frames")


def estimate(frames):
    return layer(frames)["flow"].numpy()
""",
        ("tensorflow-cpu==2.21.0", "keras==3.15.1"),
    ),
    "ONNX Runtime 1.31.1": Program(
        """
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("face_flow_frames.onnx", providers=["CPUExecutionProvider"])


def estimate(frames):
    return session.run(["flow"], {"frames": frames})[0]
""",
        ("onnxruntime==1.31.1", "numpy"),
    ),
    "OpenVINO 2026.4.1, precision hint f32": Program(
        """
import numpy as np
import openvino

precision = {"INFERENCE_PRECISION_HINT": "f32"}
model = openvino.Core().compile_model("face_flow_frames.onnx", "CPU", precision)


def estimate(frames):
    return model({"frames": frames})["flow"]
""",
        ("openvino==2026.4.1", "numpy"),
    ),
    "OpenVINO 2026.4.1, as it is": Program(
        """
import numpy as np
import openvino

model = openvino.Core().compile_model("face_flow_frames.onnx", "CPU")


def estimate(frames):
    return model({"frames": frames})["flow"]
""",
        ("openvino==2026.4.1", "numpy"),
    ),
    "LiteRT 2.3.0, Interpreter": Program(
        """
import numpy as np
from ai_edge_litert.interpreter import Interpreter

interpreter = Interpreter("face_flow.tflite", num_threads=2)
(given,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()


def estimate(frames):
    if tuple(interpreter.get_input_details()[0]["shape"]) != frames.shape:
        interpreter.resize_tensor_input(given["index"], frames.shape)
        interpreter.allocate_tensors()
    interpreter.set_tensor(given["index"], frames)
    interpreter.invoke()
    return interpreter.get_tensor(result["index"])
""",
        ("ai-edge-litert==2.3.0", "numpy"),
    ),
    "onnxruntime-web 1.30.0 (WASM) on Node": Program(
        """
const ort = require("onnxruntime-web");
const session = ort.InferenceSession.create("face_flow_frames.onnx", {executionProviders: ["wasm"]});

async function estimate(data, shape) {
  const frames = new ort.Tensor("uint8", data, shape);
  return (await (await session).run({frames})).flow.data;
}
""",
        ("onnxruntime-web@1.30.0",),
        node=True,
    ),
}

#: Behind a program in Python: estimates all frames of `frames.npz`, and times the ones named `timed`.
PYTHON_END = """
import json, statistics, time
all_frames = np.load("frames.npz")
np.savez("flows.npz", **{name: np.asarray(estimate(all_frames[name])) for name in all_frames})
frames, times = all_frames["timed"], []
for _ in range(ROUNDS + 3):
    begin = time.perf_counter()
    estimate(frames)
    times.append(time.perf_counter() - begin)
open("seconds.json", "w").write(json.dumps(statistics.median(times[3:])))
"""

#: The same in JavaScript, which reads frames and writes flows as plain bytes.
NODE_END = """
const fs = require("fs");
(async () => {
  const shapes = JSON.parse(fs.readFileSync("shapes.json"));
  const read = (name) => new Uint8Array(fs.readFileSync(`${name}.bytes`));
  for (const [name, shape] of Object.entries(shapes)) {
    const flow = await estimate(read(name), shape);
    fs.writeFileSync(`${name}.flow`, Buffer.from(flow.buffer, flow.byteOffset, flow.byteLength));
  }
  const times = [], data = read("timed");
  for (let i = 0; i < ROUNDS + 3; i++) {
    const begin = performance.now();
    await estimate(data, shapes.timed);
    times.push((performance.now() - begin) / 1000);
  }
  const measured = times.slice(3).sort((a, b) => a - b);
  fs.writeFileSync("seconds.json", JSON.stringify(measured[measured.length >> 1]));
  process.exit(0);
})().catch((error) => { console.error(error.message); process.exit(1); });
"""
