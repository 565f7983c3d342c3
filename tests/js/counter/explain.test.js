import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { explain } from "../../../static/clerk/counter/explain.js";
import { Verdict } from "../../../static/clerk/domain/rules.js";
import { chooseLanguage } from "../../../static/clerk/view/strings.js";
import { NOW } from "../tablet.js";

const TODAY = 2516; // 2026-11-21

describe("a verdict tells the clerk", () => {
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
    assert.equal(given({ device: here, store: north, clerk: { id: "clk_1", name: "Anna" } }), "Given 40 s ago, by you, on this tablet.");
    assert.equal(given({ device: there, store: north, clerk: { id: "clk_2", name: "Boris" } }), "Given 40 s ago, by Boris, at Till 2.");
    assert.equal(given({ device: there, store: south }), "Given 40 s ago, at Till 2, South.");
    assert.equal(given({}), "Given 40 s ago, at another partner.");
    assert.equal(given({ here: true, clerk: { id: "clk_1" } }), "Given 40 s ago, by you, on this tablet.");
  });
  test("how long ago it was given, and after an hour the time at the store", () => {
    const ago = (/** @type {number} */ ms) => given({ redeemed_at: new Date(NOW - ms).toISOString() });
    assert.match(ago(5 * 60_000), /5 min ago/);
    assert.match(ago(2 * 3600_000), /today at 10:00/);
    assert.match(ago(24 * 3600_000), /on 20\u00a0November\u00a02026 at 12:00/);
  });
  test("its own word, and what the customer can do after a decline", () => {
    const all = [...Object.values(Verdict), "not_a_coupon", "offline", "recovering", "too_many"].filter(
      (code) => code !== "attempt_cancelled",
    );
    const explanations = all.map((code) => explain(code, { redeemed_at: new Date(NOW).toISOString() }, where));
    assert.equal(new Set(explanations.map(({ word }) => word)).size, all.length);
    for (const { state, advice } of explanations) assert.ok(state === "yes" || advice);
  });
  test("that the tablet does not know the campaign yet", () => {
    assert.match(explain("offline", { unknownCampaign: true }, where).because, /has not heard of the campaign/);
    assert.match(explain("offline", {}, where).because, /no answer from the shop/);
  });
  test("that the store is closed, and no word of other stores that may not be", () => {
    const { word, because, advice } = explain("wrong_store", {}, { ...where, closed: true });
    assert.equal(word, explain("wrong_store", {}, where).word);
    assert.match(because, /closed this store/);
    assert.doesNotMatch(`${because} ${advice}`, /other stores/);
  });
  test("the last day of an expired coupon, and the first day of a future one", () => {
    assert.equal(explain("expired", {}, where).because, "It was valid until 20\u00a0November\u00a02026.");
    assert.equal(explain("not_yet_valid", {}, where).because, "It is valid from 3\u00a0December\u00a02026.");
  });
  test("in Russian too, without two full stops", () => {
    chooseLanguage(["ru-RU"]);
    assert.equal(explain("not_yet_valid", {}, where).because, "Купон действует с 3\u00a0декабря\u00a02026.");
    chooseLanguage(["en"]);
  });
});
