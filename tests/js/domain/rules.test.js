import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { localDay, toDate, Verdict, whyDeclined } from "../../../static/clerk/domain/rules.js";
import { vectors } from "../vectors.js";

const VECTORS = vectors("rules");

describe("it gives the one reason to decline", () => {
  for (const { name, verdict, day, facts, place, terms } of VECTORS.declines) {
    test(name, () => {
      const { last_day: lastDay, void: isVoid, redeemed, held_by: heldBy, compromised } = facts;
      const known = { lastDay, void: isVoid, redeemed, heldBy, compromised };
      const here = { storeId: place.store_id, partnerId: place.partner_id, deviceId: place.device_id, closed: place.closed };
      assert.equal(whyDeclined(known, terms, here, day), verdict);
    });
  }
});

describe("it counts days", () => {
  for (const { date, day } of VECTORS.dates) test(date, () => assert.equal(toDate(day), date));
});

describe("a day is a day on the calendar of the store", () => {
  for (const { time, at, zone, date } of VECTORS.local_days) {
    test(`${time} ${zone}`, () => assert.equal(toDate(localDay(at, zone)), date));
  }
});

test("the codes are those of the vectors, in the same order", () => {
  assert.deepEqual(Object.values(Verdict), ["good", ...VECTORS.reasons, "attempt_cancelled", "unknown_coupon"]);
});

test("a coupon without windows is good on any day", () => {
  const terms = { windows: {}, partners: [], stores: ["sto_1"] };
  const here = { storeId: "sto_1", partnerId: "prt_1", deviceId: null };
  assert.equal(whyDeclined({ lastDay: 65535, void: false }, terms, here, 2500), null);
});
