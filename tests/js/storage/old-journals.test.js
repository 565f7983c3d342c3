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

/** A tablet enrolled anew, with the journal of what it was before. @param {Server} server @param {number} count */
function enrolledAnew(server, count) {
  const disk = new Disk();
  disk.setAside.set("journal-retired-1.redeem", records(count));
  return switchOn(server, disk);
}

/** @param {Server} server */
const batches = (server) => server.requests.filter(({ old }) => old).map(({ old }) => old);

test("an old journal is handed in whole, 200 entries at a time, in order", async () => {
  const { sync, server } = await enrolledAnew(new Server(), 450);
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

test("what was handed in is not sent again, not after a restart either, and stays on the tablet", async () => {
  const { sync, server, disk } = await enrolledAnew(new Server(), 3);
  await sync.run();
  await sync.run();
  const again = await switchOn(server, disk);
  await again.sync.run();
  assert.equal(batches(server).length, 1);
  assert.equal(disk.setAside.get("journal-retired-1.redeem")?.length, 4);
});

test("to a restored server, which may have lost it, it is handed in again", async () => {
  const { sync, server } = await enrolledAnew(new Server(), 3);
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
  const { sync } = await enrolledAnew(server, 250);
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

test("several old journals are handed in, each as its own device's, with what proves its key", async () => {
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

test("a server that takes no old journal does not close the till, and is not asked again and again", async () => {
  const server = new Server();
  server.refusesOld = "too_many";
  const { sync } = await enrolledAnew(server, 3);
  await sync.run();
  await sync.run();
  assert.equal(batches(server).length, 1);
  assert.equal(sync.refused, null);
  assert.equal(sync.online, true);
});

test("a person who waits does not wait for an old journal", async () => {
  const { sync, server } = await enrolledAnew(new Server(), 3);
  await sync.run({ urgent: true });
  assert.equal(batches(server).length, 0);
});
