import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { clockWord } from "../../../static/clerk/knowledge/clock.js";
import { atWork, coupon, Disk, NOW, rest, Server, switchOn } from "../tablet.js";

const HOUR = 3_600_000;

describe("a known fault of the clock", () => {
  test('is written as the ms that the clock is ahead, or as "back"', () => {
    assert.deepEqual(
      [clockWord({ kind: "fast", ms: HOUR }), clockWord({ kind: "slow", ms: HOUR }), clockWord({ kind: "back" }), clockWord(null)],
      [HOUR, -HOUR, "back", undefined],
    );
  });

  /** The entries of a tablet whose clock is ahead by so many ms. @param {number} ahead */
  async function entriesOf(ahead) {
    const tablet = await atWork(new Server());
    tablet.clock.now = NOW + ahead;
    await tablet.sync.run();
    await tablet.counter.scan(await coupon(1));
    await tablet.counter.give();
    await tablet.counter.next();
    await rest();
    return { tablet, entries: tablet.disk.records.slice(1).map((record) => JSON.parse(JSON.parse(record).text)) };
  }

  for (const ahead of [2 * HOUR, -HOUR]) {
    test(`is in every entry after the sync that noticed it: ${ahead} ms`, async () => {
      const [unlock, ...later] = (await entriesOf(ahead)).entries;
      assert.equal("clock" in unlock, false);
      assert.deepEqual(
        later.map(({ kind, clock }) => [kind, clock]),
        ["ask", "gave", "done"].map((kind) => [kind, ahead]),
      );
    });
  }

  test("is not written for a clock that is one minute off", async () => {
    assert.deepEqual(
      (await entriesOf(60_000)).entries.filter((entry) => "clock" in entry),
      [],
    );
  });

  test("is noticed at once, even offline, if the clock is set back", async () => {
    const { tablet } = await entriesOf(0);
    tablet.clock.now = NOW - HOUR;
    await tablet.counter.lock();
    assert.equal(JSON.parse(JSON.parse(tablet.disk.records.at(-1) ?? "").text).clock, "back");
  });
});

test("a tablet that is opened again without a network still knows the fault of its clock", async () => {
  const disk = new Disk();
  disk.keptHeard = { at: NOW, skewMs: -2 * HOUR };
  const tablet = await switchOn(new Server(), disk);
  await tablet.journal.append("lock");
  assert.equal(JSON.parse(JSON.parse(disk.records.at(-1) ?? "").text).clock, 2 * HOUR);
});
