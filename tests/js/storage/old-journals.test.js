import assert from "node:assert/strict";
import { test } from "node:test";

import { NoAnswer } from "../../../static/clerk/server/api.js";
import { ownerRecord } from "../../../static/clerk/storage/journal.js";
import { Disk, Server, switchOn } from "../tablet.js";

const BEFORE = "dev_01M7YYYYYYYYYYYYYYYYYYYYYY";

/** @param {number} count @param {string} [device] */
const records = (count, device = BEFORE) => [
  ownerRecord(device),
  ...Array.from({ length: count }, (_, n) => JSON.stringify({ text: `{"n":${n + 1},"of":"${device}"}`, signature: "s" })),
];

/** A tablet that was enrolled again, with the journal of the device before. @param {Server} server @param {number} count */
function enrolledAgain(server, count) {
  const disk = new Disk();
  disk.setAside.set("journal-retired-1.redeem", records(count));
  return switchOn(server, disk);
}

/** @param {Server} server */
const batches = (server) => server.requests.filter(({ old }) => old).map(({ old }) => old);

test("an old journal is sent whole, 200 entries at a time, in order", async () => {
  const { sync, server } = await enrolledAgain(new Server(), 450);
  await sync.run();
  assert.deepEqual(
    batches(server).map(({ entries }) => entries.length),
    [200, 200, 50],
  );
  assert.deepEqual(new Set(batches(server).map(({ device }) => device)), new Set([BEFORE]));
  assert.deepEqual(
    [...server.handedIn].map((text) => JSON.parse(text).n),
    Array.from({ length: 450 }, (_, n) => n + 1),
  );
  assert.equal(sync.quarantined, 450);
});

test("what was sent is not sent again, even after a restart, and stays on the tablet", async () => {
  const { sync, server, disk } = await enrolledAgain(new Server(), 3);
  await sync.run();
  await sync.run();
  const again = await switchOn(server, disk);
  await again.sync.run();
  assert.equal(batches(server).length, 1);
  assert.equal(disk.setAside.get("journal-retired-1.redeem")?.length, 4);
});

test("a restored server, which may have lost it, gets it again", async () => {
  const { sync, server } = await enrolledAgain(new Server(), 3);
  await sync.run();
  server.handedIn.clear();
  Object.assign(server, { generation: 2, reported: false });
  await sync.run();
  await sync.run();
  assert.equal(server.handedIn.size, 3);
  assert.equal(batches(server).length, 2);
});

test("after a lost reply the same batch is sent again", async () => {
  const server = new Server();
  const { sync } = await enrolledAgain(server, 250);
  const lost = /** @type {const} */ ("reply lost");
  server.meanwhile = () => void (batches(server).length === 1 && server.network.push(lost));
  await assert.rejects(sync.run(), NoAnswer);
  server.meanwhile = null;
  await sync.run();
  assert.deepEqual(
    batches(server).map(({ entries }) => entries.length),
    [200, 50, 50],
  );
  assert.equal(server.handedIn.size, 250);
});

test("several old journals are sent, each for its own device, with its proof", async () => {
  const server = new Server();
  const disk = new Disk();
  disk.setAside.set("journal-retired-2.redeem", records(2, "dev_two"));
  disk.setAside.set("journal-retired-1.redeem", [ownerRecord(BEFORE, "sealed"), ...records(1).slice(1)]);
  const { sync } = await switchOn(server, disk);
  await sync.run();
  assert.deepEqual(
    batches(server).map(({ device, proof, entries }) => [device, proof, entries.length]),
    [
      [BEFORE, "sealed", 1],
      ["dev_two", undefined, 2],
    ],
  );
});

test("after a refusal of an old journal work goes on, and the journal is not sent again", async () => {
  const server = new Server();
  server.refusesOld = "too_many";
  const { sync } = await enrolledAgain(server, 3);
  await sync.run();
  await sync.run();
  assert.equal(batches(server).length, 1);
  assert.equal(sync.refused, null);
  assert.equal(sync.online, true);
});

test("if the server does not keep all of an old journal, the rest is sent, and the clerk is told", async () => {
  const server = new Server();
  server.oldRefused = 1;
  const { sync } = await enrolledAgain(server, 450);
  await sync.run();
  assert.equal(batches(server).length, 3);
  assert.equal(sync.oldTrouble, "not_signed");
  assert.equal(sync.refused, null);
});

test("an urgent sync sends no old journal", async () => {
  const { sync, server } = await enrolledAgain(new Server(), 3);
  await sync.run({ urgent: true });
  assert.equal(batches(server).length, 0);
});
