import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { fromBase64url, sha256, toBase64url, utf8 } from "../../../static/clerk/domain/bytes.js";
import { DamagedJournal } from "../../../static/clerk/storage/damage.js";
import { FIRST_PREV, Journal, ownerOf, ownerRecord, signedBytes } from "../../../static/clerk/storage/journal.js";
import { openJournal } from "../../../static/clerk/server/opening.js";
import { mayFollow, unfinished } from "../../../static/clerk/knowledge/state.js";
import { coupon, DEVICE, Disk, NOW, Server, sign, switchOn, tabletKey } from "../tablet.js";

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
  await assert.rejects(opened(disk), /not this device's/);
  assert.equal(ownerOf(disk.records), "dev_another");
  assert.equal(ownerOf([]), null);
});

describe("a journal that is not as it was written is not loaded:", () => {
  const written = async () => {
    const { journal, disk } = await opened();
    for (let times = 0; times < 3; times++) await journal.append("unlock");
    return disk;
  };
  const changes = /** @type {Record<string, (records: string[]) => unknown>} */ ({
    "an entry is missing": (records) => records.splice(2, 1),
    "two have changed places": (records) => records.splice(1, 2, records[2], records[1]),
    "an entry says something else": (records) => records.splice(2, 1, records[2].replace("unlock", "locked")),
    "an older journal goes on": (records) => records.splice(2, 1, records[2].replace(String(NOW), String(NOW - 1))),
  });
  for (const [name, change] of Object.entries(changes)) {
    test(name, async () => {
      const disk = await written();
      change(disk.records);
      await assert.rejects(opened(disk), (error) => error instanceof DamagedJournal && error.damage === "rewritten");
    });
  }
});

describe("a tablet opens its journal", () => {
  /** @param {Disk} disk @param {import("../../../static/clerk/storage/damage.js").Damage | null} damage of the file */
  const openWith = async (disk, damage = null) => {
    const file = /** @type {any} */ (disk);
    const made = await openJournal({ deviceId: DEVICE, sign }, { file, opened: { texts: disk.records, damage } }, disk, () => NOW);
    return made.damage;
  };
  /** A tablet that has synced. */
  const synced = async () => {
    const { sync, journal, disk } = await switchOn(new Server());
    for (let times = 0; times < 3; times++) await journal.append("unlock");
    await sync.run();
    const last = disk.records[3];
    const hash = toBase64url(await sha256(utf8(JSON.parse(last).text)));
    await disk.putHeard({ at: NOW, receipt: { number: 3, hash, at: NOW, proof: "" } });
    return disk;
  };

  test("and finds all that the server had", async () => assert.equal(await openWith(await synced()), null));

  test("that is shorter than what the server acknowledged", async () => {
    const disk = await synced();
    await disk.putHeard({ at: NOW });
    disk.records.pop();
    assert.equal(await openWith(disk), "short");
  });

  test("that is shorter than the server's receipt", async () => {
    const disk = await synced();
    disk.acknowledgedLast = 0;
    disk.records.pop();
    assert.equal(await openWith(disk), "short");
  });

  test("that is not the one of the server's receipt", async () => {
    const disk = await synced();
    disk.keptHeard.receipt = { ...disk.keptHeard.receipt, number: 2, hash: disk.keptHeard.receipt?.hash ?? "", at: NOW, proof: "" };
    assert.equal(await openWith(disk), "rewritten");
  });

  test("that is empty, although the tablet is enrolled", async () => {
    const disk = await synced();
    disk.records = [];
    assert.equal(await openWith(disk), "short");
  });

  test("of which the server has more, as it was told before", async () => {
    const disk = new Disk();
    await disk.putHeard({ at: NOW, refused: "journal_behind" });
    assert.equal(await openWith(disk), "short");
  });

  test("whose file is damaged", async () => assert.equal(await openWith(await synced(), "unreadable"), "unreadable"));
});
