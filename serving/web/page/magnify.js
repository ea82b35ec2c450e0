// A frame with its motion made larger: a mesh lies in frame 2 where the flow says and in the result where the
// factor says, and each triangle is filled from frame 2. As pipelines/clip_analysis/magnification.py does for clips.

const VERTICES = 128; // along the longer side
const MOST = 0.05; // of the longer side: largest motion that is added
const NOISE = 0.08; // pixels: motion that is as small is left as it is
const BORDER = 0.08; // of the longer side, over which magnification fades towards the border

/**
 * Return a function that magnifies the motion of a frame.
 * @param {ImageData} frame2
 * @param {Float32Array} flow [H, W, 2], frame 1 to frame 2, pixels.
 * @returns {(factor: number) => ImageData} 1 gives frame 2 and 0 nearly frame 1.
 */
export function magnifier(frame2, flow) {
  const { width, height } = frame2;
  const longer = Math.max(width, height);
  const step = Math.max(2, Math.round(longer / VERTICES));
  const [columns, rows] = [width, height].map((side) => Math.ceil((side - 1) / step) + 1);
  const at = (index, side) => Math.min(index * step, side - 1); // the last vertex lies on the border
  const vertices = [];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) vertices.push(vertex(at(column, width), at(row, height)));
  }

  function vertex(x, y) {
    const [dx, dy] = meanAround(flow, width, height, x, y);
    const squared = dx * dx + dy * dy;
    const fromBorder = Math.min(x, y, width - 1 - x, height - 1 - y) / (BORDER * longer);
    const fade = Math.min(1, fromBorder);
    const weight = (squared / (squared + NOISE * NOISE)) * fade * fade * (3 - 2 * fade);
    return { x, y, dx, dy, moreX: weight * dx, moreY: weight * dy };
  }

  // Triangles that move most are drawn last: they lie on top where the mesh folds.
  const triangles = [];
  for (let row = 0; row + 1 < rows; row++) {
    for (let column = 0; column + 1 < columns; column++) {
      const a = row * columns + column;
      triangles.push([a, a + 1, a + columns], [a + 1, a + columns + 1, a + columns]);
    }
  }
  const length = vertices.map(({ moreX, moreY }) => Math.hypot(moreX, moreY));
  const order = triangles.map((corners) => Math.max(...corners.map((k) => length[k])));
  const sorted = triangles.map((_, k) => k).sort((a, b) => order[a] - order[b]);

  return (factor) => {
    const placed = vertices.map(({ x, y, dx, dy, moreX, moreY }, k) => {
      const wanted = Math.abs(factor - 1) * length[k];
      const most = MOST * longer;
      const scale = wanted ? ((factor - 1) * most * Math.tanh(wanted / most)) / wanted : 0;
      const [addX, addY] = [scale * moreX, scale * moreY];
      // Where it is drawn, and how far from there its colour is in frame 2; vertices on the border stay.
      const onBorder = x === 0 || y === 0 || x === width - 1 || y === height - 1;
      return onBorder ? { x, y, stepX: 0, stepY: 0 } : { x: x + dx + addX, y: y + dy + addY, stepX: -addX, stepY: -addY };
    });
    const result = new ImageData(new Uint8ClampedArray(frame2.data), width, height);
    for (const k of sorted) fill(result, frame2, ...triangles[k].map((corner) => placed[corner]));
    return result;
  };
}

function meanAround(flow, width, height, x, y) {
  let [sumX, sumY, count] = [0, 0, 0];
  for (let v = Math.max(0, y - 2); v <= Math.min(height - 1, y + 2); v++) {
    for (let u = Math.max(0, x - 2); u <= Math.min(width - 1, x + 2); u++, count++) {
      sumX += flow[2 * (v * width + u)];
      sumY += flow[2 * (v * width + u) + 1];
    }
  }
  return [sumX / count, sumY / count];
}

/** Fill a triangle: each pixel from where the step, interpolated between the corners, leads in the source. */
function fill(target, source, a, b, c) {
  const area = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
  if (Math.abs(area) < 1e-6) return;
  const { width, height } = target;
  const bounds = (side, ...values) => [Math.max(0, Math.ceil(Math.min(...values))), Math.min(side - 1, Math.floor(Math.max(...values)))];
  const [left, right] = bounds(width, a.x, b.x, c.x);
  const [top, bottom] = bounds(height, a.y, b.y, c.y);
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const u = ((b.x - x) * (c.y - y) - (b.y - y) * (c.x - x)) / area;
      const v = ((c.x - x) * (a.y - y) - (c.y - y) * (a.x - x)) / area;
      const w = 1 - u - v;
      if (u < -1e-6 || v < -1e-6 || w < -1e-6) continue;
      const stepX = u * a.stepX + v * b.stepX + w * c.stepX;
      const stepY = u * a.stepY + v * b.stepY + w * c.stepY;
      sample(target.data, 4 * (y * width + x), source, x + stepX, y + stepY);
    }
  }
}

/** Read a picture between its pixels, linearly. */
function sample(out, place, { data, width, height }, x, y) {
  const [px, py] = [Math.min(Math.max(x, 0), width - 1), Math.min(Math.max(y, 0), height - 1)];
  const [left, top] = [Math.min(Math.floor(px), width - 2), Math.min(Math.floor(py), height - 2)];
  const [wx, wy] = [px - left, py - top];
  const corner = 4 * (top * width + left);
  for (let c = 0; c < 3; c++) {
    const upper = data[corner + c] * (1 - wx) + data[corner + 4 + c] * wx;
    const lower = data[corner + 4 * width + c] * (1 - wx) + data[corner + 4 * width + 4 + c] * wx;
    out[place + c] = upper * (1 - wy) + lower * wy;
  }
}
