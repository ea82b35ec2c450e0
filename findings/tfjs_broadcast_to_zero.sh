#!/bin/sh
# TensorFlow.js broadcasts to a length of 0 as to a length of 1.
#
# In TensorFlow and NumPy a broadcast of [1, 3] to [0, 3] is empty. `tf.broadcastTo` of TensorFlow.js returns its input,
# without an error, so that code that repeats a border `n` times adds a row where n is 0. `tf.tile` by 0 is empty.
#
# Seen, and checked here, with @tensorflow/tfjs 4.22.0, on the CPU and by WebAssembly.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --no-audit --no-fund --loglevel=error @tensorflow/tfjs@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0 >npm.log
node -e '
const assert = require("assert"), tf = require("@tensorflow/tfjs");
require("@tensorflow/tfjs-backend-wasm");
(async () => {
  for (const backend of ["cpu", "wasm"]) {
    await tf.setBackend(backend);
    const row = tf.tensor([[1, 2, 3]]);
    const [zero, two, tiled] = [tf.broadcastTo(row, [0, 3]), tf.broadcastTo(row, [2, 3]), tf.tile(row, [0, 1])];
    console.log("TensorFlow.js", tf.version.tfjs, backend, "| broadcastTo [0, 3]:", zero.shape, "| [2, 3]:", two.shape,
      "| tile by 0:", tiled.shape);
    assert.deepStrictEqual([zero.shape, two.shape, tiled.shape], [[1, 3], [2, 3], [0, 3]]);
  }
})().catch((error) => { console.error(error.message); process.exit(1); });
' 2>node.log || { cat node.log; exit 1; }
