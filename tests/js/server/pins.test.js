import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { NoAnswer, Refused } from "../../../static/clerk/server/api.js";
import { FREE_FAILURES, Pins, waitMs } from "../../../static/clerk/server/pins.js";
import { unlocker } from "../../../static/clerk/server/unlocking.js";
import { NOW } from "../tablet.js";

/** @import { KeptPin } from "../../../static/clerk/storage/store.js" */

function kept() {
  /** @type {Map<string, KeptPin>} */
  const all = new Map();
  const clock = { now: NOW };
  const memory = {
    pin: async (/** @type {string} */ clerk) => all.get(clerk),
    putPin: async (/** @type {string} */ clerk, /** @type {KeptPin} */ pin) => void all.set(clerk, pin),
  };
  return { pins: new Pins(memory, () => clock.now), clock, all };
}

test("a PIN that the server accepted is right offline, and another is not", async () => {
  const { pins } = kept();
  await pins.remember("clk_1", "4071", "m1");
  assert.equal((await pins.check("clk_1", "4071", "m1")).answer, "right");
  assert.equal((await pins.check("clk_1", "4072", "m1")).answer, "wrong");
  assert.equal((await pins.check("clk_2", "4071", "m1")).answer, "unknown");
});

test("after some wrong PINs every next try must wait, each time longer", async () => {
  const { pins, clock } = kept();
  await pins.remember("clk_1", "4071", "m1");
  for (let tries = 0; tries < FREE_FAILURES; tries++) assert.equal((await pins.check("clk_1", "0000", "m1")).answer, "wrong");
  const first = await pins.check("clk_1", "4071", "m1");
  assert.deepEqual(first, { answer: "wait", waitMs: 15_000 });
  clock.now += 15_000;
  assert.equal((await pins.check("clk_1", "0000", "m1")).answer, "wrong");
  assert.equal((await pins.check("clk_1", "4071", "m1")).waitMs, 30_000);
  clock.now += 30_000;
  assert.equal((await pins.check("clk_1", "4071", "m1")).answer, "right");
  assert.equal((await pins.check("clk_1", "0000", "m1")).answer, "wrong");
});

test("a wait has an upper limit, whatever the clock says", () => {
  const pin = /** @type {KeptPin} */ ({ failures: 500, failedAt: NOW });
  assert.equal(waitMs(pin, NOW), 5 * 60_000);
  assert.equal(waitMs(pin, NOW - 365 * 86_400_000), 5 * 60_000);
  assert.equal(waitMs(pin, NOW + 5 * 60_000), 0);
});

test("a try is counted before it is checked", async () => {
  const { pins, all } = kept();
  await pins.remember("clk_1", "4071", "m1");
  const judging = pins.check("clk_1", "0000", "m1");
  await Promise.resolve();
  await Promise.resolve();
  assert.equal(all.get("clk_1")?.failures, 1);
  await judging;
});

test("the PIN itself is not stored", async () => {
  const { pins, all } = kept();
  await pins.remember("clk_1", "40714071", "m1");
  assert.doesNotMatch(
    JSON.stringify([...all].map(([clerk, pin]) => [clerk, { ...pin, hash: [...new Uint8Array(pin.hash)], salt: [...pin.salt] }])),
    /40714071/,
  );
});

describe("unlocking", () => {
  const clerks = () => [{ id: "clk_1", name: "Anna", pin: "m1" }];
  const key = { id: "dev_1", sign: async () => new Uint8Array(64) };
  const api = (/** @type {Error | null} */ error) =>
    /** @type {any} */ ({ post: async () => (error ? Promise.reject(error) : { pin: "m1" }) });

  test("a PIN that the server accepts is stored", async () => {
    const { pins } = kept();
    assert.deepEqual(await unlocker({ api: api(null), key, pins, clerks })("clk_1", "4071"), {});
    assert.deepEqual(await unlocker({ api: api(new NoAnswer()), key, pins, clerks })("clk_1", "4071"), { offline: true });
  });
  test("a PIN that the server refuses does not unlock, even if it is stored", async () => {
    const { pins } = kept();
    await pins.remember("clk_1", "4071", "m1");
    const refused = new Refused(403, "wrong_pin");
    await assert.rejects(unlocker({ api: api(refused), key, pins, clerks })("clk_1", "4071"), refused);
  });
  test("offline, a wrong PIN and too many tries fail as they do online", async () => {
    const { pins } = kept();
    await pins.remember("clk_1", "4071", "m1");
    const open = unlocker({ api: api(new NoAnswer()), key, pins, clerks });
    for (let tries = 0; tries < FREE_FAILURES; tries++)
      await assert.rejects(open("clk_1", "0000"), (error) => error instanceof Refused && error.code === "wrong_pin");
    await assert.rejects(
      open("clk_1", "4071"),
      (error) => error instanceof Refused && error.code === "too_many" && error.waitSeconds === 15,
    );
  });
  test("a clerk who never unlocked this tablet can't do so offline", async () => {
    await assert.rejects(unlocker({ api: api(new NoAnswer()), key, pins: kept().pins, clerks })("clk_9", "4071"), NoAnswer);
  });
  for (const [what, list] of /** @type {[string, any[]][]} */ ([
    ["changed", [{ id: "clk_1", name: "Anna", pin: "m2" }]],
    ["of a clerk who left", []],
    ["of a list that has no marks", [{ id: "clk_1", name: "Anna" }]],
  ])) {
    test(`a stored PIN is not valid offline once the snapshot has it ${what}`, async () => {
      const { pins, all } = kept();
      await pins.remember("clk_1", "4071", "m1");
      await assert.rejects(unlocker({ api: api(new NoAnswer()), key, pins, clerks: () => list })("clk_1", "4071"), NoAnswer);
      assert.equal(all.get("clk_1")?.failures, 0);
    });
  }
});
