"""Time of the network in Chromium, as the page of `faceflow web` runs it, beside ONNX Runtime's."""

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.common.page import table

ROUNDS = 20
_WARM_UP = 3

# Estimates one pair ROUNDS times; the times are those of the page, with the way to its worker and back.
_MEASURE = """async ([values, height, width, threads, rounds]) => {
  const { Estimator } = await import("./estimator.js");
  const site = await (await fetch("site.json")).json();
  const estimator = await Estimator.load(site, "wasm", () => {}, threads);
  const pair = { frames: Uint8Array.from(values), width, height };
  const times = [];
  let flow;
  for (let k = 0; k < rounds; k++) {
    const begin = performance.now();
    ({ flow } = await estimator.estimate(pair));
    times.push(performance.now() - begin);
  }
  estimator.close();
  return { times, flow: [...flow], description: estimator.description };
}"""


def browser_table(frames: np.ndarray, expected: np.ndarray) -> str:
    """Return a table of Chromium with one thread and with one for each core, beside ONNX Runtime.

    Downloads onnxruntime-web the first time, and needs the dependency group `browser` and a Chromium.

    Args:
        frames: Pair, uint8 [1, 2, H, W, 3].
        expected: TensorFlow's flow of it, float32 [1, H, W, 2], pixels.
    """
    import onnxruntime

    from benchmarks.pictures.report_pictures import browser
    from serving.web.model_cache import cached_onnx, web_folder
    from serving.web.runtime_package import VERSION, fetch_package
    from serving.web.web_server import serving_site
    from serving.web.web_site import write_site

    model = cached_onnx("default")
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        site = Path(scratch) / "site"
        write_site(site, model, fetch_package(web_folder()))
        with serving_site(site) as address, browser() as chromium:
            for threads in (None, 1):
                before = _native(session, frames)
                page = chromium.new_page()
                page.set_default_timeout(0)
                page.goto(f"{address}style.css")  # in the page's origin, without the page's own estimator
                size = frames.shape[2:4]
                argument = [frames.ravel().tolist(), *size, threads, ROUNDS + _WARM_UP]
                found = page.evaluate(_MEASURE, argument)
                page.close()
                native = statistics.mean((before, _native(session, frames)))
                own = statistics.median(found["times"][_WARM_UP:])
                flow = np.reshape(np.float32(found["flow"]), expected.shape)
                name = f"Chromium {chromium.version.split('.')[0]}, {found['description']}"
                difference = np.abs(flow - expected).max()
                rows.append([name, f"{difference:.1g}", f"{own:.0f}", f"{own / native:.2f}"])
    head = ["runtime", "to TensorFlow, px", "ms", f"to ONNX Runtime {onnxruntime.__version__}"]
    size = "x".join(map(str, frames.shape[2:4]))
    return (
        f"One pair of {size} by onnxruntime-web {VERSION}, median of {ROUNDS} calls from the page, beside "
        "ONNX Runtime with its default threads right before and right after.\n\n" + table(head, rows)
    )


def _native(session, frames: np.ndarray) -> float:
    times = []
    for _ in range(ROUNDS + _WARM_UP):
        begin = time.perf_counter()
        session.run(["flow"], {"frames": frames})
        times.append(1e3 * (time.perf_counter() - begin))
    return statistics.median(times[_WARM_UP:])
