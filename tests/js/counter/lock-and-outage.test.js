import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { shownUntil } from "../../../static/clerk/knowledge/risks.js";
import { atWork, CLERK, coupon, NOW, rest, Server, terms } from "../tablet.js";

const ONE = await coupon(1);
const TWO = await coupon(2);
const OTHER = await coupon(1, { campaign: 9 });

/** @typedef {Awaited<ReturnType<typeof atWork>>} Tablet */

/** @param {Tablet} tablet */
const shown = ({ counter: { screen } }) => (screen.name === "verdict" ? `verdict ${screen.code}` : screen.name);

/** @param {Tablet} tablet */
async function leaveAndComeBack(tablet) {
  await tablet.counter.lock();
  assert.equal(shown(tablet), "locked");
  assert.equal(tablet.counter.clerk, null);
  tablet.counter.choose(CLERK.id);
  await tablet.counter.unlock("4071");
  return shown(tablet);
}

describe("an idle tablet locks on any screen; after the unlock it shows", () => {
  test("the scanner, if nothing was given", async () => {
    const tablet = await atWork();
    await tablet.counter.scan(ONE);
    assert.equal(await leaveAndComeBack(tablet), "scan");
    assert.equal(tablet.server.redeemed.size, 0);
  });
  test("the question whether the gift was handed over, if one was given", async () => {
    const tablet = await atWork();
    await tablet.counter.scan(ONE);
    await tablet.counter.give();
    assert.equal(await leaveAndComeBack(tablet), "unfinished");
  });
  test("the same question, if the server has said yes to an unconfirmed gift by then", async () => {
    const tablet = await atWork();
    await tablet.counter.scan(ONE);
    tablet.server.network = ["reply lost"];
    await tablet.counter.give();
    assert.equal(shown(tablet), "unconfirmed");
    assert.equal(await leaveAndComeBack(tablet), "unfinished");
    assert.equal(tablet.disk.kinds.filter((kind) => kind === "ask").length, 1);
  });
  test("no lock at all while an answer is awaited", async () => {
    const tablet = await atWork();
    await tablet.counter.scan(ONE);
    const seen = /** @type {string[]} */ ([]);
    tablet.server.meanwhile = async () => {
      await tablet.counter.lock();
      seen.push(shown(tablet));
    };
    await tablet.counter.give();
    assert.equal(seen[0], "asking");
  });
});

describe("while the shop's server is being restored", () => {
  test("the clerk is told, and can give after the recovery", async () => {
    const tablet = await atWork();
    tablet.server.restoring = true;
    await tablet.counter.scan(ONE);
    assert.equal(shown(tablet), "verdict recovering");
    await tablet.counter.give();
    await tablet.counter.again();
    assert.equal(shown(tablet), "verdict recovering");
    tablet.server.restoring = false;
    await tablet.counter.again();
    assert.equal(shown(tablet), "verdict good");
    await tablet.counter.give();
    assert.equal(shown(tablet), "given");
  });
  test("a coupon scanned before the restore is not given, and stays good", async () => {
    const tablet = await atWork();
    await tablet.counter.scan(ONE);
    tablet.server.restoring = true;
    await tablet.counter.give();
    assert.equal(shown(tablet), "verdict recovering");
    assert.equal(tablet.disk.kinds.includes("gave"), false);
    tablet.server.restoring = false;
    await tablet.counter.again();
    assert.equal(shown(tablet), "verdict good");
  });
  test("a lost connection shows as offline", async () => {
    const tablet = await atWork();
    tablet.server.restoring = true;
    await tablet.counter.scan(ONE);
    tablet.server.network = ["lost"];
    await tablet.counter.again();
    assert.equal(shown(tablet), "verdict offline");
  });
});

describe("after a request without an answer", () => {
  /** The screens that a scan shows. @param {"lost"[]} network @param {Parameters<typeof atWork>} given */
  async function scanned(network, ...given) {
    const tablet = await atWork(...given);
    await tablet.sync.run();
    tablet.server.network = ["lost"];
    await assert.rejects(tablet.sync.run());
    const seen = /** @type {string[]} */ ([]);
    tablet.counter.addEventListener("screen", () => void seen.push(shown(tablet)));
    tablet.server.network = network;
    await tablet.counter.scan(ONE);
    return { tablet, seen };
  }

  test("a coupon is not shown as good before the server answers, and the clerk need not wait for the time-out", async () => {
    const { tablet, seen } = await scanned(["lost"]);
    await tablet.counter.next();
    await rest();
    await tablet.counter.scan(ONE);
    assert.deepEqual(seen, ["verdict offline", "verdict offline", "scan", "verdict good", "verdict good"]);
  });

  test("an answer replaces what the tablet has shown", async () => {
    const { seen } = await scanned([]);
    assert.deepEqual(seen, ["verdict offline", "verdict good"]);
  });

  test("giving at risk is offered only after another request without an answer", async () => {
    const server = new Server();
    server.snapshot.campaigns = server.snapshot.campaigns.map((campaign) => ({
      ...campaign,
      terms: terms({ offline: { policy: "at_risk", coupons: 3, value: 3, hours: 24, bearer: "partner" } }),
    }));
    server.snapshot.etag = "at risk";
    assert.deepEqual((await scanned(["lost"], server)).seen, ["checking", "verdict at_risk"]);
  });
});

test("without a network the clerk is told that the tablet does not know the campaign", async () => {
  const tablet = await atWork();
  tablet.server.network = ["lost"];
  await tablet.counter.scan(OTHER);
  assert.deepEqual(/** @type {any} */ (tablet.counter.screen).details, { unknownCampaign: true });
  assert.equal(shown(tablet), "verdict offline");
});

describe("a list that comes between the scan and Give:", () => {
  const GIVEN = { position: "1.2", campaigns: { 1: { redeemed: Buffer.from([1]).toString("base64url") } } };

  test("what this tablet holds is not given unasked", async () => {
    const tablet = await atWork();
    tablet.server.grants = [[1, 1, 5, "", 65535, "proof"]];
    await tablet.sync.run();
    await tablet.counter.scan(ONE);
    Object.assign(tablet.server, { changes: GIVEN, grants: [] });
    tablet.server.redeemed.set("cpn_1_1", "another till");
    await tablet.sync.run();
    await tablet.counter.give();
    await rest();
    assert.equal(shown(tablet), "verdict already_redeemed");
    assert.equal(tablet.disk.kinds.includes("gave-held"), false);
  });
  test("nothing is given at risk that it says was given", async () => {
    const tablet = await atWork();
    tablet.server.snapshot.campaigns[0].terms = terms({
      offline: { policy: "at_risk", coupons: 3, value: 3, hours: 24, bearer: "partner" },
    });
    tablet.server.snapshot.etag = "at risk";
    await tablet.sync.run();
    tablet.server.network = ["lost"];
    await tablet.counter.scan(ONE);
    assert.equal(shown(tablet), "verdict at_risk");
    tablet.server.changes = GIVEN;
    await tablet.sync.run();
    await tablet.counter.give();
    await rest();
    assert.equal(tablet.disk.kinds.includes("gave-at-risk"), false);
  });
});

test("a gift at risk shows up to where the server had the journal, and the limit counts from there", async () => {
  const tablet = await atWork();
  const { sync, server, counter } = tablet;
  server.snapshot.campaigns[0].terms = terms({ offline: { policy: "at_risk", coupons: 1, value: 100, hours: 24, bearer: "partner" } });
  server.snapshot.etag = "at risk";
  const receipt = { generation: 1, number: 1, hash: "A".repeat(43), at: NOW, proof: "A" };
  server.receipt = receipt;
  await sync.run();
  server.network = Array(9).fill("lost");
  await counter.scan(ONE);
  await counter.give();
  await rest();
  assert.equal(shown(tablet), "given");
  const given = JSON.parse(tablet.journal.entriesAfter(sync.acknowledged, 10)[0].text);
  assert.deepEqual([given.kind, given.receipt], ["gave-at-risk", receipt]);
  await counter.next();
  await counter.scan(TWO);
  assert.equal(shown(tablet), "verdict offline", "the limit is reached");
  server.network = [];
  await sync.run();
  assert.deepEqual([shownUntil(sync), sync.acknowledged > 1], [1, true], "the receipt is older than the answers");
  server.receipt = { ...receipt, number: tablet.journal.last };
  await sync.run();
  assert.equal(shownUntil(sync), sync.acknowledged);
});
