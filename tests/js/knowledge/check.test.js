import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { find } from "../../../static/clerk/knowledge/check.js";
import { explain } from "../../../static/clerk/counter/explain.js";
import { Verdict } from "../../../static/clerk/domain/rules.js";
import { Holds } from "../../../static/clerk/knowledge/holds.js";
import { Sets } from "../../../static/clerk/knowledge/sets.js";
import { emptyPast } from "../../../static/clerk/knowledge/state.js";
import { chooseLanguage } from "../../../static/clerk/view/strings.js";
import { check, coupon, NOW, pastOf, snapshot, terms } from "../tablet.js";

const TODAY = 2516; // 2026-11-21
const ONE = await coupon(1);

/** @param {string} text @param {Partial<import("../../../static/clerk/knowledge/check.js").Known>} [known] */
const found = (text, known) =>
  find(text, { snapshot: snapshot(), past: emptyPast(), holds: new Holds(), sets: new Sets(), now: NOW, check, ...known });

/** @param {Parameters<typeof terms>[0]} changes */
function campaignWith(changes) {
  const told = snapshot();
  told.campaigns[0].terms = terms(changes);
  return { snapshot: told };
}

describe("what a tablet says of a scan by itself", () => {
  test("good, and whom to ask about what", async () => {
    assert.deepEqual(await found(`HTTPS://GIFT.EXAMPLE/C/${ONE}\r\n`), {
      code: "good",
      ask: ONE,
      coupon: ONE,
      id: "cpn_1_1",
      campaign: "cmp_1",
      lastDay: 65535,
      attempt: undefined,
    });
  });
  test("expired the day after its last, at the store's own midnight", async () => {
    const code = async (/** @type {number} */ lastDay) => (await found(await coupon(3, { lastDay }))).code;
    assert.equal(await code(TODAY), "good");
    assert.equal(await code(TODAY - 1), "expired");
  });
  test("not yet valid", async () => {
    assert.equal((await found(ONE, campaignWith({ windows: { redeem: { from: "2026-11-22" } } }))).code, "not_yet_valid");
  });
  test("wrong store", async () => assert.equal((await found(ONE, campaignWith({ partners: ["prt_2"] }))).code, "wrong_store"));
  test("given here, from the journal", async () => {
    const past = pastOf([
      { v: 1, n: 1, prev: "", at: NOW, kind: "ask", coupon: ONE },
      { v: 1, n: 2, prev: "", at: NOW, kind: "gave", of: 1 },
    ]);
    assert.equal((await found(ONE, { past })).code, "already_redeemed");
  });
  test("unsure of a campaign or a key that came after the snapshot", async () => {
    assert.equal((await found(await coupon(1, { campaign: 9 }))).code, "unsure");
    assert.equal((await found(await coupon(1, { kid: 2 }))).code, "unsure");
  });
  test("unsure of a campaign that has left the list, also where the coupon is still held: the server is asked", async () => {
    const other = await coupon(1, { campaign: 9 });
    const holds = new Holds({ epoch: 4, grants: [[9, 1, 4, "", 65535]] });
    const { code, ask, held, unknownCampaign } = await found(other, { holds });
    assert.deepEqual({ code, ask, held, unknownCampaign }, { code: "unsure", ask: other, held: undefined, unknownCampaign: true });
  });
  test("unsure of a typed code, which only the server can look up", async () => {
    assert.deepEqual(await found("0000 0000 0000"), { code: "unsure", ask: "000000000000" });
  });
  test("not ours, with nothing to ask, if a digit was changed", async () => {
    const forged = ONE.slice(0, -1) + ((Number(ONE.at(-1)) + 1) % 10);
    assert.deepEqual(await found(forged), { code: "unknown_coupon", coupon: forged });
  });
  test("no coupon at all", async () => assert.deepEqual(await found("https://example.org/menu"), { code: "not_a_coupon" }));
});

describe("what a verdict says to the clerk", () => {
  const where = {
    now: NOW,
    zone: "Europe/Moscow",
    clerk: "clk_1",
    device: "dev_1",
    store: "sto_1",
    lastDay: TODAY - 1,
    from: "2026-12-03",
  };
  const given = (/** @type {object} */ details) =>
    explain("already_redeemed", { redeemed_at: new Date(NOW - 40_000).toISOString(), ...details }, where).because;

  test("when, where and by whom it was given", () => {
    const [here, there] = [
      { id: "dev_1", name: "Till 1" },
      { id: "dev_2", name: "Till 2" },
    ];
    const [north, south] = [
      { id: "sto_1", name: "North" },
      { id: "sto_2", name: "South" },
    ];
    assert.equal(given({ device: here, store: north, clerk: { id: "clk_1", name: "Anna" } }), "Given 40 s ago, by you, at this till.");
    assert.equal(given({ device: there, store: north, clerk: { id: "clk_2", name: "Boris" } }), "Given 40 s ago, by Boris, at Till 2.");
    assert.equal(given({ device: there, store: south }), "Given 40 s ago, at Till 2, South.");
    assert.equal(given({}), "Given 40 s ago, at another partner.");
    assert.equal(given({ here: true, clerk: { id: "clk_1" } }), "Given 40 s ago, by you, at this till.");
  });
  test("how long ago, and after an hour the time where the store is", () => {
    const ago = (/** @type {number} */ ms) => given({ redeemed_at: new Date(NOW - ms).toISOString() });
    assert.match(ago(5 * 60_000), /5 min ago/);
    assert.match(ago(2 * 3600_000), /today at 10:00/);
    assert.match(ago(24 * 3600_000), /on 20\u00a0November\u00a02026 at 12:00/);
  });
  test("each verdict has its own word, and each decline says what the customer can do", () => {
    const all = [...Object.values(Verdict), "not_a_coupon", "offline", "recovering"].filter((code) => code !== "attempt_cancelled");
    const told = all.map((code) => explain(code, { redeemed_at: new Date(NOW).toISOString() }, where));
    assert.equal(new Set(told.map(({ word }) => word)).size, all.length);
    for (const { state, advice } of told) assert.ok(state === "yes" || advice);
  });
  test("why nobody can say yet, where the till does not know the campaign", () => {
    assert.match(explain("offline", { unknownCampaign: true }, where).because, /has not heard of the campaign/);
    assert.match(explain("offline", {}, where).because, /no answer from the shop/);
  });
  test("the day it expired, and the day it begins", () => {
    assert.equal(explain("expired", {}, where).because, "It was valid until 20\u00a0November\u00a02026.");
    assert.equal(explain("not_yet_valid", {}, where).because, "It is valid from 3\u00a0December\u00a02026.");
  });
  test("in Russian, without two full stops", () => {
    chooseLanguage(["ru-RU"]);
    assert.equal(explain("not_yet_valid", {}, where).because, "Купон действует с 3\u00a0декабря\u00a02026.");
    chooseLanguage(["en"]);
  });
});
