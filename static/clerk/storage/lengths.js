/**
 * The flushed length of the journal file, kept twice in a file of its own, so that what is missing or bad below it is known to be damage.
 *
 * Each of the two places has a sequence number, the length and a CRC-32 (4 bytes each, little-endian). They are written in turns, the
 * older one next, after the records are flushed: a power cut tears one of them at most. They lie in different blocks of the disk.
 */
import { crc32 } from "../domain/bytes.js";

/** @typedef {{sequence: number, length: number}} Length */
/** @typedef {{newest: Length | null, areWhole: boolean}} Lengths  `areWhole`: both places are readable */

const BLOCK_BYTES = 4096;
const PLACE_BYTES = 12;

/** The place of a length in the file. @param {number} sequence */
export const placeOf = (sequence) => (sequence % 2) * BLOCK_BYTES;

/** @param {Length} length @returns {Uint8Array<ArrayBuffer>} */
export function writeLength({ sequence, length }) {
  const bytes = new Uint8Array(PLACE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, sequence, true);
  view.setUint32(4, length, true);
  view.setUint32(8, crc32(bytes.subarray(0, 8)), true);
  return bytes;
}

/** @param {Uint8Array} bytes the whole file @returns {Lengths} */
export function readLengths(bytes) {
  const found = [0, 1].map((sequence) => readAt(bytes, placeOf(sequence))).filter((length) => length !== null);
  const newest = found.sort((one, other) => other.sequence - one.sequence)[0] ?? null;
  return { newest, areWhole: found.length === 2 };
}

/** @param {Uint8Array} bytes @param {number} at @returns {Length | null} */
function readAt(bytes, at) {
  if (at + PLACE_BYTES > bytes.length) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, PLACE_BYTES);
  const isWhole = crc32(bytes.subarray(at, at + PLACE_BYTES - 4)) === view.getUint32(8, true);
  return isWhole ? { sequence: view.getUint32(0, true), length: view.getUint32(4, true) } : null;
}
