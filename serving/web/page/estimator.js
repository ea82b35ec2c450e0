// The network, as the page calls it: in a worker, by WebAssembly, or by WebGPU where that is right and faster.
import { PageError } from "./page_error.js";

const TRIALS = 3;

/** The network in a worker of one backend. */
export class Estimator {
  #worker = new Worker(new URL("./estimator_worker.js", import.meta.url), { type: "module" });
  #waiting = new Map();
  #calls = 0;

  /**
   * Load runtime and model.
   * @param {object} site Content of site.json.
   * @param {"wasm" | "webgpu"} backend
   * @param {(text: string) => void} onProgress
   * @param {number} [threads] By default one for each core.
   * @returns {Promise<Estimator>}
   * @throws {PageError} If either cannot be loaded.
   */
  static async load(site, backend, onProgress, threads) {
    const estimator = new Estimator(onProgress);
    try {
      Object.assign(estimator, await estimator.#call("load", { site, backend, threads }));
    } catch (error) {
      estimator.close();
      throw error;
    }
    return estimator;
  }

  constructor(onProgress) {
    this.#worker.onmessage = ({ data }) => {
      if (data.progress) return onProgress(data.progress);
      const { resolve, reject } = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if (data.error === undefined) return resolve(data.result);
      reject(data.expected ? new PageError(data.error) : new Error(data.error));
    };
    this.#worker.onerror = (event) => {
      const error = new PageError(`The network stopped (${event.message ?? "its code cannot be loaded"}): load the page again.`);
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    };
  }

  /**
   * Estimate the flow between two frames.
   * @param {{frames: Uint8Array, width: number, height: number}} pair Values of [1, 2, H, W, 3].
   * @returns {Promise<{flow: Float32Array, milliseconds: number}>} [H, W, 2], pixels; time of the network.
   */
  estimate(pair) {
    return this.#call("estimate", pair);
  }

  /** Wait until everything that was asked for is answered. */
  idle() {
    return Promise.allSettled([...this.#waiting.values()].map(({ promise }) => promise));
  }

  /** End the worker. */
  close() {
    this.#worker.terminate();
  }

  /** What computes, for the reader. */
  get description() {
    if (this.backend === "webgpu") return "WebGPU";
    return `WebAssembly, ${this.threads} ${this.threads === 1 ? "thread" : "threads"}`;
  }

  #call(call, argument) {
    const id = this.#calls++;
    this.#worker.postMessage({ id, call, argument });
    let settle;
    const promise = new Promise((resolve, reject) => (settle = { resolve, reject }));
    this.#waiting.set(id, { ...settle, promise });
    return promise;
  }
}

/**
 * Return an estimator by WebGPU if it gives the same flow as WebAssembly on a pair and is faster, and why not otherwise.
 * @param {object} site Content of site.json.
 * @param {Estimator} wasm
 * @param {{frames: Uint8Array, width: number, height: number}} pair
 * @returns {Promise<{webgpu?: Estimator, reason: string}>}
 */
export async function tryWebGpu(site, wasm, pair) {
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  if (!adapter) return { reason: "This browser has no WebGPU." };
  if (adapter.info?.isFallbackAdapter) return { reason: "WebGPU is not used: it is computed by the processor here." };
  let webgpu;
  try {
    webgpu = await Estimator.load(site, "webgpu", () => {});
    const [expected, found] = [await fastest(wasm, pair), await fastest(webgpu, pair)];
    const difference = expected.flow.reduce((most, value, k) => Math.max(most, Math.abs(value - found.flow[k])), 0);
    const times = `${found.milliseconds.toFixed(0)} ms, WebAssembly ${expected.milliseconds.toFixed(0)} ms`;
    if (!(difference <= site.tolerance)) throw new Error(`differs from WebAssembly by ${difference.toPrecision(2)} px`);
    if (found.milliseconds >= expected.milliseconds) throw new Error(`not faster (${times})`);
    return { webgpu, reason: `WebGPU is used (${times}).` };
  } catch (error) {
    webgpu?.close();
    return { reason: `WebGPU is not used: ${error.message}.` };
  }
}

async function fastest(estimator, pair) {
  let best = await estimator.estimate(pair); // the first call also prepares
  for (let k = 0; k < TRIALS; k++) {
    const next = await estimator.estimate(pair);
    if (k === 0 || next.milliseconds < best.milliseconds) best = next;
  }
  return best;
}
