import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { heldHere } from "../../../static/clerk/knowledge/check.js";
import { NoAnswer, Refused } from "../../../static/clerk/server/api.js";
import { coupon, Disk, NOW, rest, Server, switchOn } from "../tablet.js";

const ONE = await coupon(1);

/** A tablet with entries of these kinds in its journal. @param {Server} server @param {...string} kinds */
async function withEntries(server, ...kinds) {
  const tablet = await switchOn(server);
  for (const kind of kinds) await tablet.journal.append(kind, { coupon: ONE, of: 1 });
  return tablet;
}

test("one request sends the journal and receives the answers", async () => {
  const { sync } = await withEntries(new Server(), "ask", "refusal");
  assert.equal(sync.waiting, 2);
  await sync.run();
  assert.equal(sync.waiting, 0);
  assert.equal(sync.online, true);
  assert.deepEqual(sync.answers.get(1), { code: "redeemed" });
});

test("after a lost reply the same entries are sent again and get the same answers", async () => {
  const server = new Server();
  server.network = ["reply lost"];
  const { sync } = await withEntries(server, "ask");
  await assert.rejects(sync.run(), NoAnswer);
  assert.equal(sync.online, false);
  assert.equal(sync.waiting, 1);
  await sync.run();
  assert.deepEqual(sync.answers.get(1), { code: "redeemed" });
  assert.equal(server.taken.length, 1);
});

test("acknowledged entries are not sent again, except an open ask, whose answer may be lost", async () => {
  const server = new Server();
  const { sync, journal } = await withEntries(server, "unlock", "ask");
  await sync.run();
  await sync.run();
  assert.deepEqual(
    server.requests[1].entries.map((/** @type {any} */ { text }) => JSON.parse(text).n),
    [2],
  );
  await journal.append("drop", { of: 2 });
  await sync.run();
  await sync.run();
  assert.deepEqual(server.requests[3].entries, []);
});

test("a server that has fewer entries than acknowledged gets the missing ones", async () => {
  const server = new Server();
  const { sync, disk } = await withEntries(server, "unlock", "lock", "unlock");
  disk.acknowledgedLast = 2;
  await sync.load();
  await sync.run();
  assert.equal(server.taken.length, 3);
  assert.equal(sync.waiting, 0);
});

test("the newest receipt is shown with each request, also after the page was closed", async () => {
  const server = new Server();
  const [first, second] = [1, 2].map((number) => ({ generation: 1, number, hash: "", at: NOW, proof: "A" }));
  server.receipt = first;
  const { sync, disk } = await withEntries(server, "unlock", "lock");
  await sync.run();
  server.receipt = second;
  await sync.run();
  server.receipt = undefined; // a reply without one takes none away
  await sync.run();
  const reopened = await switchOn(server, disk);
  await reopened.sync.run();
  assert.deepEqual(
    server.requests.map(({ receipt }) => receipt),
    [undefined, first, second, second],
  );
});

test("a receipt that names no generation is not shown", async () => {
  const server = new Server();
  server.receipt = { number: 1, hash: "", at: NOW, proof: "A" };
  const { sync } = await withEntries(server, "unlock");
  await sync.run();
  await sync.run();
  assert.equal(server.requests[1].receipt, undefined);
});

test("a long journal goes in batches", async () => {
  const server = new Server();
  const { sync } = await withEntries(server, ...Array(450).fill("refusal"));
  await sync.run();
  assert.deepEqual(
    server.requests.map(({ entries }) => entries.length),
    [200, 200, 50],
  );
});

test("if the server has more entries than this tablet, the tablet has lost its journal", async () => {
  const server = new Server();
  const { sync } = await withEntries(server, "unlock", "lock");
  await sync.run();
  const { sync: emptied } = await switchOn(server);
  await assert.rejects(emptied.run(), (error) => error instanceof Refused && error.code === "journal_behind");
  assert.equal(emptied.refused, "journal_behind");
});

describe("a request counts as unanswered:", () => {
  for (const mishap of /** @type {const} */ (["lost", "500", "stranger"])) {
    test(mishap, async () => {
      const server = new Server();
      server.network = [mishap];
      const { sync } = await withEntries(server, "ask");
      await assert.rejects(sync.run(), NoAnswer);
      assert.deepEqual([sync.online, sync.waiting, sync.answers.size], [false, 1, 0]);
      await sync.run();
      assert.equal(sync.online, true);
    });
  }
});

test("a refusal of the tablet differs from no answer", async () => {
  const server = new Server();
  server.refusal = { status: 401, code: "not_signed" };
  const { sync } = await withEntries(server, "ask");
  await assert.rejects(sync.run(), Refused);
  assert.deepEqual([sync.online, sync.refused], [true, "not_signed"]);
});

test("a revoked tablet sends its entries, and must be enrolled again", async () => {
  const server = new Server();
  server.fault = "revoked";
  const { sync } = await withEntries(server, "ask");
  await assert.rejects(sync.run(), Refused);
  assert.equal(sync.mustEnrol, true);
  assert.equal(sync.answers.size, 0);
});

test("a revoked tablet sends its journal to the end, once", async () => {
  const server = new Server();
  server.fault = "revoked";
  const { sync } = await withEntries(server, ...Array(450).fill("refusal"));
  await assert.rejects(sync.run(), Refused);
  assert.deepEqual([server.kept, server.taken.length], [450, 0]);
  assert.deepEqual(
    server.requests.map(({ entries }) => entries.length),
    [200, 200, 50],
  );
  await assert.rejects(sync.run(), Refused);
  assert.equal(server.requests.length, 4);
});

describe("a recalled hold", () => {
  test("is released once, in the same sync", async () => {
    const server = new Server();
    server.recalls = [[1, 7, 3]];
    const { sync, disk } = await withEntries(server);
    await sync.run();
    assert.deepEqual(disk.kinds, ["release"]);
    assert.equal(server.taken.length, 1);
    server.recalls = [[1, 7, 3]]; // as in a late reply
    await sync.run();
    assert.deepEqual(disk.kinds, ["release"]);
  });
  test("is released after an open ask has ended, and not before", async () => {
    const server = new Server();
    server.recalls = [[1, 1, 3]];
    const { sync, journal, disk } = await withEntries(server, "ask");
    await sync.run();
    assert.deepEqual(disk.kinds, ["ask"]);
    await journal.append("drop", { of: 1 });
    await sync.run();
    assert.deepEqual(disk.kinds, ["ask", "drop", "release"]);
  });
});

describe("the last list", () => {
  /** @type {import("../../../static/clerk/knowledge/holds.js").Grant} */
  const GRANT = [1, 3, 5, "", 65535, "proof"];
  const gaps = Buffer.from([3]).toString("base64url");
  const redeemed = { position: "1.2", campaigns: { 1: { redeemed: gaps } } };
  const open = { position: "1.3", campaigns: { 1: { open: gaps } } };

  test("is newer than a hold, and says when the coupon is open again", async () => {
    const server = new Server();
    server.grants = [GRANT];
    const { sync, journal, disk } = await switchOn(server);
    const held = () => heldHere("cpn_1_3", { holds: sync.holds, sets: sync.sets, past: journal.past });
    await sync.run();
    assert.equal(held(), 5);
    Object.assign(server, { changes: redeemed, grants: [] });
    await sync.run();
    assert.equal(held(), 0);
    await sync.load();
    assert.equal(held(), 0);
    await journal.append("release", { id: "cpn_1_3", epoch: 5 });
    Object.assign(server, { changes: open, grants: [[1, 3, 6, "", 65535, "proof"]] });
    await sync.run();
    assert.equal(held(), 6);
    await sync.load();
    assert.equal(held(), 6);
    assert.equal(disk.keptSets.position, "1.3");
  });
  test("is not made older by a grant that is told again", async () => {
    const server = new Server();
    Object.assign(server, { changes: redeemed, grants: [GRANT] });
    const { sync, journal } = await switchOn(server);
    await sync.run();
    assert.equal(sync.holds.epochOf("cpn_1_3", journal.past), 5);
    assert.equal(sync.sets.stateOf("cpn_1_3"), "redeemed");
    assert.equal(heldHere("cpn_1_3", { holds: sync.holds, sets: sync.sets, past: journal.past }), 0);
  });
  test("knows up to which entry of the journal it is", async () => {
    const { sync, disk } = await withEntries(Object.assign(new Server(), { changes: redeemed }), "unlock", "lock");
    await sync.run();
    assert.deepEqual([sync.sets.entry, disk.keptSets.entry], [2, 2]);
  });
  test("is none for gifts at risk while it must be fetched, also after a restart", async () => {
    const server = new Server();
    const { sync, disk } = await switchOn(server);
    await sync.run();
    assert.notEqual(sync.listAt, null);
    server.changes = undefined;
    await sync.run({ urgent: true });
    assert.equal(sync.listAt, null);
    assert.equal((await switchOn(server, disk)).sync.listAt, null);
  });
});

test("that the server recovers is known after a restart", async () => {
  const server = new Server();
  server.restoring = true;
  const { sync, disk } = await switchOn(server);
  await sync.run();
  assert.equal((await switchOn(server, disk)).sync.recovering, true);
  server.restoring = false;
  await sync.run();
  assert.equal((await switchOn(server, disk)).sync.recovering, false);
});

describe("a restored server gets a report of this tablet's holds", () => {
  const HELD = /** @type {import("../../../static/clerk/knowledge/holds.js").Grant[]} */ (
    [1, 2].map((number) => [1, number, number, "", 65535])
  );

  test("once: after it has confirmed the report, nothing is reported again", async () => {
    const server = new Server();
    server.grants = HELD;
    const { sync } = await withEntries(server, "unlock");
    await sync.run();
    Object.assign(server, { generation: 2, reported: false });
    await sync.run();
    await sync.run();
    assert.deepEqual(server.claimed, [
      [1, 1, 1],
      [1, 2, 2],
    ]);
    assert.equal(sync.recovering, false);
  });

  test("again, if it is restored again with the same generation", async () => {
    const server = new Server();
    server.grants = HELD;
    const { sync } = await withEntries(server, "unlock");
    Object.assign(server, { generation: 2, reported: false });
    await sync.run();
    Object.assign(server, { reported: false, claimed: [] });
    await sync.run();
    assert.equal(server.claimed.length, 2);
    assert.equal(server.reported, true);
  });

  test("not without end, if it never confirms", async () => {
    const server = new Server();
    const { sync } = await withEntries(server, "unlock");
    Object.defineProperty(server, "reported", { get: () => false, set: () => undefined });
    await sync.run();
    assert.equal(server.requests.length, 2);
  });

  test("with the sealed copies that it has kept, in parts, and the holds behind them", async () => {
    const server = new Server();
    const large = "x".repeat(200_000);
    [server.grants, server.snapshot] = [HELD, { ...server.snapshot, etag: "with copies", copies: ["keys", large, large] }];
    const { sync } = await withEntries(server, "unlock");
    await sync.run();
    assert.deepEqual(server.copies, []);
    Object.assign(server, { generation: 2, reported: false });
    await sync.run();
    assert.deepEqual(server.copies, [["keys", large], [large]]);
    assert.deepEqual(
      server.requests.slice(-2).map(({ more_copies, claims, more_claims }) => [more_copies, claims.length, more_claims]),
      [
        [true, 0, true],
        [false, 2, false],
      ],
    );
    assert.equal(sync.recovering, false);
  });

  test("if the server can't read an entry without the copies, which it gets first then", async () => {
    const server = new Server();
    server.snapshot = { ...server.snapshot, etag: "with copies", copies: ["a campaign"] };
    const { sync, journal } = await withEntries(server, "unlock");
    await sync.run();
    await journal.append("gave-held", { coupon: await coupon(1) });
    await journal.append("lock");
    Object.assign(server, { generation: 2, reported: false, lacksCampaign: true });
    await sync.run();
    assert.deepEqual([server.copies, server.taken.length, sync.waiting], [[["a campaign"]], 3, 0]);
  });

  test("and if it can't read the entry after that either, the tablet tries again later", async () => {
    const server = new Server();
    const { sync, journal } = await withEntries(server, "unlock");
    await journal.append("gave-held", { coupon: await coupon(1) });
    Object.defineProperty(server, "lacksCampaign", { get: () => true, set: () => undefined });
    Object.assign(server, { generation: 2, reported: false });
    await assert.rejects(sync.run(), NoAnswer);
    assert.ok(server.requests.length < 4);
  });

  test("and a tablet that is another device now hands in what the earlier one had kept, once", async () => {
    const [server, disk] = [new Server(), new Disk()];
    disk.keptCopies = ["a campaign"];
    const { sync } = await switchOn(server, disk);
    await sync.run();
    await sync.run();
    assert.deepEqual([server.copies, disk.keptCopies], [[["a campaign"]], []]);
  });
});

test("an urgent request does not wait for a background request that hangs", async () => {
  const server = new Server();
  const { fetch } = server;
  server.fetch = (url, request) => Promise.race([fetch(url, request), stopped(request)]);
  server.meanwhile = () => new Promise(() => undefined);
  const { sync, journal } = await switchOn(server);
  await journal.append("unlock");
  const hanging = assert.rejects(sync.run(), NoAnswer);
  await rest();
  server.meanwhile = null;
  await sync.run({ urgent: true });
  await hanging;
  assert.equal(sync.online, true);
});

/** @param {RequestInit} request @returns {Promise<never>} */
const stopped = (request) => new Promise((_, reject) => request.signal?.addEventListener("abort", () => reject(new TypeError("aborted"))));

describe("a manager moves the tablet to another store:", () => {
  /** @param {Server} server */
  const written = ({ taken }) => taken.map(({ text }) => JSON.parse(text));

  test("it writes one move, releases its holds, and uses the other store's snapshot", async () => {
    const server = new Server();
    server.grants = [[1, 1, 5, "", 0]];
    const { sync, journal } = await switchOn(server);
    await sync.run();
    assert.equal(sync.holds.size, 1);
    server.move = "sto_2";
    await sync.run();
    const [move] = written(server);
    assert.deepEqual([move.kind, move.store, move.epoch], ["move", "sto_2", 5]);
    assert.deepEqual([sync.holds.size, sync.snapshot?.store.id, journal.last], [0, "sto_2", 1]);
  });

  test("with an open attempt it stays until that is finished", async () => {
    const server = new Server();
    server.move = "sto_2";
    const { sync, journal } = await withEntries(server, "ask");
    await sync.run();
    assert.equal(sync.snapshot?.store.id, "sto_1");
    await journal.append("drop", { of: 1 });
    await sync.run();
    assert.equal(sync.snapshot?.store.id, "sto_2");
  });

  test("after a lost reply it sends the same move again", async () => {
    const server = new Server();
    server.move = "sto_2";
    const tablet = await switchOn(server);
    server.meanwhile = () => void (server.network = server.requests.length === 1 ? ["reply lost"] : []);
    await assert.rejects(tablet.sync.run(), NoAnswer);
    const { sync } = await switchOn(server, tablet.disk);
    await sync.load();
    await sync.run();
    assert.deepEqual(
      written(server).map(({ kind }) => kind),
      ["move"],
    );
    assert.equal(sync.snapshot?.store.id, "sto_2");
  });
});

test("after `end` nothing more is received, sent or written for the old device", async () => {
  const server = new Server();
  const { sync, journal, disk } = await withEntries(server, "ask");
  server.grants = [[1, 7, 1, "", 20_000]];
  server.recalls = [[1, 8, 1]];
  /** @type {Promise<void> | undefined} */
  let ended;
  server.meanwhile = () => void (ended = sync.end());
  await assert.rejects(sync.run(), NoAnswer);
  await ended;
  await assert.rejects(sync.run(), NoAnswer);
  assert.equal(await journal.append("decline"), null);
  assert.deepEqual([disk.kinds, disk.keptHolds, server.requests.length], [["ask"], undefined, 1]);
});

test("a stored hold that the journal has released is not reported to a restored server", async () => {
  const server = new Server();
  server.grants = [[1, 7, 1, "", 20_000]];
  const { sync, disk } = await withEntries(server);
  await sync.run();
  const older = structuredClone(disk.keptHolds);
  [server.grants, server.recalls] = [[], [[1, 7, 1]]];
  await sync.run();
  assert.deepEqual(disk.kinds, ["release"]);
  disk.keptHolds = older;
  [server.generation, server.reported] = [2, false];
  const again = await switchOn(server, disk);
  await again.sync.run();
  assert.deepEqual([server.reported, server.claimed], [true, []]);
});

test("only a server that does not know the device gets its proof", async () => {
  const tablet = await withEntries(new Server());
  await tablet.sync.run();
  tablet.server.refusal = { status: 401, code: "not_signed" };
  await assert.rejects(tablet.sync.run(), Refused);
  await assert.rejects(tablet.sync.run(), Refused);
  const again = await switchOn(tablet.server, tablet.disk);
  await assert.rejects(again.sync.run(), Refused);
  assert.deepEqual(
    tablet.server.requests.slice(-3).map((/** @type {any} */ { proof }) => proof),
    [undefined, "what the server sealed", "what the server sealed"],
  );
  tablet.server.refusal = null;
  await again.sync.run();
  await again.sync.run();
  assert.equal(tablet.server.requests.at(-1).proof, undefined);
});
