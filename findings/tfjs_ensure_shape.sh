#!/bin/sh
# TensorFlow.js cannot run `tf.ensure_shape`, although its converter and its list of operations have it.
#
# TensorFlow's EnsureShape holds the shape as an attribute. TensorFlow.js looks for it among the inputs, where there is
# none. The converter takes the model without a word, and the first call fails with "Cannot read properties of
# undefined (reading 'split')", which names no operation. `tensor.set_shape` instead leaves no operation, and runs.
#
# Seen, and checked here, with tensorflowjs 4.22.0 and @tensorflow/tfjs 4.22.0.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
# Versions with which the converter starts; those of `pip install tensorflowjs` alone do not fit. Those of orbax,
# optax and chex are stated because pip searches for them for many minutes.
"$folder/env/bin/pip" install --quiet --disable-pip-version-check tensorflowjs==4.22.0 tensorflow==2.15.1 \
  tf-keras==2.15.1 tensorflow-decision-forests==1.8.1 jax==0.4.26 jaxlib==0.4.26 flax==0.8.3 \
  orbax-checkpoint==0.6.4 optax==0.2.2 chex==0.1.86 "setuptools<80"
cd "$folder"
npm install --no-audit --no-fund --loglevel=error @tensorflow/tfjs@4.22.0 >npm.log
export TF_CPP_MIN_LOG_LEVEL=3
env/bin/python - 2>log.txt <<'PYTHON' || { cat log.txt; exit 1; }
import tensorflow as tf


def save(name, checked):
    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32, "x")])
    def double(x):
        return {"y": 2 * checked(x)}

    tf.saved_model.save(tf.Module(), name, signatures=double)


def by_set_shape(x):
    x.set_shape([None, 3])
    return x


save("ensured", lambda x: tf.ensure_shape(x, [None, 3]))
save("set", by_set_shape)
PYTHON
for name in ensured set; do
  env/bin/tensorflowjs_converter "$name" "js_$name" >log.txt 2>&1 || { cat log.txt; exit 1; }
done
node -e '
const fs = require("fs"), assert = require("assert"), tf = require("@tensorflow/tfjs");
async function run(folder) {
  const model = JSON.parse(fs.readFileSync(`${folder}/model.json`));
  const bytes = Buffer.concat(model.weightsManifest.flatMap((g) => g.paths.map((n) => fs.readFileSync(`${folder}/${n}`))));
  const weightSpecs = model.weightsManifest.flatMap((group) => group.weights);
  const loaded = await tf.loadGraphModel(
    tf.io.fromMemory({...model, weightSpecs, weightData: new Uint8Array(bytes).buffer}));
  const operations = model.modelTopology.node.map((node) => node.op);
  try {
    return [operations.includes("EnsureShape"), [...loaded.predict(tf.tensor([[1, 2, 3]])).dataSync()].join()];
  } catch (error) {
    return [operations.includes("EnsureShape"), error.message];
  }
}
(async () => {
  await tf.setBackend("cpu");
  const [ensured, set] = [await run("js_ensured"), await run("js_set")];
  console.log("TensorFlow.js", tf.version.tfjs, "| ensure_shape:", ensured[1], "| set_shape:", set[1]);
  assert.deepStrictEqual(ensured, [true, "Cannot read properties of undefined (reading \u0027split\u0027)"]);
  assert.deepStrictEqual(set, [false, "2,4,6"]);
})().catch((error) => { console.error(error.message); process.exit(1); });
' 2>node.log || { cat node.log; exit 1; }
