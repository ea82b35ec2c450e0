// The camera: the square in the middle of its picture, where the face is.
import { PageError } from "./page_error.js";

const REASONS = {
  NotAllowedError: "The camera was refused: allow it for this page in the browser, or choose two pictures.",
  NotFoundError: "No camera is connected: connect one, or choose two pictures.",
  NotReadableError: "The camera is in use by another program: close that, or choose two pictures.",
};

export class Camera {
  #requests = 0; // the newest one counts: who stops while the browser asks wants no camera
  #video = Object.assign(document.createElement("video"), { muted: true, playsInline: true });
  /** Whether the browser asks the user for permission. */
  isAsking = false;

  /**
   * Ask for the camera and wait for its first frame.
   * @returns {Promise<boolean>} Whether it records; not if it was stopped meanwhile.
   * @throws {PageError} If it is refused, absent or in use.
   */
  async start() {
    if (!navigator.mediaDevices) {
      throw new PageError("The browser gives the camera only to pages from https:// or from this machine.");
    }
    const request = ++this.#requests;
    this.isAsking = true;
    try {
      const video = { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: "user" };
      const stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
      if (request !== this.#requests) {
        for (const track of stream.getTracks()) track.stop();
        return false;
      }
      this.isAsking = false;
      this.#video.srcObject = stream;
      await this.#video.play();
      return this.isOn;
    } catch (error) {
      if (request !== this.#requests) return false;
      this.stop();
      throw new PageError(REASONS[error.name] ?? `The camera cannot be opened (${error.message}).`);
    }
  }

  /** End the recording; the camera's light goes out. */
  stop() {
    this.#requests++;
    this.isAsking = false;
    for (const track of this.#video.srcObject?.getTracks() ?? []) track.stop();
    this.#video.srcObject = null;
  }

  /** Whether the camera still records: it may have been unplugged. */
  get isOn() {
    return Boolean(this.#video.srcObject?.active);
  }

  /** Return the present frame: the square in the middle. @returns {Promise<ImageBitmap>} */
  frame() {
    const [width, height] = [this.#video.videoWidth, this.#video.videoHeight];
    const side = Math.min(width, height);
    return createImageBitmap(this.#video, (width - side) >> 1, (height - side) >> 1, side, side);
  }
}
