/**
 * Encode a flow as a Middlebury .flo file.
 * @param {Float32Array} flow [H, W, 2], pixels.
 * @param {number} width Pixels.
 * @returns {Blob}
 */
export function encodeFlo(flow, width) {
  const head = new DataView(new ArrayBuffer(12));
  head.setFloat32(0, 202021.25, true); // the bytes "PIEH"
  head.setInt32(4, width, true);
  head.setInt32(8, flow.length / 2 / width, true);
  return new Blob([head, flow], { type: "application/octet-stream" });
}
