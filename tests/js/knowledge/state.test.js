import assert from "node:assert/strict";
import { describe, test } from "node:test";

import {
  clerkAt,
  givenToday,
  IDLE_MS,
  isMoving,
  mayFollow,
  mayMove,
  releasedEpoch,
  sendAfter,
  undoUntil,
  unfinished,
  waiting,
} from "../../../static/clerk/knowledge/state.js";
import { coupon, pastOf } from "../tablet.js";

const ONE = await coupon(1);

/** A journal of entries of these kinds; `of` is the newest ask unless given. @param {...(string | object)} entries */
function journal(...entries) {
  let asked = 0;
  return entries.map((said, index) => {
    const entry = /** @type {any} */ ({
      v: 1,
      n: index + 1,
      prev: "",
      at: 1000 * (index + 1),
      ...(typeof said === "string" ? { kind: said } : said),
    });
    if (entry.kind === "ask") asked = entry.n;
    return { of: asked, coupon: ONE, clerk: "clk_1", ...entry };
  });
}

/** @param {...(string | object)} entries */
const past = (...entries) => pastOf(journal(...entries));

/** The gift of the coupon that stands. @param {import("../../../static/clerk/knowledge/state.js").Past} past @param {string} [id] */
const giftOf = ({ standing }, id = "cpn_1_1") => standing.get(id);

/** @type {[string, string[], string | undefined, boolean][]} name, entries, stage of the open attempt, whether a gift stands */
const STORIES = [
  ["nothing happened", [], undefined, false],
  ["asked and no more", ["ask"], "asking", false],
  ["asked and dropped", ["ask", "drop"], undefined, false],
  ["given, and the clerk was called away", ["ask", "gave"], "given", true],
  ["given and done", ["ask", "gave", "done"], undefined, true],
  ["given and taken back at once", ["ask", "gave", "undo"], undefined, false],
  ["given, done, and taken back later", ["ask", "gave", "done", "undo"], undefined, false],
  ["a yes that came after the drop", ["ask", "drop", "gave"], undefined, false],
  ["a drop that came after the yes", ["ask", "gave", "drop"], "given", true],
  ["dropped and asked again", ["ask", "drop", "ask"], "asking", false],
  ["taken back and given again", ["ask", "gave", "done", "undo", "ask", "gave", "done"], undefined, true],
  ["an entry of a newer app in between", ["ask", "gave", "sparkle", "done"], undefined, true],
];

describe("the open attempt and the standing gift after an interruption", () => {
  for (const [name, entries, stage, given] of STORIES) {
    test(name, () => {
      const now = past(...entries);
      assert.equal(unfinished(now)?.stage, stage);
      assert.equal(Boolean(giftOf(now)), given);
    });
  }
});

test("a second token of a coupon counts as the same coupon", async () => {
  const now = past({ kind: "ask", coupon: await coupon(1, { lastDay: 2000 }) }, "gave");
  assert.ok(giftOf(now));
  assert.equal(giftOf(now, "cpn_1_2"), undefined);
});

test("an entry follows only if the stage allows it", () => {
  const allowed = (/** @type {string[]} */ entries) =>
    ["gave", "drop", "done", "undo"].filter((kind) => mayFollow(past(...entries), kind, 1));
  assert.deepEqual(allowed(["ask"]), ["gave", "drop"]);
  assert.deepEqual(allowed(["ask", "gave"]), ["done", "undo"]);
  assert.deepEqual(allowed(["ask", "gave", "done"]), ["undo"]);
  assert.deepEqual(allowed(["ask", "drop"]), []);
  assert.deepEqual(allowed(["ask", "gave", "undo"]), []);
});

test("nothing follows an ask that does not exist", () => assert.equal(mayFollow(past("ask"), "gave", 7), false));

test("an undo of an older gift does not undo a newer gift of the same coupon", () => {
  const now = past("ask", "gave", "undo", "ask", "gave", { kind: "undo", of: 1 });
  assert.equal(giftOf(now)?.ask, 4);
});

test("an open ask is sent again to get its answer again", () => {
  assert.equal(sendAfter(past("unlock", "ask"), 2), 1);
  assert.equal(sendAfter(past("unlock", "ask", "drop"), 3), 3);
  assert.equal(sendAfter(past("unlock", "ask", "gave"), 2), 2);
});

test("entries that are not acknowledged are waiting", () => {
  assert.equal(waiting(past("unlock", "ask", "gave"), 1), 2);
  assert.equal(waiting(past(), 0), 0);
});

describe("the clerk at work", () => {
  test("is who unlocked last", () => assert.equal(clerkAt(past("unlock", { kind: "unlock", clerk: "clk_2" }), 3000), "clk_2"));
  test("is nobody after a lock", () => assert.equal(clerkAt(past("unlock", "lock"), 3000), null));
  test("is nobody after the tablet was idle too long", () => {
    assert.equal(clerkAt(past("unlock", "ask"), 2000 + IDLE_MS - 1), "clk_1");
    assert.equal(clerkAt(past("unlock", "ask"), 2000 + IDLE_MS), null);
  });
});

test("an undo is possible for as many minutes as the campaign says", () => {
  const attempt = past("ask", "gave").attempts.get(1);
  assert.ok(attempt);
  assert.equal(undoUntil(attempt, 30), 2000 + 30 * 60_000);
});

describe("the list of today's gifts", () => {
  const day = 86_400_000;
  const midnight = Date.UTC(2026, 10, 20, 21); // in Moscow
  /** @param {number} at @param {...string} kinds */
  const acts = (at, ...kinds) => kinds.map((kind) => ({ kind, at }));

  test("has the gifts since midnight at the store, newest first", () => {
    const found = givenToday(
      past(...acts(midnight - 1, "ask", "gave", "done"), ...acts(midnight, "ask", "gave", "done"), ...acts(midnight + 1, "ask", "gave")),
      midnight + 2,
      "Europe/Moscow",
    );
    assert.deepEqual(
      found.map(({ ask, stage }) => [ask, stage]),
      [
        [7, "given"],
        [4, "done"],
      ],
    );
  });

  test("keeps gifts that were taken back, and leaves out attempts that gave nothing", () => {
    const found = givenToday(
      past(...acts(midnight, "ask", "gave", "undo", "ask", "drop", "gave-held", "done")),
      midnight + 2,
      "Europe/Moscow",
    );
    assert.deepEqual(
      found.map(({ ask, stage }) => [ask, stage]),
      [
        [6, "given"],
        [1, "undone"],
      ],
    );
  });

  test("is empty on the next day", () => {
    assert.deepEqual(givenToday(past(...acts(midnight, "ask", "gave")), midnight + day, "Europe/Moscow"), []);
  });
});

describe("a tablet that moves to another store", () => {
  test("releases all earlier grants and none of the later ones", () => {
    const now = past({ kind: "release", id: "cpn_1_1", epoch: 9 }, { kind: "move", store: "sto_2", epoch: 7 });
    assert.deepEqual(
      ["cpn_1_1", "cpn_1_2"].map((id) => releasedEpoch(now, id)),
      [9, 7],
    );
  });

  test("moves only if no attempt is open", () => {
    assert.deepEqual([past("ask"), past("ask", "gave"), past("ask", "gave", "done"), past("ask", "drop")].map(mayMove), [
      false,
      false,
      true,
      true,
    ]);
  });

  test("is moving until the server acknowledges it", () => {
    const now = past("unlock", { kind: "move", store: "sto_2" });
    assert.deepEqual([isMoving(past("unlock"), 0), isMoving(now, 1), isMoving(now, 2)], [false, true, false]);
  });

  test("begins a new list of today's gifts", () => {
    const before = past("ask", "gave", "done");
    const after = past("ask", "gave", "done", { kind: "move", store: "sto_2" });
    assert.deepEqual(
      [before, after].map((each) => givenToday(each, 2000, "UTC").length),
      [1, 0],
    );
    assert.ok(giftOf(after), "and gives none of these again");
  });
});
