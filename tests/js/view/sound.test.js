import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { signal, switchSound, wakeSound } from "../../../static/clerk/view/sound.js";

/** @typedef {"running" | "suspended" | "interrupted" | "closed"} State */

/** What a browser has for sound, as far as it is used. */
class FakeContext {
  /** @type {FakeContext[]} */
  static made = [];
  currentTime = 0;
  /** @type {State} */
  state = "suspended";
  mayResume = true;
  constructor() {
    FakeContext.made.push(this);
  }
  async resume() {
    if (!this.mayResume) throw new DOMException("", "InvalidStateError");
    this.state = "running";
  }
}

let notes = 0;
class FakeNode {
  gain = { linearRampToValueAtTime() {}, setValueAtTime() {} };
  /** @param {FakeNode} next */
  connect(next) {
    return next;
  }
  start() {
    notes++;
  }
  stop() {}
}
globalThis.navigator ??= /** @type {Navigator} */ ({}); // Node 18 has none
Object.assign(globalThis, { AudioContext: FakeContext, GainNode: FakeNode, OscillatorNode: FakeNode });

const settled = () => new Promise((resolve) => setImmediate(resolve));
const context = () => /** @type {FakeContext} */ (FakeContext.made.at(-1));

/** How many notes a signal makes now. */
async function heard() {
  notes = 0;
  signal("yes");
  await settled();
  return notes;
}

beforeEach(async () => {
  wakeSound();
  await settled();
  context().mayResume = true;
  wakeSound();
  await settled();
});

describe("the sound", () => {
  test("is heard after a touch", async () => assert.equal(await heard(), 1));

  for (const state of /** @type {State[]} */ (["suspended", "interrupted", "closed"])) {
    test(`comes back by itself after it was ${state}`, async () => {
      context().state = state;
      assert.equal(await heard(), 1);
      assert.equal(context().state, "running");
    });
    test(`comes back with the next touch after it was ${state}`, async () => {
      context().state = state;
      wakeSound();
      await settled();
      assert.equal(context().state, "running");
    });
  }

  test("that can't be had now is no fault, and is tried again", async () => {
    Object.assign(context(), { state: "interrupted", mayResume: false });
    assert.equal(await heard(), 0);
    context().mayResume = true;
    assert.equal(await heard(), 1);
  });

  test("that comes late is left out", async (t) => {
    context().state = "interrupted";
    let now = 0;
    t.mock.method(performance, "now", () => (now += 1_000));
    assert.equal(await heard(), 0);
    assert.equal(context().state, "running");
  });

  test("is not heard while it is switched off", async () => {
    switchSound(false);
    assert.equal(await heard(), 0);
    switchSound(true);
    assert.equal(await heard(), 1);
  });
});
