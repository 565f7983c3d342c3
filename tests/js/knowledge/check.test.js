import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { find } from "../../../static/clerk/knowledge/check.js";
import { Holds } from "../../../static/clerk/knowledge/holds.js";
import { Sets } from "../../../static/clerk/knowledge/sets.js";
import { emptyPast } from "../../../static/clerk/knowledge/state.js";
import { check, coupon, NOW, pastOf, snapshot, terms } from "../tablet.js";

const TODAY = 2516; // 2026-11-21
const ONE = await coupon(1);

/** @param {string} text @param {Partial<import("../../../static/clerk/knowledge/check.js").Known>} [known] */
const finding = (text, known) =>
  find(text, { snapshot: snapshot(), past: emptyPast(), holds: new Holds(), sets: new Sets(), now: NOW, check, ...known });

/** @param {Parameters<typeof terms>[0]} changes */
function campaignWith(changes) {
  const changed = snapshot();
  changed.campaigns[0].terms = terms(changes);
  return { snapshot: changed };
}

describe("without the server, a tablet finds a coupon", () => {
  test("good, and says what the server is to verify", async () => {
    assert.deepEqual(await finding(`HTTPS://GIFT.EXAMPLE/C/${ONE}\r\n`), {
      code: "good",
      ask: ONE,
      coupon: ONE,
      id: "cpn_1_1",
      campaign: "cmp_1",
      lastDay: 65535,
      attempt: undefined,
    });
  });
  test("expired on the day after its last day, by the store's calendar", async () => {
    const code = async (/** @type {number} */ lastDay) => (await finding(await coupon(3, { lastDay }))).code;
    assert.equal(await code(TODAY), "good");
    assert.equal(await code(TODAY - 1), "expired");
  });
  test("not yet valid", async () => {
    assert.equal((await finding(ONE, campaignWith({ windows: { redeem: { from: "2026-11-22" } } }))).code, "not_yet_valid");
  });
  test("for another store", async () => assert.equal((await finding(ONE, campaignWith({ partners: ["prt_2"] }))).code, "wrong_store"));
  test("given here, by the journal", async () => {
    const past = pastOf([
      { v: 1, n: 1, prev: "", at: NOW, kind: "ask", coupon: ONE },
      { v: 1, n: 2, prev: "", at: NOW, kind: "gave", of: 1 },
    ]);
    assert.equal((await finding(ONE, { past })).code, "already_redeemed");
  });
  test("unsure if its campaign or its key is newer than the snapshot", async () => {
    assert.equal((await finding(await coupon(1, { campaign: 9 }))).code, "unsure");
    assert.equal((await finding(await coupon(1, { kid: 2 }))).code, "unsure");
  });
  test("unsure if its campaign has left the snapshot, even if it is still held: the server is asked", async () => {
    const other = await coupon(1, { campaign: 9 });
    const holds = new Holds({ epoch: 4, grants: [[9, 1, 4, "", 65535]] });
    const { code, ask, held, unknownCampaign } = await finding(other, { holds });
    assert.deepEqual({ code, ask, held, unknownCampaign }, { code: "unsure", ask: other, held: undefined, unknownCampaign: true });
  });
  test("unsure by a short code that only the server can look up", async () => {
    assert.deepEqual(await finding("0000 0000 0000"), { code: "unsure", ask: "000000000000" });
  });
  test("unknown if a digit was changed, without asking the server", async () => {
    const forged = ONE.slice(0, -1) + ((Number(ONE.at(-1)) + 1) % 10);
    assert.deepEqual(await finding(forged), { code: "unknown_coupon", coupon: forged });
  });
  test("not to be a coupon at all", async () => assert.deepEqual(await finding("https://example.org/menu"), { code: "not_a_coupon" }));
});
