"""Programs that estimate flow with exported models in other runtimes, each in an environment of its own.

A program defines `estimate(frames)`, uint8 [B, 2, H, W, 3] to float32 [B, H, W, 2]. `runtime_process` adds
what is measured behind it, so that a program is what a user needs and nothing else.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Program:
    """A program.

    Attributes:
        code: Its text.
        packages: Packages with versions, of PyPI or of npm.
        node: Run by Node, not by Python.
        conversion: Command that makes the model, run before in an environment of its own.
        conversion_packages: Packages with versions of that environment, of PyPI.
    """

    code: str
    packages: tuple[str, ...]
    node: bool = False
    conversion: str = ""
    conversion_packages: tuple[str, ...] = ()


#: Packages with which the converter of TensorFlow.js starts. After `pip install tensorflowjs` alone it does
#: not: TensorFlow Decision Forests and JAX, which it imports, then have versions that do not fit.
CONVERTER = (
    "tensorflowjs==4.22.0",
    "tensorflow==2.15.1",
    "tf-keras==2.15.1",
    "tensorflow-decision-forests==1.8.1",
    "jax==0.4.26",
    "jaxlib==0.4.26",
    "flax==0.8.3",
    # Needed by flax; without a version, pip searches for them for many minutes.
    "orbax-checkpoint==0.6.4",
    "optax==0.2.2",
    "chex==0.1.86",
    "setuptools<80",
)

#: Loads a model from files in Node by packages of npm alone; `file://` needs a native library from elsewhere.
LOAD_TFJS = """
const fs = require("fs");
const tf = require("@tensorflow/tfjs");
require("@tensorflow/tfjs-backend-wasm");

async function load(folder) {
  const read = (name) => fs.readFileSync(`${folder}/${name}`);
  const model = JSON.parse(read("model.json"));
  const bytes = Buffer.concat(model.weightsManifest.flatMap((group) => group.paths.map(read)));
  const weightSpecs = model.weightsManifest.flatMap((group) => group.weights);
  const weightData = new Uint8Array(bytes).buffer;
  await tf.setBackend("wasm");
  return tf.loadGraphModel(tf.io.fromMemory({...model, weightSpecs, weightData}));
}
"""

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
    "OpenVINO 2026.4.1, precision hint f32, compiled for each size": Program(
        """
import numpy as np
import openvino

precision = {"INFERENCE_PRECISION_HINT": "f32"}
core, compiled = openvino.Core(), {}


def estimate(frames):
    if frames.shape not in compiled:
        model = core.read_model("face_flow_frames.onnx")
        model.reshape({"frames": frames.shape})
        compiled[frames.shape] = core.compile_model(model, "CPU", precision)
    return compiled[frames.shape]({"frames": frames})["flow"]
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
(given,) = interpreter.get_input_details()
# Two values per pixel: the flow, and not the uncertainty.
(result,) = (each for each in interpreter.get_output_details() if each["shape"][-1] == 2)
shape = None


def estimate(frames):
    global shape
    if frames.shape != shape:
        interpreter.resize_tensor_input(given["index"], frames.shape)
        interpreter.allocate_tensors()
        shape = frames.shape
    interpreter.set_tensor(given["index"], frames)
    interpreter.invoke()
    return interpreter.get_tensor(result["index"])
""",
        ("ai-edge-litert==2.3.0", "numpy"),
    ),
    "TensorFlow.js 4.22.0 (WASM) on Node": Program(
        LOAD_TFJS
        + """
const network = load("tfjs");

async function estimate(data, shape) {
  const model = await network;
  const {name} = model.modelSignature.outputs.flow; // not the uncertainty
  const flow = tf.tidy(() => model.execute({frames: tf.tensor(data, shape, "int32")}, name));
  const values = await flow.data();
  flow.dispose();
  return values;
}
""",
        ("@tensorflow/tfjs@4.22.0", "@tensorflow/tfjs-backend-wasm@4.22.0"),
        node=True,
        conversion="tensorflowjs_converter --signature_name=frames models/face_flow/* tfjs",
        conversion_packages=CONVERTER,
    ),
    "onnxruntime-web 1.30.0 (WASM) on Node": Program(
        """
const ort = require("onnxruntime-web");
const session = ort.InferenceSession.create("face_flow_frames.onnx", {executionProviders: ["wasm"]});

async function estimate(data, shape) {
  const frames = new ort.Tensor("uint8", data, shape);
  return (await (await session).run({frames}, ["flow"])).flow.data;
}
""",
        ("onnxruntime-web@1.30.0",),
        node=True,
    ),
}
