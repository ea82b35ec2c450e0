/**
 * Let the reader ask for the motion of a pixel, by pointer and by arrow keys.
 * @param {HTMLCanvasElement} canvas The flow in colour.
 * @param {HTMLElement} text Where the motion is written.
 * @param {import("./motion_view.js").MotionView} view
 * @returns {() => void} Read the same pixel again, of another flow.
 */
export function readout(canvas, text, view) {
  let cross = null;

  function read(x, y) {
    if (!view.flow) return;
    const { width, height } = view.frame1;
    cross = { x: Math.min(Math.max(x, 0), width - 1), y: Math.min(Math.max(y, 0), height - 1) };
    const place = 2 * (cross.y * width + cross.x);
    const [dx, dy] = [view.flow[place], view.flow[place + 1]];
    const signed = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(2);
    text.textContent =
      `Pixel (${cross.x}, ${cross.y}) moves by (${signed(dx)}, ${signed(dy)}) px, ` +
      `${Math.hypot(dx, dy).toFixed(2)} px in all; x to the right, y down.`;
    view.redrawColor(cross);
  }

  canvas.addEventListener("pointermove", ({ offsetX, offsetY }) => {
    const scale = canvas.width / canvas.clientWidth;
    read(Math.floor(offsetX * scale), Math.floor(offsetY * scale));
  });
  canvas.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!by) return;
    event.preventDefault();
    const step = event.shiftKey ? 16 : 1;
    const from = cross ?? { x: canvas.width >> 1, y: canvas.height >> 1 };
    read(from.x + step * by[0], from.y + step * by[1]);
  });
  canvas.addEventListener("pointerleave", () => view.flow && view.redrawColor());
  return () => cross && read(cross.x, cross.y);
}
