import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { canIssue, lastDay, localDay, toDate, toDay, Verdict, whyDeclined } from "../../../static/clerk/domain/rules.js";
import { vectors } from "../vectors.js";

const VECTORS = vectors("rules");

describe("it gives the one reason to decline", () => {
  for (const { name, verdict, day, facts, place, terms } of VECTORS.declines) {
    test(name, () => {
      const known = { lastDay: facts.last_day, void: facts.void, redeemed: facts.redeemed, heldBy: facts.held_by };
      const here = { storeId: place.store_id, partnerId: place.partner_id, deviceId: place.device_id };
      assert.equal(whyDeclined(known, terms, here, day), verdict);
    });
  }
});

describe("it says until when a coupon is good", () => {
  for (const { name, last_day, issue_day, terms } of VECTORS.last_days) {
    test(name, () => assert.equal(lastDay(terms, issue_day), last_day));
  }
});

describe("it says when a coupon may be issued", () => {
  for (const { name, can, day, terms } of VECTORS.issuing) test(name, () => assert.equal(canIssue(terms, day), can));
});

describe("it counts days", () => {
  for (const { date, day } of VECTORS.dates) {
    test(date, () => assert.deepEqual([toDay(date), toDate(day)], [day, date]));
  }
});

describe("a day is a day on the calendar of the store", () => {
  for (const { time, at, zone, date } of VECTORS.local_days) {
    test(`${time} ${zone}`, () => assert.equal(localDay(at, zone), toDay(date)));
  }
});

test("the vocabulary is closed, and in the same order", () => {
  assert.deepEqual(Object.values(Verdict), ["good", ...VECTORS.reasons, "attempt_cancelled", "unknown_coupon"]);
});

test("windows that were left out are open", () => {
  const terms = { windows: {}, partners: [], stores: ["sto_1"] };
  const here = { storeId: "sto_1", partnerId: "prt_1", deviceId: null };
  assert.equal(whyDeclined({ lastDay: 65535, void: false }, terms, here, 2500), null);
  assert.equal(lastDay(terms, 2500), 65535);
  assert.equal(canIssue(terms, 2500), true);
});
