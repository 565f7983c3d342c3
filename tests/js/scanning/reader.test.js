import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ANSWER_MS, FAILURES_MAX, READY_MS, Reader } from "../../../static/clerk/scanning/reader.js";

/** @typedef {import("../../../static/clerk/scanning/reader.js").Answer} Answer */

/** What a browser has for a worker, as far as the reader uses it. */
class FakeWorker extends EventTarget {
  isAlive = true;
  /** @type {{frame: {close: () => void}, at: number}[]} */
  frames = [];
  terminate() {
    this.isAlive = false;
  }
  /** @param {{frame: {close: () => void}, at: number}} message */
  postMessage(message) {
    this.frames.push(message);
  }
  /** @param {Answer} data */
  says(data) {
    this.dispatchEvent(new MessageEvent("message", { data }));
  }
}

/** A reader and what becomes of it. */
function stage() {
  /** @type {FakeWorker[]} */
  const workers = [];
  const found = { read: /** @type {string[][]} */ ([]), broken: 0, closed: 0 };
  const clock = { now: 0 };
  const makeWorker = () => {
    workers.push(new FakeWorker());
    return /** @type {Worker} */ (/** @type {unknown} */ (workers.at(-1)));
  };
  const reader = new Reader({
    makeWorker,
    now: () => clock.now,
    onRead: ({ texts }) => found.read.push(texts),
    onBroken: () => found.broken++,
  });
  reader.start();
  const frame = /** @type {VideoFrame} */ (/** @type {unknown} */ ({ close: () => found.closed++ }));
  const current = () => /** @type {FakeWorker} */ (workers.at(-1));
  const wait = (/** @type {number} */ ms) => {
    clock.now += ms;
    reader.look();
  };
  return { reader, workers, found, frame, current, wait };
}

describe("a reader", () => {
  test("takes one frame at a time, and none before it is ready", () => {
    const { reader, found, frame, current } = stage();
    reader.read(frame, 0);
    assert.deepEqual([reader.isFree, found.closed, current().frames.length], [false, 1, 0]);
    current().says({ ready: true });
    reader.read(frame, 1);
    reader.read(frame, 2);
    assert.deepEqual([found.closed, current().frames.map(({ at }) => at)], [2, [1]]);
    current().says({ texts: ["a"], at: 1, ms: 5 });
    assert.deepEqual([reader.isFree, found.read], [true, [["a"]]]);
  });

  for (const [how, fail] of /** @type {[string, (of: ReturnType<typeof stage>) => void][]} */ ([
    ["fails at a frame", ({ current }) => current().says({ failed: true })],
    ["is lost to an error", ({ current }) => current().dispatchEvent(new Event("error"))],
    ["does not answer", ({ wait }) => wait(ANSWER_MS + 1)],
  ])) {
    test(`that ${how} is started anew, and reads on`, () => {
      const of = stage();
      of.current().says({ ready: true });
      of.reader.read(of.frame, 1);
      fail(of);
      assert.deepEqual([of.workers.length, of.workers[0].isAlive, of.reader.isFree], [2, false, false]);
      of.current().says({ ready: true });
      of.reader.read(of.frame, 2);
      of.workers[0].says({ texts: ["late"], at: 1, ms: 1 });
      of.current().says({ texts: ["b"], at: 2, ms: 1 });
      assert.deepEqual([of.found.read, of.found.broken], [[["b"]], 0]);
    });

    test(`that ${how} again and again is broken, and can be started by hand`, () => {
      const of = stage();
      for (let times = 0; times < FAILURES_MAX; times++) {
        assert.equal(of.found.broken, 0);
        of.current().says({ ready: true });
        of.reader.read(of.frame, times);
        fail(of);
      }
      assert.deepEqual([of.found.broken, of.workers.filter(({ isAlive }) => isAlive).length], [1, 0]);
      of.reader.start();
      of.current().says({ ready: true });
      assert.equal(of.reader.isFree, true);
    });
  }

  test("may take its time to start, but not for ever", () => {
    const { workers, wait } = stage();
    wait(READY_MS);
    assert.equal(workers.length, 1);
    wait(1);
    assert.equal(workers.length, 2);
  });

  test("may wait for a frame as long as it takes", () => {
    const { workers, current, wait } = stage();
    current().says({ ready: true });
    wait(3_600_000);
    assert.equal(workers.length, 1);
  });

  test("that answered is trusted again", () => {
    const { reader, frame, found, current, workers } = stage();
    for (let times = 0; times < 3 * FAILURES_MAX; times++) {
      current().says({ ready: true });
      reader.read(frame, times);
      current().says({ texts: [], at: times, ms: 1 });
      reader.read(frame, times);
      current().says({ failed: true });
    }
    assert.deepEqual([found.broken, workers.length], [0, 3 * FAILURES_MAX + 1]);
  });
});
