// The pictures of a flow: in colour, as arrows, and magnified.
import { drawArrows, flowArrows } from "./arrows.js";
import { colorWheel, flowToColor, fullLength } from "./flow_color.js";
import { magnifier } from "./magnify.js";

const ARROWS_SIDE = 640; // pixels: arrows on small frames are drawn on an enlarged frame

/**
 * Draw pixels on a canvas of their size.
 * @param {HTMLCanvasElement} canvas
 * @param {ImageData} image
 */
export function draw(canvas, image) {
  resize(canvas, image.width, image.height);
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function resize(canvas, width, height) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
}

/** Shows a flow on three canvases. */
export class MotionView {
  #canvases;

  /** @param {{color: HTMLCanvasElement, arrows: HTMLCanvasElement, magnified: HTMLCanvasElement}} canvases */
  constructor(canvases) {
    this.#canvases = canvases;
  }

  /**
   * Show a flow.
   * @param {ImageData} frame1
   * @param {ImageData} frame2
   * @param {Float32Array} flow [H, W, 2], pixels.
   * @returns {{full: number, stretch: number}} Magnitude of full colour, pixels, and the arrows' factor.
   */
  show(frame1, frame2, flow) {
    const { color, arrows } = this.#canvases;
    const full = fullLength(flow);
    this.frame1 = frame1;
    this.flow = flow;
    this.image = flowToColor(flow, frame1.width, full);
    this.redrawColor();
    this.magnify = magnifier(frame2, flow);
    const zoom = Math.max(1, ARROWS_SIDE / Math.max(frame1.width, frame1.height));
    resize(arrows, Math.round(zoom * frame1.width), Math.round(zoom * frame1.height));
    const context = arrows.getContext("2d");
    const small = new OffscreenCanvas(frame1.width, frame1.height);
    small.getContext("2d").putImageData(frame1, 0, 0);
    context.drawImage(small, 0, 0, arrows.width, arrows.height);
    context.fillStyle = "rgb(225 225 225 / 40%)"; // so that arrows are seen
    context.fillRect(0, 0, arrows.width, arrows.height);
    const found = flowArrows(flow, frame1.width);
    drawArrows(context, found, zoom);
    return { full, stretch: found.stretch };
  }

  /** Draw the flow in colour again, with a cross at a pixel if one is given. */
  redrawColor(cross) {
    const { color } = this.#canvases;
    draw(color, this.image);
    const context = color.getContext("2d");
    const size = Math.floor(Math.min(color.width, color.height) / 5);
    if (size >= 9) {
      const wheel = new OffscreenCanvas(size, size);
      wheel.getContext("2d").putImageData(colorWheel(size), 0, 0);
      context.drawImage(wheel, color.width - size - 2, color.height - size - 2);
    }
    if (!cross) return;
    const arm = Math.max(4, color.width / 40);
    for (const [style, lineWidth] of [["white", 3], ["black", 1]]) {
      Object.assign(context, { strokeStyle: style, lineWidth });
      context.beginPath();
      context.moveTo(cross.x + 0.5 - arm, cross.y + 0.5);
      context.lineTo(cross.x + 0.5 + arm, cross.y + 0.5);
      context.moveTo(cross.x + 0.5, cross.y + 0.5 - arm);
      context.lineTo(cross.x + 0.5, cross.y + 0.5 + arm);
      context.stroke();
    }
  }

  /** Show frame 2 with its motion times a factor. */
  showMagnified(factor) {
    draw(this.#canvases.magnified, this.magnify(factor));
  }
}
