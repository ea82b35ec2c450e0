// Flow as arrows on a frame.

const COUNT = 20; // arrows along the longer side

/**
 * Return arrows on a grid, each the mean motion around it.
 * @param {Float32Array} flow [H, W, 2], pixels.
 * @param {number} width Pixels.
 * @returns {{points: {x: number, y: number, dx: number, dy: number}[], stretch: number}} Positions and motion in
 *   pixels, and the factor with which the longest arrow just reaches the next one.
 */
export function flowArrows(flow, width) {
  const height = flow.length / 2 / width;
  const spacing = Math.max(4, Math.round(Math.max(width, height) / COUNT));
  const points = [];
  let longest = 0;
  for (let y = spacing >> 1; y < height; y += spacing) {
    for (let x = spacing >> 1; x < width; x += spacing) {
      const [dx, dy] = meanAround(flow, width, height, x, y, spacing >> 1);
      points.push({ x, y, dx, dy });
      longest = Math.max(longest, Math.hypot(dx, dy));
    }
  }
  return { points, stretch: (0.9 * spacing) / Math.max(longest, 0.1) };
}

function meanAround(flow, width, height, x, y, radius) {
  let [sumX, sumY, count] = [0, 0, 0];
  for (let v = Math.max(0, y - radius); v <= Math.min(height - 1, y + radius); v++) {
    for (let u = Math.max(0, x - radius); u <= Math.min(width - 1, x + radius); u++, count++) {
      sumX += flow[2 * (v * width + u)];
      sumY += flow[2 * (v * width + u) + 1];
    }
  }
  return [sumX / count, sumY / count];
}

/**
 * Draw arrows.
 * @param {CanvasRenderingContext2D} context
 * @param {ReturnType<typeof flowArrows>} arrows
 * @param {number} zoom Pixels of the canvas in one pixel of the frame.
 */
export function drawArrows(context, { points, stretch }, zoom) {
  context.strokeStyle = "rgb(170 0 60)";
  context.lineWidth = Math.max(1, context.canvas.width / 350);
  context.beginPath();
  for (const { x, y, dx, dy } of points) {
    const from = [zoom * (x + 0.5), zoom * (y + 0.5)];
    const [alongX, alongY] = [zoom * stretch * dx, zoom * stretch * dy];
    const tip = [from[0] + alongX, from[1] + alongY];
    context.moveTo(...from);
    context.lineTo(...tip);
    for (const side of [-0.3, 0.3]) {
      context.moveTo(...tip);
      context.lineTo(tip[0] - 0.3 * alongX + side * alongY, tip[1] - 0.3 * alongY - side * alongX);
    }
  }
  context.stroke();
}
