import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ALONE_MS, SAME_SCAN_MS, SAME_STICKER_MS, Sightings } from "../../../static/clerk/scanning/sightings.js";
import { vectors } from "../vectors.js";

const [COUPON, OTHER_COUPON] = vectors("tokens").good.map((/** @type {{text: string}} */ each) => each.text);
const STICKER = "https://pay.example/s/8f3a?shop=42";
const FRAME_MS = 100;

/** What comes of each frame. @param {Sightings} sightings @param {string[]} texts @param {number} from @param {number} to */
function watch(sightings, texts, from, to) {
  const seen = [];
  for (let at = from; at < to; at += FRAME_MS) seen.push(sightings.take(texts, at));
  return seen;
}

describe("a coupon seen again", () => {
  test("within seconds is the same scan, as long as it stays in sight", () => {
    const [first, ...rest] = watch(new Sightings(), [COUPON], 0, 20_000);
    assert.deepEqual(first, { text: COUPON, isNew: true, isCoupon: true });
    assert.deepEqual(new Set(rest.map((each) => each?.isNew)), new Set([false]));
  });
  test("is a new scan after it was out of sight", () => {
    const sightings = new Sightings();
    sightings.take([COUPON], 0);
    assert.equal(sightings.take([COUPON], SAME_SCAN_MS)?.isNew, true);
  });
  test("is a new scan if it is another one", () => {
    const sightings = new Sightings();
    sightings.take([COUPON], 0);
    assert.equal(sightings.take([OTHER_COUPON], 1)?.isNew, true);
  });
});

describe("other codes", () => {
  test("beside a coupon are not looked at, in whatever order they are found", () => {
    for (const texts of [
      [STICKER, COUPON],
      [COUPON, STICKER],
    ])
      assert.deepEqual(new Sightings().take(texts, 0), { text: COUPON, isNew: true, isCoupon: true });
  });
  test("count once they were alone for a moment", () => {
    const seen = watch(new Sightings(), [STICKER], 0, ALONE_MS + 2 * FRAME_MS);
    assert.deepEqual(seen.slice(0, ALONE_MS / FRAME_MS), Array(ALONE_MS / FRAME_MS).fill(null));
    assert.deepEqual(
      seen.slice(ALONE_MS / FRAME_MS).map((each) => each?.isNew),
      [true, false],
    );
  });
  test("do not count while a coupon is seen in some of the frames", () => {
    const sightings = new Sightings();
    for (let at = 0; at < 5_000; at += 4 * FRAME_MS) {
      sightings.take([COUPON], at);
      assert.deepEqual(watch(sightings, [STICKER], at + FRAME_MS, at + 4 * FRAME_MS), [null, null, null]);
    }
  });
  test("leave a coupon beside them the same scan", () => {
    const sightings = new Sightings();
    sightings.take([COUPON], 0);
    watch(sightings, [STICKER], FRAME_MS, ALONE_MS);
    assert.equal(sightings.take([COUPON], ALONE_MS)?.isNew, false);
  });
  test("that stay on the counter are told once", () => {
    const sightings = new Sightings();
    watch(sightings, [STICKER], 0, 2_000);
    watch(sightings, [COUPON], 2_000, 30_000);
    const news = watch(sightings, [STICKER], 30_000, 32_000).filter((each) => each?.isNew);
    assert.deepEqual(news, []);
    watch(sightings, [COUPON], 32_000, 32_000 + SAME_STICKER_MS);
    assert.equal(watch(sightings, [STICKER], 33_000 + SAME_STICKER_MS, 35_000 + SAME_STICKER_MS).filter((each) => each?.isNew).length, 1);
  });
  test("must be alone anew after they were out of sight", () => {
    const sightings = new Sightings();
    sightings.take([STICKER], 0);
    assert.equal(sightings.take([STICKER], SAME_SCAN_MS), null);
  });
});
