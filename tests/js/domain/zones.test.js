import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { localDay } from "../../../static/clerk/domain/rules.js";
import { usableZone } from "../../../static/clerk/domain/zones.js";
import { date, dayAndMonth, time } from "../../../static/clerk/view/strings.js";

const OWN = Intl.DateTimeFormat().resolvedOptions().timeZone;
const AT = Date.UTC(2026, 10, 29, 22, 30);

test("a zone that the browser knows is used", () => {
  assert.equal(usableZone("Asia/Vladivostok"), "Asia/Vladivostok");
  assert.equal(localDay(AT, "Asia/Vladivostok"), localDay(AT, "UTC") + 1);
});

describe("a zone that the browser does not know", () => {
  for (const zone of ["localtime", "Factory", "Mars/Olympus", ""])
    test(`${zone || "none"}: the tablet's own is used`, () => {
      assert.equal(usableZone(zone), OWN);
      assert.equal(localDay(AT, zone), localDay(AT, OWN));
      assert.deepEqual(
        [time(AT, zone), dayAndMonth(AT, zone), date(new Date(AT).toISOString(), zone)],
        [time(AT, OWN), dayAndMonth(AT, OWN), date(new Date(AT).toISOString(), OWN)],
      );
    });
});
