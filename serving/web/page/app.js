// The page: pictures or the camera in, flow out.
import { Camera } from "./camera.js";
import { Estimator, tryWebGpu } from "./estimator.js";
import { encodeFlo } from "./flow_file.js";
import { draw, MotionView } from "./motion_view.js";
import { PageError } from "./page_error.js";
import { checkSizes, decodePicture, haveOneSize, pixels, stackFrames } from "./pictures.js";
import { readout } from "./readout.js";

const element = (id) => document.getElementById(id);
const SAMPLE = ["sample1.png", "sample2.png"];
const PERIOD = 1600; // milliseconds, of the magnified view when it plays

const view = new MotionView({ color: element("color"), arrows: element("arrows"), magnified: element("magnified") });
const camera = new Camera();
const pictures = [null, null]; // {name, image} of frame 1 and frame 2
let estimator;
let shown; // {flow, width, height} on the page
let readAgain = () => {}; // the motion of the pixel that was asked for
let latest = 0; // number of the newest estimate: older ones are not shown

const say = (text) => (element("status").textContent = text);

function report(error) {
  if (!(error instanceof PageError)) console.error(error);
  element("error").textContent = error instanceof PageError ? error.message : `The page failed: ${error.message}`;
  element("error").hidden = false;
}

/** Run an action of the user's and return whether it worked; what goes wrong is said in one line. */
async function act(action) {
  element("error").hidden = true;
  try {
    await action();
    return true;
  } catch (error) {
    report(error);
    if (estimator) say("Ready.");
    return false;
  }
}

/** Take pictures as frame 1 or frame 2, and estimate when there are two. */
async function take(files, names, first = 0) {
  camera.stop();
  const decoded = await Promise.all(files.map((file, k) => decodePicture(file, names[k])));
  decoded.forEach((picture, k) => (pictures[first + k] = picture));
  if (files.length === 1) startNewPair(first);
  showFrames();
  if (!pictures[0] || !pictures[1]) {
    if (estimator) say("Ready."); // an estimate of the pair before may be on its way, and is not shown
    return;
  }
  hideResults();
  checkSizes(...pictures);
  await estimate(...pictures.map(({ image }) => image));
}

/** Put away the other picture if it belongs to a pair that was shown, and has another size than the new one. */
function startNewPair(k) {
  const other = pictures[1 - k];
  if (!other?.used || haveOneSize(...pictures)) return;
  pictures[1 - k] = null;
  hideResults();
}

function hideResults() {
  latest++;
  element("results").hidden = true;
}

function showFrames() {
  pictures.forEach((picture, k) => {
    const canvas = element(`frame${k + 1}`);
    element(`name${k + 1}`).textContent = picture?.name ?? "none yet";
    if (picture) draw(canvas, pixels(picture.image, 512));
    else canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
  });
}

/** Estimate the flow between two pictures and show it. */
async function estimate(image1, image2) {
  if (!estimator) return; // it is estimated once the model is there
  const number = ++latest;
  const [frame1, frame2] = [image1, image2].map((image) => pixels(image, Number(element("side").value)));
  const { width, height } = frame1;
  if (!camera.isOn) say(`Estimating the flow at ${width} x ${height} pixels …`);
  const { flow, milliseconds } = await estimator.estimate({ frames: stackFrames(frame1, frame2), width, height });
  if (number !== latest) return;
  for (const picture of pictures) if (picture) picture.used = true;
  shown = { flow, width, height };
  const { full, stretch } = view.show(frame1, frame2, flow);
  readAgain();
  element("full").textContent = full.toFixed(2);
  element("stretch").textContent = stretch.toFixed(1);
  element("results").hidden = false;
  showMagnified();
  summarise(milliseconds, full, Math.max(image1.width, image1.height) > Math.max(width, height) ? image1 : null);
  say(camera.isOn ? "The camera is on. Frames are computed here and kept nowhere." : "Done.");
}

function summarise(milliseconds, full, reducedFrom) {
  const { flow, width, height } = shown;
  let sum = 0;
  for (let k = 0; k < flow.length; k += 2) sum += Math.hypot(flow[k], flow[k + 1]);
  const rows = {
    Size: `${width} x ${height} pixels${reducedFrom ? `, reduced from ${reducedFrom.width} x ${reducedFrom.height}` : ""}`,
    "Mean motion": `${((2 * sum) / flow.length).toFixed(2)} px`,
    "99 % move less than": `${full.toFixed(2)} px`,
    "Time of the network": `${milliseconds.toFixed(0)} ms, by ${estimator.description}`,
  };
  element("summary").replaceChildren(
    ...Object.entries(rows).flatMap(([name, value]) => [
      Object.assign(document.createElement("dt"), { textContent: name }),
      Object.assign(document.createElement("dd"), { textContent: value }),
    ]),
  );
}

function showMagnified(factor = Number(element("factor").value)) {
  element("times").textContent = factor.toFixed(1);
  if (shown) view.showMagnified(factor);
}

function play() {
  const pressed = element("play").getAttribute("aria-pressed") !== "true";
  element("play").setAttribute("aria-pressed", pressed);
  element("play").textContent = pressed ? "Stop" : "Play";
  if (!pressed) return showMagnified();
  const begin = performance.now();
  requestAnimationFrame(function next(now) {
    if (element("play").getAttribute("aria-pressed") !== "true") return;
    const phase = (1 - Math.cos((2 * Math.PI * (now - begin)) / PERIOD)) / 2;
    showMagnified(phase * Number(element("factor").value));
    requestAnimationFrame(next);
  });
}

const sayIdle = () => say(estimator ? "Ready." : "The model is still loading …");

async function startCamera() {
  if (camera.isOn || camera.isAsking) return camera.stop();
  say("Asking for the camera …");
  let isOn = false;
  try {
    isOn = await camera.start();
  } finally {
    if (!isOn && !camera.isAsking) sayIdle(); // or else it was asked for anew meanwhile
  }
  if (!isOn) return;
  let last = latest;
  try {
    element("camera").textContent = "Stop the camera";
    element("reference").hidden = false;
    await takeReference();
    while (camera.isOn) {
      const frame = await camera.frame().catch(() => null);
      if (!frame || !camera.isOn) break; // stopped meanwhile
      replace(1, frame);
      showFrames();
      const estimated = estimate(pictures[0].image, pictures[1].image);
      last = latest;
      await estimated;
      await new Promise(requestAnimationFrame); // none comes while the tab is hidden
    }
  } finally {
    showCameraOff();
    if (latest === last) sayIdle();
  }
}

async function takeReference() {
  replace(0, await camera.frame());
}

/** Put a frame of the camera in the place of the one before, whose memory is freed. */
function replace(k, image) {
  pictures[k]?.image.close();
  pictures[k] = { name: "camera", image };
}

function showCameraOff() {
  camera.stop();
  element("camera").textContent = "Start the camera";
  element("reference").hidden = true;
}

async function showSample() {
  const answers = await Promise.all(SAMPLE.map((path) => fetch(path)));
  await take(await Promise.all(answers.map((answer) => answer.blob())), SAMPLE);
}

function save() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(encodeFlo(shown.flow, shown.width));
  link.download = "flow.flo";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function drop(event) {
  event.preventDefault();
  document.body.classList.remove("dropping");
  const files = [...event.dataTransfer.files].slice(0, 2);
  if (!files.length) throw new PageError("Nothing that was dropped is a file; drop one or two pictures.");
  return take(files, files.map(({ name }) => name), files.length === 1 && pictures[0] && !pictures[1] ? 1 : 0);
}

function connect() {
  for (const k of [0, 1]) {
    const input = element(`file${k + 1}`);
    input.addEventListener("change", async () => {
      const [file] = input.files;
      if (file) await act(() => take([file], [file.name], k));
      input.value = ""; // the name is above; the same file can be chosen again
    });
  }
  element("sample").addEventListener("click", () => act(showSample));
  element("camera").addEventListener("click", () => act(startCamera));
  element("reference").addEventListener("click", () => act(takeReference));
  element("side").addEventListener("change", () => {
    if (pictures[0] && pictures[1] && !camera.isOn) act(() => take([], []));
  });
  element("factor").addEventListener("input", () => showMagnified());
  element("play").addEventListener("click", play);
  element("save").addEventListener("click", save);
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  document.addEventListener("dragleave", () => document.body.classList.remove("dropping"));
  document.addEventListener("drop", (event) => act(() => drop(event)));
  readAgain = readout(element("color"), element("readout"), view);
}

async function loadModel() {
  const site = await fetch("site.json").then((answer) => answer.json()).catch(() => {
    throw new PageError("site.json cannot be loaded: is faceflow web still running?");
  });
  element("runtime").textContent = site.runtime;
  const loaded = await Estimator.load(site, "wasm", say);
  estimator = loaded;
  say(`Ready: the network ${site.name} by ${estimator.description}.`);
  if (pictures[0] && pictures[1] && !camera.isOn) await take([], []);
  await preferWebGpu(site);
}

async function preferWebGpu(site) {
  const blobs = await Promise.all(SAMPLE.map(async (path) => (await fetch(path)).blob()));
  const sample = await Promise.all(blobs.map((blob, k) => decodePicture(blob, SAMPLE[k])));
  const [frame1, frame2] = sample.map(({ image }) => pixels(image, 256));
  const pair = { frames: stackFrames(frame1, frame2), width: frame1.width, height: frame1.height };
  const { webgpu, reason } = await tryWebGpu(site, estimator, pair);
  element("webgpu").textContent = reason;
  if (!webgpu) return;
  const before = estimator;
  estimator = webgpu;
  await before.idle();
  before.close();
}

connect();
if (!(await act(loadModel)) && !estimator) say("The page cannot estimate flow.");
