"""Clients of other people for TensorFlow Serving, each in an environment of its own, against our server.

Packages are pinned and downloaded; where that cannot be done, the line says so. Each client sends a pair of
frames and must get the flow of our own client, value by value.
"""

import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.common.script import uv
from benchmarks.common.server_process import server

_SIZE = 32  # pixels; what is tested is the protocol
_TIMEOUT = 600  # seconds, mostly for the download
_TIMEOUT = 600  # seconds, mostly for the download

_MIN_TFS = """
import sys, numpy as np
from min_tfs_client.requests import TensorServingClient
from min_tfs_client.tensors import tensor_proto_to_ndarray
host, port = sys.argv[1].split(":")
frames = {f"frame{i}": frame for i, frame in enumerate(np.load("frames.npy"), 1)}
response = TensorServingClient(host, int(port)).predict_request("face_flow", frames)
np.save("flow.npy", tensor_proto_to_ndarray(response.outputs["flow"]))
"""

_SERVING_UTILS = """
import sys, asyncio, numpy as np
asyncio.set_event_loop(asyncio.new_event_loop())
from serving_utils.client import Client
host, port = sys.argv[1].split(":")
frames = {f"frame{i}": frame for i, frame in enumerate(np.load("frames.npy"), 1)}
np.save("flow.npy", Client(host=host, port=int(port), n_trys=1).predict(frames, output_names=["flow"],
    model_name="face_flow", model_signature_name="serving_default")["flow"])
"""

_NODE = """
const fs = require("fs");
const {GrpcReflection} = require("grpc-js-reflection-client");
const {credentials} = require("@grpc/grpc-js");
(async () => {
  const address = process.argv[2];
  const reflection = new GrpcReflection(address, credentials.createInsecure());
  const descriptor = await reflection.getDescriptorBySymbol("tensorflow.serving.PredictionService");
  const {tensorflow} = descriptor.getPackageObject({keepCase: true});
  const client = new tensorflow.serving.PredictionService(address, credentials.createInsecure());
  const {shape, frames} = JSON.parse(fs.readFileSync("frames.json"));
  const tensor = (data) => ({dtype: "DT_UINT8", tensor_shape: {dim: shape.map((size) => ({size}))},
    tensor_content: Buffer.from(data, "base64")});
  // Built from descriptors, this client has no maps: they are lists of their entries.
  const request = {model_spec: {name: "face_flow"},
    inputs: frames.map((data, i) => ({key: `frame${i + 1}`, value: tensor(data)}))};
  client.Predict(request, (error, response) => {
    if (error) { console.error(error.message); process.exit(1); }
    fs.writeFileSync("flow.json", JSON.stringify(response.outputs[0].value.float_val));
    process.exit(0);
  });
})().catch((error) => { console.error(error.message); process.exit(1); });
"""


def _python(code: str, *packages: str, overrides: tuple[str, ...] = ()) -> tuple[str, list[list[str]]]:
    metadata = (
        f"dependencies = {json.dumps(packages)}\n[tool.uv]\noverride-dependencies = {json.dumps(overrides)}"
    )
    head = "\n".join(["# /// script", *(f"# {line}" for line in metadata.splitlines()), "# ///"])
    return head + code, [[uv(), "run", "--quiet", "--python", "3.11", "--script", _FILE]]


_FILE = "client"
_OLD = ("protobuf<4", "grpcio<1.60", "numpy<2")  # what the generated code in both packages needs

# For each client a program, and the commands that install and run it.
_CLIENTS = {
    "min-tfs-client 1.0.2": _python(_MIN_TFS, "min-tfs-client==1.0.2", *_OLD),
    "serving-utils 0.10.0": _python(
        _SERVING_UTILS,
        *("serving-utils==0.10.0", "tensorflow==2.15.1", *_OLD),
        # It generates code when the package is built, and has no wheel for protobuf 3 and Python 3.11.
        overrides=("grpcio-tools; python_version < '3'",),
    ),
    "Node, grpc-js-reflection-client 1.4.2": (
        _NODE,
        [
            ["npm", "install", "--loglevel=error", "@grpc/grpc-js@1.14.4", "grpc-js-reflection-client@1.4.2"],
            ["node", _FILE],
        ],
    ),
}


def other_clients(folder: str | Path) -> str:
    """Return a line for each client: the flow that it got, or why it got none.

    Args:
        folder: Base folder of the served models.
    """
    import base64

    from serving.client import FaceFlowClient

    frames = np.random.default_rng(0).integers(0, 256, (2, 1, _SIZE, _SIZE, 3), np.uint8)
    lines = []
    with server(folder) as (address, *_), FaceFlowClient(address) as client:
        expected = client.flow(*frames)
        for name, (program, commands) in _CLIENTS.items():
            with tempfile.TemporaryDirectory() as scratch:
                Path(scratch, _FILE).write_text(program)
                np.save(f"{scratch}/frames.npy", frames)
                data = [base64.b64encode(frame.tobytes()).decode() for frame in frames]
                content = json.dumps({"shape": frames.shape[1:], "frames": data})
                Path(scratch, "frames.json").write_text(content)
                lines.append(f"- {name}: {_outcome(commands, address, Path(scratch), expected)}")
    return "\n".join(lines)


def _outcome(commands: list[list[str]], address: str, scratch: Path, expected: np.ndarray) -> str:
    for command in commands:
        last = [address] if command is commands[-1] else []
        try:
            done = subprocess.run(
                [*command, *last],
                cwd=scratch,
                capture_output=True,
                text=True,
                timeout=_TIMEOUT,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"no flow ({error})"
        if done.returncode:
            reason = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
            return f"no flow ({reason})"
    if (scratch / "flow.npy").exists():
        flow = np.load(scratch / "flow.npy")
    else:
        flow = np.array(json.loads((scratch / "flow.json").read_text()), np.float32).reshape(expected.shape)
    return "the same flow as our client" if np.array_equal(flow, expected) else "another flow"
