import { PageError } from "./page_error.js";

/**
 * Download a file of the site, and check that it is whole.
 * @param {{path: string, bytes: number, sha256: string}} file Entry of site.json.
 * @param {(megabytes: string) => void} onProgress Called with "3 of 14 MB".
 * @returns {Promise<Uint8Array>}
 * @throws {PageError} If it cannot be had, is cut short or was changed.
 */
export async function download(file, onProgress) {
  const response = await fetch(file.path).catch(() => null);
  if (!response?.ok) throw new PageError(`${file.path} cannot be loaded: is faceflow web still running?`);
  const data = new Uint8Array(file.bytes);
  let filled = 0;
  const reader = response.body.getReader();
  try {
    for (let part; !(part = await reader.read()).done; filled += part.value.length) {
      if (filled + part.value.length > file.bytes) throw new PageError(`${file.path} is too long: write the site again.`);
      data.set(part.value, filled);
      onProgress(`${megabytes(filled)} of ${megabytes(file.bytes)} MB`);
    }
  } catch (error) {
    if (error instanceof PageError) throw error; // otherwise the connection broke, and the count below says so
  }
  if (filled < file.bytes) {
    throw new PageError(
      `${file.path} is cut short (${filled} of ${file.bytes} bytes): load the page again, or write the site again.`,
    );
  }
  // Browsers give hashes only to pages from https:// or from this machine.
  if (globalThis.crypto?.subtle && (await sha256(data)) !== file.sha256) {
    throw new PageError(`${file.path} is damaged (its SHA-256 differs): write the site again.`);
  }
  return data;
}

const megabytes = (bytes) => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);

async function sha256(data) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
