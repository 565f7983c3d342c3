import assert from "node:assert/strict";
import { test } from "node:test";

import { ownerRecord } from "../../../static/clerk/storage/journal.js";
import { atWork, coupon, Disk, NOW, rest, Server, switchOn } from "../tablet.js";

const BEFORE = "dev_01M7YYYYYYYYYYYYYYYYYYYYYY";
const PROOF = "what the server sealed for the device before";
const DAY_MS = 24 * 60 * 60_000;
const ONE = await coupon(1);

/** @typedef {{kind: string, coupon?: string, of?: number, at?: number, device?: string, entry?: number}} Written  an entry, in short */

/** The records of an earlier journal. @param {Written[]} entries @param {{device?: string, proof?: string}} [owner] */
const records = (entries, { device = BEFORE, proof = PROOF } = {}) => [
  ownerRecord(device, proof || undefined),
  ...entries.map((entry, index) =>
    JSON.stringify({ text: JSON.stringify({ v: 1, n: index + 1, prev: "", at: NOW, ...entry }), signature: "s" }),
  ),
];

/** A tablet that was enrolled anew, whose journals of before are these. @param {string[][]} journals */
function anew(...journals) {
  const disk = new Disk();
  for (const [index, each] of journals.entries()) disk.setAside.set(`journal-retired-${NOW + index}.redeem`, each);
  return atWork(new Server(), disk);
}

/** @param {Awaited<ReturnType<typeof anew>>} tablet */
const said = ({ disk }) =>
  disk.records
    .slice(1)
    .map((record) => JSON.parse(JSON.parse(record).text))
    .filter(({ kind }) => kind === "said");

const UNFINISHED = { "without an answer": [], "after a yes": [{ kind: "gave", of: 1 }] };

for (const [name, behind] of Object.entries(UNFINISHED))
  for (const handedOver of [true, false])
    test(`an ask that the former journal leaves ${name} is asked about first: ${handedOver}`, async () => {
      const tablet = await anew(records([{ kind: "ask", coupon: ONE }, ...behind]));
      assert.equal(tablet.counter.screen.name, "unfinished");
      await tablet.counter.scan(ONE);
      assert.equal(tablet.counter.screen.name, "unfinished");
      await tablet.counter.finish(handedOver);
      assert.equal(tablet.counter.screen.name, "scan");
      const [{ device, entry, handed_over, proof, clerk }, ...more] = said(tablet);
      assert.deepEqual([device, entry, handed_over, proof, clerk, more.length], [BEFORE, 1, handedOver, PROOF, "clk_1", 0]);
      assert.equal(tablet.journal.past.standing.size, 0);
      await rest();
      assert.equal(tablet.server.taken.filter(({ text }) => JSON.parse(text).kind === "said").length, 1);
    });

test("a double tap says it once, and a restart does not ask again", async () => {
  const tablet = await anew(records([{ kind: "ask", coupon: ONE }]));
  await Promise.all([tablet.counter.finish(true), tablet.counter.finish(false)]);
  assert.equal(said(tablet).length, 1);
  const again = await switchOn(tablet.server, tablet.disk);
  await again.counter.start();
  assert.equal(again.counter.screen.name, "scan");
});

test("who does not know is asked once, and nothing is said of the gift", async () => {
  const tablet = await anew(records([{ kind: "ask", coupon: ONE }]));
  await tablet.counter.finish(null);
  assert.equal(tablet.counter.screen.name, "scan");
  assert.deepEqual(
    said(tablet).map((entry) => "handed_over" in entry),
    [false],
  );
});

test("a journal that was set aside long ago is not read", async () => {
  const disk = new Disk();
  disk.setAside.set(`journal-retired-${NOW - 8 * DAY_MS}.redeem`, records([{ kind: "ask", coupon: ONE }]));
  const read = disk.read;
  let reads = 0;
  disk.read = (name) => {
    reads++;
    return read(name);
  };
  const tablet = await switchOn(new Server(), disk);
  await tablet.counter.start();
  tablet.counter.choose("clk_1");
  await tablet.counter.unlock("4071");
  assert.deepEqual([tablet.counter.screen.name, reads], ["scan", 0]);
});

test("a tablet that dies before the answer asks again", async () => {
  const tablet = await anew(records([{ kind: "ask", coupon: ONE }]));
  const again = await switchOn(tablet.server, tablet.disk);
  await again.counter.start();
  assert.equal(again.counter.screen.name, "unfinished");
});

test("enrolled anew twice, it is asked once", async () => {
  const first = records([{ kind: "ask", coupon: ONE }]);
  const second = records([{ kind: "said", device: BEFORE, entry: 1 }], { device: "dev_01M7XXXXXXXXXXXXXXXXXXXXXX" });
  assert.equal((await anew(first, second)).counter.screen.name, "scan");
  assert.equal((await anew(first, records([], { device: "dev_01M7XXXXXXXXXXXXXXXXXXXXXX" }))).counter.screen.name, "unfinished");
});

const NOTHING_TO_ASK = {
  "was turned back": records([
    { kind: "ask", coupon: ONE },
    { kind: "drop", of: 1 },
  ]),
  "was done": records([
    { kind: "ask", coupon: ONE },
    { kind: "gave", of: 1 },
    { kind: "done", of: 1 },
  ]),
  "was given under a hold": records([{ kind: "gave-held", coupon: ONE }]),
  "is of last week": records([{ kind: "ask", coupon: ONE, at: NOW - 8 * DAY_MS }]),
  "has no proof of its device": records([{ kind: "ask", coupon: ONE }], { proof: "" }),
};

for (const [name, journal] of Object.entries(NOTHING_TO_ASK))
  test(`what ${name} is not asked about`, async () => assert.equal((await anew(journal)).counter.screen.name, "scan"));

test("its own unfinished coupon comes first", async () => {
  const tablet = await anew();
  await tablet.counter.scan(ONE);
  await tablet.counter.give();
  tablet.disk.setAside.set(`journal-retired-${NOW}.redeem`, records([{ kind: "ask", coupon: await coupon(2) }]));
  const again = await switchOn(tablet.server, tablet.disk);
  await again.counter.start();
  const { screen } = again.counter;
  assert.deepEqual(screen.name === "unfinished" && [screen.attempt.stage, screen.former], ["given", undefined]);
  await again.counter.finish(true);
  const next = again.counter.screen;
  assert.deepEqual(next.name === "unfinished" && next.former?.device, BEFORE);
});
