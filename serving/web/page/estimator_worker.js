// Runs the network beside the page, which stays responsive: loads onnxruntime-web and the model, then answers.
import { download } from "./download.js";
import { PageError } from "./page_error.js";

const MODULES = { wasm: "./runtime/ort.wasm.min.mjs", webgpu: "./runtime/ort.webgpu.min.mjs" };
const MOST_THREADS = 8;

let ort;
let session;

async function load({ site, backend, threads }) {
  const say = (text) => postMessage({ progress: text });
  say(`Loading ${site.runtime} …`);
  ort = await import(MODULES[backend]).catch(() => {
    throw new PageError(`${site.runtime} cannot be loaded: write the site again.`);
  });
  // Without isolation from other origins browsers give WebAssembly one thread only.
  ort.env.wasm.numThreads = threads ?? (crossOriginIsolated ? Math.min(navigator.hardwareConcurrency || 1, MOST_THREADS) : 1);
  const binary = await download(site.files[backend], (part) => say(`Loading ${site.runtime}: ${part} …`));
  ort.env.wasm.wasmBinary = binary.buffer;
  ort.env.wasm.wasmPaths = new URL("./runtime/", import.meta.url).href;
  const model = await download(site.files.model, (part) => say(`Loading the model: ${part} …`));
  say("Preparing the model …");
  const options = { executionProviders: [backend], logSeverityLevel: 3 }; // errors
  session = await ort.InferenceSession.create(model, options).catch((error) => {
    throw new PageError(`The model cannot be run by ${site.runtime} (${firstLine(error)}).`);
  });
  return { backend, threads: ort.env.wasm.numThreads };
}

async function estimate({ frames, width, height }) {
  const begin = performance.now();
  const input = new ort.Tensor("uint8", frames, [1, 2, height, width, 3]);
  const { flow } = await session.run({ frames: input }, ["flow"]).catch((error) => {
    throw new PageError(`The flow could not be computed at ${width} x ${height} pixels (${firstLine(error)}).`);
  });
  const milliseconds = performance.now() - begin;
  // A copy: what the runtime returns may lie in its own memory.
  return { flow: Float32Array.from(flow.data), milliseconds };
}

const firstLine = (error) => String(error?.message ?? error).split("\n")[0];

onmessage = async ({ data: { id, call, argument } }) => {
  try {
    const result = await { load, estimate }[call](argument);
    postMessage({ id, result }, result.flow ? [result.flow.buffer] : []);
  } catch (error) {
    postMessage({ id, error: error.message, expected: error instanceof PageError });
  }
};
