import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { FIRST_PICTURE_MS, PICTURE_MS, RESTARTS_MAX, STEADY_MS, Watch } from "../../../static/clerk/scanning/watch.js";

const SECOND = 1_000;

/** Looks each second until there is something to do. @param {Watch} watch @param {number} from @param {(at: number) => void} [each] */
function untilRemedy(watch, from, each = () => undefined) {
  for (let at = from; at < from + 10 * STEADY_MS; at += SECOND) {
    each(at);
    const remedy = watch.look(at);
    if (remedy) return { remedy, at };
  }
  return null;
}

/** @param {number} at */
function started(at) {
  const watch = new Watch();
  watch.start(at);
  return watch;
}

describe("a watch on the camera", () => {
  test("has nothing to do while pictures come", () => {
    const watch = started(0);
    assert.equal(
      untilRemedy(watch, 0, (at) => watch.picture(at)),
      null,
    );
  });
  test("starts a camera anew that gives no more pictures", () => {
    const watch = started(0);
    watch.picture(10 * SECOND - 1);
    assert.deepEqual(untilRemedy(watch, 0), { remedy: "again", at: 10 * SECOND + PICTURE_MS });
  });
  test("gives a camera more time for its first picture", () =>
    assert.deepEqual(untilRemedy(started(0), 0), { remedy: "again", at: FIRST_PICTURE_MS + SECOND }));
  test("says that it has stopped once starting it anew was in vain, and then begins to count again", () => {
    const watch = new Watch();
    let at = 0;
    const remedies = Array.from({ length: 2 * (RESTARTS_MAX + 1) }, () => {
      watch.start(at);
      const found = untilRemedy(watch, at);
      at = found?.at ?? NaN;
      return found?.remedy;
    });
    const round = [...Array(RESTARTS_MAX).fill("again"), "stopped"];
    assert.deepEqual(remedies, [...round, ...round]);
  });
  test("starts a camera anew as often as it takes, if it works in between", () => {
    const watch = new Watch();
    for (let at = 0; at < 100 * STEADY_MS; at += 2 * STEADY_MS) {
      watch.start(at);
      assert.equal(watch.stop(at + STEADY_MS + 1), "again");
    }
  });
  test("is not misled by a tablet that slept", () => {
    const watch = started(0);
    watch.picture(SECOND);
    watch.look(SECOND);
    assert.equal(watch.look(3_600 * SECOND), null);
    assert.equal(untilRemedy(watch, 3_601 * SECOND)?.at, 3_600 * SECOND + PICTURE_MS + SECOND);
  });
});
