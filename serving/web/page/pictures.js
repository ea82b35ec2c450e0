// Pictures: decoded, checked, reduced to a size, and as the bytes that the network takes.
import { PageError } from "./page_error.js";

/** Smallest side of a picture, pixels. */
export const MIN_SIDE = 16;

/**
 * Decode a picture, turned upright as its EXIF orientation says.
 * @param {Blob} file
 * @param {string} name For messages.
 * @returns {Promise<{name: string, image: ImageBitmap}>}
 * @throws {PageError} If it is empty, cannot be decoded, or is too small.
 */
export async function decodePicture(file, name) {
  if (!file.size) throw new PageError(`${name}: the file is empty; choose another one.`);
  let image;
  try {
    image = await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch {
    throw new PageError(`${name}: not a picture that this browser can read; choose a PNG, JPEG or WebP file.`);
  }
  if (await isCutShort(file)) throw new PageError(`${name}: the picture is cut short; get the file again.`);
  const { width, height } = image;
  if (Math.min(width, height) < MIN_SIDE) {
    throw new PageError(`${name}: ${width} x ${height} pixels; flow needs at least ${MIN_SIDE} x ${MIN_SIDE}.`);
  }
  return { name, image };
}

/** Whether the end of a PNG or JPEG is missing: browsers show what there is, and the rest is black. */
async function isCutShort(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const endsWithin = (mark, start = 0) => {
    for (let k = bytes.length - mark.length; k >= start; k--) {
      if (mark.every((value, i) => bytes[k + i] === value)) return true;
    }
    return false;
  };
  if (bytes[0] === 0x89 && bytes[1] === 0x50) return !endsWithin([0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82]);
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return !endsWithin([0xff, 0xd9], startOfScan(bytes));
  return false;
}

/** Place of a JPEG's own pixels: the thumbnail of a phone stands before them, and has an end of its own. */
function startOfScan(bytes) {
  let at = 2;
  while (at + 3 < bytes.length && bytes[at] === 0xff && bytes[at + 1] !== 0xda) {
    at += bytes[at + 1] === 0xff ? 1 : 2 + 256 * bytes[at + 2] + bytes[at + 3];
  }
  return at;
}

/** Whether two pictures have the same width and height. */
export function haveOneSize({ image: a }, { image: b }) {
  return a.width === b.width && a.height === b.height;
}

/**
 * Refuse two pictures of different sizes.
 * @throws {PageError}
 */
export function checkSizes(first, second) {
  if (haveOneSize(first, second)) return;
  const [a, b] = [first.image, second.image];
  throw new PageError(
    `The two pictures differ in size: ${first.name} has ${a.width} x ${a.height} pixels and ${second.name} ` +
      `${b.width} x ${b.height}; scale or crop both to one size.`,
  );
}

/**
 * Return the pixels of a picture, reduced if its longer side is beyond a limit.
 * @param {CanvasImageSource & {width: number, height: number}} image
 * @param {number} limit Largest longer side, pixels.
 * @returns {ImageData}
 */
export function pixels(image, limit) {
  const scale = Math.min(1, limit / Math.max(image.width, image.height));
  const [width, height] = [image.width, image.height].map((side) => Math.max(1, Math.round(side * scale)));
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

/**
 * Return both frames as the network takes them.
 * @param {ImageData} frame1
 * @param {ImageData} frame2 Of the same size.
 * @returns {Uint8Array} Values of [1, 2, H, W, 3].
 */
export function stackFrames(frame1, frame2) {
  const count = frame1.width * frame1.height;
  const stacked = new Uint8Array(6 * count);
  [frame1, frame2].forEach(({ data }, k) => {
    for (let i = 0, out = 3 * k * count; i < 4 * count; i += 4) {
      stacked[out++] = data[i];
      stacked[out++] = data[i + 1];
      stacked[out++] = data[i + 2];
    }
  });
  return stacked;
}
