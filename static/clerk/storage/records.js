/**
 * The journal file, as bytes: a header line, then records. A record is the text's length (4 bytes, little-endian), the text's CRC-32
 * (4 bytes) and the text (UTF-8).
 *
 * A power cut or a kill during a write leaves a torn tail: `readRecords` returns how many bytes are whole. What is torn and what is
 * damaged is decided in damage.js.
 */
import { crc32, utf8 } from "../domain/bytes.js";

/** Of a file whose flushed length may never have been kept. */
export const HEADER = utf8("redeem journal 1\n");
/** Of a file whose flushed length is kept beside it (lengths.js). No single bit makes one header the other. */
export const MEASURED = utf8("redeem journal 2\n");
export const RECORD_BYTES_MAX = 64 * 1024;

const FRAME_BYTES = 8;

/** @param {string} text @returns {Uint8Array<ArrayBuffer>} */
export function writeRecord(text) {
  const body = utf8(text);
  if (body.length > RECORD_BYTES_MAX) throw new RangeError(`a journal entry of ${body.length} bytes`);
  const record = new Uint8Array(FRAME_BYTES + body.length);
  const frame = new DataView(record.buffer);
  frame.setUint32(0, body.length, true);
  frame.setUint32(4, crc32(body), true);
  record.set(body, FRAME_BYTES);
  return record;
}

/**
 * @param {Uint8Array} bytes the whole file
 * @returns {{texts: string[], whole: number}} the records, and the number of bytes that are whole; what follows is torn or damaged
 */
export function readRecords(bytes) {
  const texts = [];
  let whole = hasHeader(bytes) ? HEADER.length : 0;
  for (let body = whole && nextBody(bytes, whole); body; body = nextBody(bytes, whole)) {
    texts.push(decode(body));
    whole += FRAME_BYTES + body.length;
  }
  return { texts, whole };
}

/**
 * Every whole record from `start` on, and where it begins, whatever lies between them.
 * @param {Uint8Array} bytes the whole file @param {number} start @returns {Generator<{at: number, text: string}>}
 */
export function* salvage(bytes, start) {
  for (let at = start; at + FRAME_BYTES < bytes.length; ) {
    const body = nextBody(bytes, at);
    if (body) yield { at, text: decode(body) };
    at += body ? FRAME_BYTES + body.length : 1;
  }
}

/** Whether the file begins as a journal does. @param {Uint8Array} bytes */
export const hasHeader = (bytes) => startsWith(bytes, HEADER) || startsWith(bytes, MEASURED);

/** @param {Uint8Array} bytes @param {Uint8Array} beginning */
export const startsWith = (bytes, beginning) => bytes.length >= beginning.length && beginning.every((byte, index) => bytes[index] === byte);

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const decode = (/** @type {Uint8Array} */ body) => decoder.decode(body);

/** @param {Uint8Array} bytes @param {number} start @returns {Uint8Array | null} */
function nextBody(bytes, start) {
  if (start + FRAME_BYTES > bytes.length) return null;
  const frame = new DataView(bytes.buffer, bytes.byteOffset + start, FRAME_BYTES);
  const length = frame.getUint32(0, true);
  if (length === 0 || length > RECORD_BYTES_MAX || start + FRAME_BYTES + length > bytes.length) return null;
  const body = bytes.subarray(start + FRAME_BYTES, start + FRAME_BYTES + length);
  return crc32(body) === frame.getUint32(4, true) ? body : null;
}
