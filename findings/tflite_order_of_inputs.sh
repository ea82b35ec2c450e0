#!/bin/sh
# A TF Lite file lists the inputs of one signature in two orders, and its outputs as well.
#
# TensorFlow sorts the inputs and outputs of a signature by name. `Interpreter.get_signature_list` lists them so, and
# tf2onnx writes them so into an ONNX file. But `Interpreter.get_input_details`, whose indices `set_tensor` takes, has
# the inputs in the order in which the function has them, and `get_output_details` need not have the outputs in the
# order of the list either. Frames named onset and apex are swapped without an error by who passes them by position.
# Names such as frame1 and frame2, which are in the order of the alphabet, hide it.
#
# Seen, and checked here, with TensorFlow 2.15.1 (converter), ai-edge-litert 2.3.0 (interpreter) and tf2onnx 1.17.0.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check \
  tf2onnx==1.17.0 tensorflow-cpu==2.15.1 "onnx<1.18" "numpy<2" "protobuf<5"
python3 -m venv "$folder/litert"
"$folder/litert/bin/pip" install --quiet --disable-pip-version-check ai-edge-litert==2.3.0 "numpy<2"
cd "$folder"
export TF_CPP_MIN_LOG_LEVEL=3
env/bin/python - 2>log.txt <<'PYTHON' || { cat log.txt; exit 1; }
import tensorflow as tf


@tf.function(input_signature=[tf.TensorSpec([3], tf.float32, name) for name in ("onset", "apex")])
def change(onset, apex):
    return {"total": onset + apex, "change": apex - onset}


tf.saved_model.save(tf.Module(), "saved", signatures=change)
open("model.tflite", "wb").write(tf.lite.TFLiteConverter.from_saved_model("saved").convert())
PYTHON
env/bin/python -m tf2onnx.convert --saved-model saved --output model.onnx --opset 17 >log.txt 2>&1 || { cat log.txt; exit 1; }
env/bin/python - <<'PYTHON'
import onnx

graph = onnx.load("model.onnx").graph
names = [one.name for one in graph.input]
print("ONNX inputs:", names)
assert names == ["apex", "onset"]
PYTHON
litert/bin/python - 2>log.txt <<'PYTHON' || { cat log.txt; exit 1; }
import numpy as np
from ai_edge_litert.interpreter import Interpreter

interpreter = Interpreter("model.tflite")
((_, listed),) = interpreter.get_signature_list().items()
details = [one["name"] for one in interpreter.get_input_details()]
print("TF Lite signature:", listed, "| get_input_details:", details)
assert listed == {"inputs": ["apex", "onset"], "outputs": ["change", "total"]}
assert ["onset" in details[0], "apex" in details[1]] == [True, True]

onset, apex = np.float32([0, 0, 0]), np.float32([1, 2, 3])
by_name = interpreter.get_signature_runner()(onset=onset, apex=apex)["change"]
interpreter.allocate_tensors()
for one, value in zip(interpreter.get_input_details(), {"apex": apex, "onset": onset}.values()):
    interpreter.set_tensor(one["index"], value)  # in the order of the signature's list
interpreter.invoke()
outputs = [interpreter.get_tensor(one["index"]).tolist() for one in interpreter.get_output_details()]
print("change by name:", by_name.tolist(), "| outputs by position:", outputs)
assert by_name.tolist() == [1, 2, 3]
assert [-1, -2, -3] in outputs and [1, 2, 3] in outputs  # the change has the wrong sign; the other is the total
PYTHON
