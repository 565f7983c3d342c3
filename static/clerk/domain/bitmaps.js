/** Sets of coupon numbers as the server sends them: a bitmap, or the gaps between sorted numbers as LEB128 varints. */

/** @param {Uint8Array} bitmap @param {number} number beyond the end: not in the set */
export const has = (bitmap, number) => ((bitmap[number >>> 3] ?? 0) & (1 << (number & 7))) !== 0;

/** @param {Uint8Array} bitmap long enough @param {number} number @param {boolean} present */
export function put(bitmap, number, present) {
  if (present) bitmap[number >>> 3] |= 1 << (number & 7);
  else bitmap[number >>> 3] &= ~(1 << (number & 7));
}

/** @param {Uint8Array} gaps @returns {number[]} ascending */
export function fromGaps(gaps) {
  const numbers = [];
  let [last, value, scale] = [-1, 0, 1];
  for (const byte of gaps) {
    value += (byte & 0x7f) * scale;
    scale *= 128;
    if (byte >= 0x80) continue;
    last += value + 1;
    numbers.push(last);
    [value, scale] = [0, 1];
  }
  return numbers;
}
