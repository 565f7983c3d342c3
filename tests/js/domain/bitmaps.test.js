import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { fromGaps, has, put } from "../../../static/clerk/domain/bitmaps.js";
import { vectors } from "../vectors.js";

const VECTORS = vectors("bitmaps");

/** @param {string} hex */
const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));

describe("it finds the numbers of a set in its bitmap, and no others", () => {
  for (const { name, numbers, size, bitmap } of VECTORS.sets) {
    test(name, () => {
      const read = bytes(bitmap);
      const found = Array.from({ length: size + 16 }, (_, number) => number).filter((number) => has(read, number));
      assert.deepEqual(found, numbers);
    });
  }
});

describe("it reads gaps", () => {
  for (const { name, numbers, gaps } of [...VECTORS.sets, ...VECTORS.far])
    test(name, () => assert.deepEqual(fromGaps(bytes(gaps)), numbers));
});

describe("it builds the bitmap of a set number by number", () => {
  for (const { name, numbers, size, bitmap } of VECTORS.sets) {
    test(name, () => {
      const written = new Uint8Array(Math.ceil(size / 8));
      for (const number of numbers) put(written, number, true);
      assert.deepEqual(written, bytes(bitmap));
    });
  }
});

test("it removes a number and leaves its neighbours", () => {
  const bitmap = Uint8Array.of(0xff, 0xff);
  put(bitmap, 3, false);
  put(bitmap, 8, false);
  assert.deepEqual(bitmap, Uint8Array.of(0xf7, 0xfe));
});

test("a number beyond the end is not in the set", () => {
  assert.equal(has(Uint8Array.of(0xff), 8), false);
  assert.equal(has(Uint8Array.of(0xff), 2 ** 32 - 1), false);
});

test("gaps that were cut short give the whole numbers before the cut", () => {
  assert.deepEqual(fromGaps(Uint8Array.of(5, 0x80)), [5]);
});
