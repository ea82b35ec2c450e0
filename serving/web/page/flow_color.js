// Colour coding of flow, as the Middlebury benchmark has it: Baker et al., IJCV 2011, section 4.
// The same as pipelines/visualization/flow_color.py.

const CORNERS = [[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1], [1, 0, 1], [1, 0, 0]];
const STEPS = [15, 6, 4, 11, 13, 6];
const WHEEL = STEPS.flatMap((count, k) =>
  Array.from({ length: count }, (_, i) => CORNERS[k].map((from, c) => from + (i / count) * (CORNERS[k + 1][c] - from))),
);
const LEAST = 0.1; // pixels, so that noise on a still face stays pale

/**
 * Return the magnitude that gets full colour: the 99th percentile.
 * @param {Float32Array} flow [H, W, 2], pixels.
 * @returns {number} Pixels.
 */
export function fullLength(flow) {
  const lengths = Float32Array.from({ length: flow.length / 2 }, (_, k) => Math.hypot(flow[2 * k], flow[2 * k + 1]));
  lengths.sort();
  const place = 0.99 * (lengths.length - 1);
  const low = Math.floor(place);
  const high = Math.min(low + 1, lengths.length - 1);
  return Math.max(lengths[low] + (place - low) * (lengths[high] - lengths[low]), LEAST);
}

/**
 * Convert a flow to an image: hue is the direction, saturation the magnitude; beyond full colour it is darker.
 * @param {Float32Array} flow [H, W, 2], pixels.
 * @param {number} width Pixels.
 * @param {number} maxLength Magnitude of full colour, pixels.
 * @returns {ImageData}
 */
export function flowToColor(flow, width, maxLength) {
  const image = new ImageData(width, flow.length / 2 / width);
  for (let k = 0; k < flow.length / 2; k++) {
    const [dx, dy] = [flow[2 * k], flow[2 * k + 1]];
    const relative = Math.hypot(dx, dy) / maxLength;
    const turn = Math.atan2(dy, dx) / (2 * Math.PI);
    const position = (turn - Math.floor(turn)) * WHEEL.length;
    const lower = Math.floor(position) % WHEEL.length;
    const weight = position - Math.floor(position);
    for (let c = 0; c < 3; c++) {
      const hue = (1 - weight) * WHEEL[lower][c] + weight * WHEEL[(lower + 1) % WHEEL.length][c];
      image.data[4 * k + c] = 255 * (relative <= 1 ? 1 - relative * (1 - hue) : 0.75 * hue);
    }
    image.data[4 * k + 3] = 255;
  }
  return image;
}

/**
 * Return the legend of `flowToColor`: a disc whose rim is the magnitude of full colour, transparent outside.
 * @param {number} size Width and height, pixels.
 * @returns {ImageData}
 */
export function colorWheel(size) {
  const axis = (k) => (2 * k) / (size - 1) - 1;
  const flow = Float32Array.from({ length: 2 * size * size }, (_, k) => {
    const pixel = k >> 1;
    return axis(k % 2 ? Math.floor(pixel / size) : pixel % size);
  });
  const image = flowToColor(flow, size, 1);
  for (let k = 0; k < size * size; k++) {
    if (Math.hypot(flow[2 * k], flow[2 * k + 1]) > 1) image.data[4 * k + 3] = 0;
  }
  return image;
}
