import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { put } from "../../../static/clerk/domain/bitmaps.js";
import { find } from "../../../static/clerk/knowledge/check.js";
import { codeHash, Holds } from "../../../static/clerk/knowledge/holds.js";
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

/**
 * A list that says this of coupon 1, made when the server had this tablet's entries up to `entry`.
 * @param {"redeemed" | "void"} state @param {number} [entry]
 */
function listing(state, entry = 0) {
  const bits = { redeemed: new Uint8Array(1), void: new Uint8Array(1) };
  put(bits[state], 1, true);
  return new Sets({ position: "1.1.0", entry, campaigns: new Map([[1, bits]]) });
}

const HOLDING = { epoch: 4, grants: /** @type {import("../../../static/clerk/knowledge/holds.js").Grant[]} */ ([[1, 1, 4, "", 65535]]) };

describe("at a closed store", () => {
  const here = snapshot();
  here.store.closed = true;

  test("nothing is good, not even what this tablet holds", async () => {
    assert.equal((await finding(ONE, { snapshot: here })).code, "wrong_store");
    assert.equal((await finding(ONE, { snapshot: here, holds: new Holds(HOLDING) })).code, "wrong_store");
  });
});

describe("a coupon that this tablet holds", () => {
  const holds = new Holds(HOLDING);
  const GIVEN = { v: /** @type {const} */ (1), n: 1, prev: "", at: NOW, kind: "gave-held", coupon: ONE };
  const UNDONE = { v: /** @type {const} */ (1), n: 2, prev: "", at: NOW, kind: "undo", of: 1 };

  test("is good, and the server is not asked", async () => {
    const { code, ask, held } = await finding(ONE, { holds });
    assert.deepEqual({ code, ask, held }, { code: "good", ask: undefined, held: 4 });
  });
  for (const [state, said] of /** @type {const} */ ([
    ["redeemed", "already_redeemed"],
    ["void", "void"],
  ]))
    test(`is for the server to say if the last list has it as ${state}`, async () => {
      const { code, ask, held, listed } = await finding(ONE, { holds, sets: listing(state) });
      assert.deepEqual({ code, ask, held, listed }, { code: said, ask: ONE, held: undefined, listed: true });
    });
  test("is good if the list has this tablet's own gift, which it has taken back since", async () => {
    const { code, held } = await finding(ONE, { holds, past: pastOf([GIVEN, UNDONE]), sets: listing("redeemed", 1) });
    assert.deepEqual({ code, held }, { code: "good", held: 4 });
  });
  test("is for the server to say without the hold, whatever it has taken back: the list may tell of another's gift", async () => {
    const ASK = { v: /** @type {const} */ (1), n: 1, prev: "", at: NOW, kind: "ask", coupon: ONE };
    const DROP = { v: /** @type {const} */ (1), n: 2, prev: "", at: NOW, kind: "drop", of: 1 };
    const { code, listed } = await finding(ONE, { past: pastOf([ASK, DROP]), sets: listing("redeemed", 1) });
    assert.deepEqual([code, listed], ["already_redeemed", true]);
  });
  test("is for the server to say if it was given elsewhere after this tablet took it back", async () => {
    const { code, ask } = await finding(ONE, { holds, past: pastOf([GIVEN, UNDONE]), sets: listing("redeemed", 2) });
    assert.deepEqual({ code, ask }, { code: "already_redeemed", ask: ONE });
  });
  test("was given here, if the journal says so", async () => {
    const { code, attempt, listed } = await finding(ONE, { holds, past: pastOf([GIVEN]), sets: listing("redeemed", 1) });
    assert.deepEqual([code, attempt?.ask, listed], ["already_redeemed", 1, undefined]);
  });
});

describe("without the server, a tablet finds a coupon", () => {
  test("good, and says what the server is to verify", async () => {
    assert.deepEqual(await finding(`HTTPS://GIFT.EXAMPLE/C/${ONE}\r\n`), {
      code: "good",
      ask: ONE,
      coupon: ONE,
      id: "cpn_1_1",
      campaign: "cmp_1",
      lastDay: 65535,
      keyId: 1,
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
  test("of a compromised key, also if it holds the coupon, and also by its short code", async () => {
    const told = snapshot();
    told.keys[0].status = "compromised";
    const code = "7KQ2M4XZ9F3S";
    const held = { epoch: 4, grants: [/** @type {const} */ ([1, 1, 4, await codeHash("cpn_1_1", code), 65535, "grant", "proof", 1])] };
    const holds = new Holds(/** @type {any} */ (held));
    assert.equal((await finding(ONE, { snapshot: told })).code, "compromised_key");
    assert.equal((await finding(ONE, { snapshot: told, holds })).code, "compromised_key");
    assert.equal((await finding(code, { holds })).code, "good");
    assert.equal((await finding(code, { snapshot: told, holds })).code, "compromised_key");
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
