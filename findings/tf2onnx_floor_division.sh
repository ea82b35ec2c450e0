#!/bin/sh
# tf2onnx converts integer floor division and modulo to ones that round towards zero, without a message.
#
# TensorFlow's `//` and `%` of integers are those of Python: -7 // 2 is -4, and -7 % 4 is 1. In ONNX, Div of integers
# truncates, and Mod takes the sign of the dividend with fmod=1. Converted graphs give -3 and -3; for positive numbers
# they are right, so that a test with positive numbers passes. A usual way to pad to a multiple is `-length % multiple`:
# of length 7 and multiple 4 it is 1 in TensorFlow and -3 in the ONNX file.
#
# Seen, and checked here, with tf2onnx 1.17.0, opset 17, TensorFlow 2.15.1 and ONNX Runtime 1.31.1. Written as
# `(multiple - length % multiple) % multiple`, of positive numbers alone, both give the same.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check \
  tf2onnx==1.17.0 tensorflow-cpu==2.15.1 onnxruntime==1.31.1 "onnx<1.18" "numpy<2" "protobuf<5"
cd "$folder"
TF_CPP_MIN_LOG_LEVEL=3 env/bin/python - <<'PYTHON' 2>log.txt || { cat log.txt; exit 1; }
import numpy as np
import onnxruntime
import tensorflow as tf
import tf2onnx


@tf.function(input_signature=[tf.TensorSpec([None], tf.int32, "length")])
def pads(length):
    return {"halves": length // 2, "rest": length % 4, "missing": -length % 4, "positive": (4 - length % 4) % 4}


model, _ = tf2onnx.convert.from_function(pads, pads.input_signature, opset=17)
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
names = [output.name for output in session.get_outputs()]


def both(length):
    length = np.int32([length])
    found = dict(zip(names, session.run(names, {"length": length})))
    expected = pads(tf.constant(length))
    return {name: (int(expected[name][0]), int(found[name][0])) for name in names}


negative, positive = both(-7), both(7)
print("(TensorFlow, ONNX) of -7:", negative)
print("(TensorFlow, ONNX) of 7: ", positive)
assert negative["halves"] == (-4, -3) and negative["rest"] == (1, -3)
assert positive["halves"] == (3, 3) and positive["rest"] == (3, 3)
assert positive["missing"] == (1, -3) and positive["positive"] == (1, 1)
PYTHON
