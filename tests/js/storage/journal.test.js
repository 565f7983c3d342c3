import assert from "node:assert/strict";
import { test } from "node:test";

import { fromBase64url, sha256, toBase64url, utf8 } from "../../../static/clerk/domain/bytes.js";
import { FIRST_PREV, Journal, ownerOf, ownerRecord, signedBytes } from "../../../static/clerk/storage/journal.js";
import { mayFollow, unfinished } from "../../../static/clerk/knowledge/state.js";
import { coupon, DEVICE, Disk, NOW, sign, tabletKey } from "../tablet.js";

const ONE = await coupon(1);

async function opened(disk = new Disk()) {
  const journal = new Journal(disk, { deviceId: DEVICE, sign }, () => NOW);
  await journal.load(disk.records);
  return { journal, disk };
}

test("entries are numbered from one, each with the hash of the one before, and signed for this device", async () => {
  const { journal } = await opened();
  for (const kind of ["unlock", "lock", "unlock"]) await journal.append(kind, { clerk: "clk_1" });
  let prev = FIRST_PREV;
  for (const [index, { text, signature }] of journal.entriesAfter(0, 10).entries()) {
    const entry = JSON.parse(text);
    assert.deepEqual([entry.v, entry.n, entry.prev, entry.at], [1, index + 1, prev, NOW]);
    assert.ok(await crypto.subtle.verify("Ed25519", tabletKey, fromBase64url(signature), signedBytes(DEVICE, text)));
    prev = toBase64url(await sha256(utf8(text)));
  }
});

test("an entry is on the disk before append resolves", async () => {
  const { journal, disk } = await opened();
  disk.append = async (text) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    disk.records.push(text);
  };
  await journal.append("unlock");
  assert.deepEqual(disk.kinds, ["unlock"]);
});

test("after a restart a journal continues where it stopped", async () => {
  const { journal, disk } = await opened();
  await journal.append("ask", { coupon: ONE });
  const again = await opened(disk);
  assert.equal(unfinished(again.journal.past)?.ask, 1);
  await again.journal.append("drop", { of: 1 });
  const [first, second] = again.journal.entriesAfter(0, 10);
  assert.equal(JSON.parse(second.text).prev, toBase64url(await sha256(utf8(first.text))));
});

test("of a yes and a drop at the same time, only the first is written", async () => {
  const { journal, disk } = await opened();
  await journal.append("ask", { coupon: ONE });
  const may = (/** @type {string} */ kind) => (/** @type {import("../../../static/clerk/knowledge/state.js").Past} */ past) =>
    mayFollow(past, kind, 1);
  const [gave, drop] = await Promise.all([journal.append("gave", { of: 1 }, may("gave")), journal.append("drop", { of: 1 }, may("drop"))]);
  assert.ok(gave);
  assert.equal(drop, null);
  assert.deepEqual(disk.kinds, ["ask", "gave"]);
});

test("a failed write changes nothing, and the next entry gets the same number", async () => {
  const { journal, disk } = await opened();
  disk.broken = true;
  await assert.rejects(journal.append("unlock"), /disk full/);
  assert.equal(journal.last, 0);
  disk.broken = false;
  assert.equal((await journal.append("unlock"))?.n, 1);
});

test("another device's journal is not loaded", async () => {
  const disk = new Disk();
  disk.records = [ownerRecord("dev_another")];
  await assert.rejects(opened(disk), /another device/);
  assert.equal(ownerOf(disk.records), "dev_another");
  assert.equal(ownerOf([]), null);
});

test("a journal with a missing entry is not loaded", async () => {
  const { journal, disk } = await opened();
  for (let times = 0; times < 3; times++) await journal.append("unlock");
  disk.records.splice(2, 1);
  await assert.rejects(opened(disk), /entry 3 after 1/);
});
