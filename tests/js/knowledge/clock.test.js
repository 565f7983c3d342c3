import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { clockWord } from "../../../static/clerk/knowledge/clock.js";
import { atWork, coupon, Disk, NOW, rest, Server, switchOn } from "../tablet.js";

const HOUR = 3_600_000;

describe("what is known to be wrong with the clock", () => {
  test("is said in a number of ms that it is ahead, or that it was set back", () => {
    assert.deepEqual(
      [clockWord({ kind: "fast", ms: HOUR }), clockWord({ kind: "slow", ms: HOUR }), clockWord({ kind: "back" }), clockWord(null)],
      [HOUR, -HOUR, "back", undefined],
    );
  });

  /** What the entries say, in order, of a tablet whose clock is so many ms ahead. @param {number} ahead */
  async function said(ahead) {
    const on = await atWork(new Server());
    on.clock.now = NOW + ahead;
    await on.sync.run();
    await on.counter.scan(await coupon(1));
    await on.counter.give();
    await on.counter.next();
    await rest();
    return { on, said: on.disk.records.slice(1).map((record) => JSON.parse(JSON.parse(record).text)) };
  }

  for (const ahead of [2 * HOUR, -HOUR]) {
    test(`stands in each entry that is written from the sync on that noticed it: ${ahead}`, async () => {
      const [unlock, ...later] = (await said(ahead)).said;
      assert.equal("clock" in unlock, false);
      assert.deepEqual(
        later.map(({ kind, clock }) => [kind, clock]),
        ["ask", "gave", "done"].map((kind) => [kind, ahead]),
      );
    });
  }

  test("is nothing of a clock that is a minute off", async () => {
    assert.deepEqual(
      (await said(60_000)).said.filter((entry) => "clock" in entry),
      [],
    );
  });

  test("is noticed at once of a clock that goes back while nobody answers", async () => {
    const { on } = await said(0);
    on.clock.now = NOW - HOUR;
    await on.counter.lock();
    assert.equal(JSON.parse(JSON.parse(on.disk.records.at(-1) ?? "").text).clock, "back");
  });
});

test("a tablet that is opened again without a network still knows how far its clock is off", async () => {
  const disk = new Disk();
  disk.keptHeard = { at: NOW, skewMs: -2 * HOUR };
  const on = await switchOn(new Server(), disk);
  await on.journal.append("lock");
  assert.equal(JSON.parse(JSON.parse(disk.records.at(-1) ?? "").text).clock, 2 * HOUR);
});
