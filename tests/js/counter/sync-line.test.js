import assert from "node:assert/strict";
import { test } from "node:test";

import { clockFault } from "../../../static/clerk/knowledge/clock.js";
import { duration } from "../../../static/clerk/view/strings.js";
import { syncLine } from "../../../static/clerk/counter/sync-line.js";

const NOW = Date.UTC(2026, 10, 21, 11, 2);
const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000];

/** @param {Record<string, unknown>} [said] */
const line = (said = {}) =>
  syncLine(
    /** @type {any} */ ({
      online: true,
      syncedAt: NOW - 12_000,
      offlineSince: null,
      waiting: 0,
      refused: null,
      quarantined: 0,
      skewMs: 0,
      ...said,
    }),
    NOW,
    "Europe/Moscow",
  );

test("it shows the connection, the age of the list and what waits", () => {
  assert.deepEqual(line(), { sync: "Online · synced 12 s ago · 0 waiting", state: "is-yes" });
  assert.deepEqual(line({ quarantined: 2 }), { sync: "Online · synced 12 s ago · 0 waiting · 2 with a manager", state: "is-ask" });
  assert.deepEqual(line({ recovering: true }), {
    sync: "Online · synced 12 s ago · 0 waiting · the shop's server is being restored",
    state: "is-ask",
  });
  assert.deepEqual(line({ online: null }), { sync: "Connecting · 0 waiting", state: "" });
  assert.deepEqual(line({ refused: "revoked" }), { sync: "Not accepted by the shop · 0 waiting", state: "is-no" });
});

test("without a network it shows how old the list is", () => {
  const dark = { online: false, offlineSince: NOW, waiting: 7 };
  assert.equal(line({ ...dark, syncedAt: NOW - 4 * MINUTE }).sync, "Offline since 14:02 · 7 waiting · list of 13:58");
  assert.equal(line({ ...dark, syncedAt: NOW - 3 * DAY }).sync, "Offline since 14:02 · 7 waiting · list of 18 November");
  assert.equal(line({ ...dark, syncedAt: null }).sync, "Offline since 14:02 · 7 waiting");
});

test("it shows a clock that is more than ten minutes off", () => {
  assert.deepEqual(line({ skewMs: -2 * HOUR }), { sync: "Online · synced 12 s ago · 0 waiting · clock 2 hrs fast", state: "is-ask" });
  assert.match(line({ skewMs: 3 * DAY }).sync, / · clock 3 days slow$/);
  assert.match(line({ online: false, offlineSince: NOW, syncedAt: NOW + DAY }).sync, / · clock was set back$/);
});

test("a clock that is ten minutes off counts as right", () => {
  assert.equal(clockFault({ skewMs: 10 * MINUTE, syncedAt: NOW + 10 * MINUTE }, NOW), null);
  assert.deepEqual(clockFault({ skewMs: -11 * MINUTE, syncedAt: NOW }, NOW), { kind: "fast", ms: 11 * MINUTE });
  assert.deepEqual(clockFault({ skewMs: 0, syncedAt: NOW + 11 * MINUTE }, NOW), { kind: "back" });
});

test("a duration is given in a unit of which there are two or more", () => {
  assert.deepEqual([11 * MINUTE, 89 * MINUTE, 2 * HOUR - 9, 35 * HOUR, 2 * DAY - 9].map(duration), [
    "11 mins",
    "89 mins",
    "2 hrs",
    "35 hrs",
    "2 days",
  ]);
});
