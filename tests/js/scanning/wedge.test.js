import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { GAP_MS, Wedge } from "../../../static/clerk/scanning/wedge.js";

const DIGITS = "0".repeat(183);

/** Types with so many ms between keys. @param {Wedge} wedge @param {string} text @param {number} gapMs @param {number} [from] */
function type(wedge, text, gapMs, from = 1_000_000) {
  const keys = [...text, "Enter"].map((key) => (key === "\n" ? "Enter" : key));
  return keys.map((key, index) => wedge.take(key, from + index * gapMs)).at(-1);
}

describe("a scanner that acts as a keyboard", () => {
  test("ends with Enter, which does not reach the page", () =>
    assert.deepEqual(type(new Wedge(), "7KQ2M4XZ9F3C", 10), { fromScanner: true, scanned: "7KQ2M4XZ9F3C" }));
  test("is not a person, who types slowly", () => assert.deepEqual(type(new Wedge(), "7KQ2M4XZ9F3C", GAP_MS), { fromScanner: false }));
  test("is not a lone Enter or Tab", () =>
    assert.deepEqual(
      ["Enter", "Tab"].map((key) => new Wedge().take(key, 5)),
      [{ fromScanner: false }, { fromScanner: false }],
    ));
  test("may end with Tab", () => {
    const wedge = new Wedge();
    for (const [at, key] of [..."7KQ2M4XZ9F3C"].entries()) wedge.take(key, at);
    assert.deepEqual(wedge.take("Tab", 12), { fromScanner: true, scanned: "7KQ2M4XZ9F3C" });
  });
  test("may type the link in a Russian layout: only the digits count", () => {
    assert.equal(type(new Wedge(), `реезыЖ..пшаеюучфьздуюсщь.с.${DIGITS}`, 10)?.scanned, DIGITS);
  });
  test("may add a prefix", () => assert.equal(type(new Wedge(), `\\000026${DIGITS}`, 10)?.scanned, `\\000026${DIGITS}`));
  test("may end with CR and LF: the second Enter does not reach the page, but a person's Enter does", () => {
    const wedge = new Wedge();
    type(wedge, "7KQ2M4XZ9F3C", 10);
    assert.deepEqual(wedge.take("Enter", 1_000_130), { fromScanner: true });
    assert.deepEqual(wedge.take("Tab", 1_000_135), { fromScanner: false });
    assert.deepEqual(wedge.take("Enter", 1_000_135 + GAP_MS), { fromScanner: false });
  });
  test("starts anew with a second scan", () => {
    const wedge = new Wedge();
    type(wedge, "7KQ2M4XZ9F3C", 10);
    assert.equal(type(wedge, "000000000000", 10, 2_000_000)?.scanned, "000000000000");
  });
});
