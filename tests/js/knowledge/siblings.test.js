import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { explain } from "../../../static/clerk/counter/explain.js";
import { heldDetails, Siblings } from "../../../static/clerk/knowledge/siblings.js";
import { chooseLanguage } from "../../../static/clerk/view/strings.js";
import { atWork, coupon, NOW, rest, Server, snapshot } from "../tablet.js";

/** Gaps of these numbers, each below 128 away from the one before. @param {...number} numbers */
const gaps = (...numbers) => Buffer.from(numbers.map((number, index) => number - (numbers[index - 1] ?? -1) - 1)).toString("base64url");

const NOTHING = { position: "1.1.0", campaigns: {} };
/** @param {number} epoch @param {...number} numbers */
const held = (epoch, ...numbers) => ({ dev_2: { epoch, held: { 1: gaps(...numbers) } } });
/** @param {number} until @param {...number} numbers */
const homed = (until, ...numbers) => ({ 1: { until, at: { "The annex": gaps(...numbers) } } });
const two = { id: "dev_2", name: "Till 2" };

describe("what the other tablets hold", () => {
  test("is heard of by their epochs, and what was known stays", () => {
    const siblings = new Siblings();
    assert.equal(siblings.hear({ generation: 1, changes: NOTHING, siblings: held(7, 3, 5) }), true);
    assert.equal(siblings.hear({ generation: 1, changes: NOTHING, siblings: held(8, 9) }), true);
    assert.deepEqual(
      ["cpn_1_3", "cpn_1_5", "cpn_1_9", "cpn_1_4", "cpn_2_3"].map((id) => siblings.holderOf(id)),
      ["dev_2", "dev_2", "dev_2", undefined, undefined],
    );
    assert.deepEqual(siblings.epochs, { dev_2: 8 });
  });

  test("is kept, and known again when the tablet is switched on", () => {
    const siblings = new Siblings();
    siblings.hear({ generation: 1, changes: NOTHING, siblings: held(7, 3) });
    const again = new Siblings(structuredClone(siblings.kept));
    assert.equal(again.holderOf("cpn_1_3"), "dev_2");
    assert.equal(again.hear({ generation: 1, changes: NOTHING }), false);
  });

  for (const state of ["redeemed", "void", "open"]) {
    test(`is forgotten of a coupon that changed: ${state}`, () => {
      const siblings = new Siblings();
      siblings.hear({ generation: 1, changes: NOTHING, siblings: held(7, 3, 5) });
      siblings.hear({ generation: 1, changes: { position: "1.2.0", campaigns: { 1: { [state]: gaps(3) } } } });
      assert.deepEqual(
        ["cpn_1_3", "cpn_1_5"].map((id) => siblings.holderOf(id)),
        [undefined, "dev_2"],
      );
    });
  }

  test("goes to whoever was granted it behind the release, in one reply", () => {
    const siblings = new Siblings();
    siblings.hear({ generation: 1, changes: NOTHING, siblings: held(7, 3) });
    const told = { dev_3: { epoch: 4, held: { 1: gaps(3) } } };
    siblings.hear({ generation: 1, changes: { position: "1.2.0", campaigns: { 1: { open: gaps(3) } } }, siblings: told });
    assert.equal(siblings.holderOf("cpn_1_3"), "dev_3");
  });

  test("begins anew with another life of the ledger, and where changes were missed", () => {
    for (const reply of [{ generation: 2, changes: NOTHING }, { generation: 1 }]) {
      const siblings = new Siblings();
      siblings.hear({ generation: 1, changes: NOTHING, siblings: held(7, 3) });
      assert.equal(siblings.hear({ ...reply, siblings: held(9, 5) }), true);
      assert.deepEqual([siblings.epochs, siblings.holderOf("cpn_1_3"), siblings.holderOf("cpn_1_5")], [{}, undefined, undefined]);
    }
  });
});

describe("what is at home at another store", () => {
  /** @param {Siblings} siblings @param {...number} numbers */
  const homes = (siblings, ...numbers) => numbers.map((number) => siblings.homeOf(`cpn_1_${number}`));

  test("is heard of by number, kept, and known again when the tablet is switched on", () => {
    const siblings = new Siblings();
    assert.deepEqual(siblings.homesHeard([1, 2]), { 1: 0, 2: 0 });
    assert.equal(siblings.hear({ generation: 1, changes: NOTHING, homes: homed(9, 3, 5) }), true);
    assert.equal(siblings.hear({ generation: 1, changes: NOTHING, homes: homed(12, 10) }), true);
    const again = new Siblings(structuredClone(siblings.kept));
    assert.deepEqual(homes(again, 2, 3, 5, 10, 11, 40), [undefined, "The annex", "The annex", "The annex", undefined, undefined]);
    assert.deepEqual([again.homeOf("cpn_2_3"), again.homesHeard([1, 2])], [undefined, { 1: 12, 2: 0 }]);
    assert.equal(again.hear({ generation: 1, changes: NOTHING }), false);
  });

  test("is forgotten of a coupon that changed, unless it is told again", () => {
    const siblings = new Siblings();
    siblings.hear({ generation: 1, changes: NOTHING, homes: homed(9, 3, 5) });
    const changes = { position: "1.2.0", campaigns: { 1: { open: gaps(3, 5) } } };
    assert.equal(siblings.hear({ generation: 1, changes, homes: { 1: { until: 9, at: { South: gaps(5, 60) } } } }), true);
    assert.deepEqual(homes(siblings, 3, 5, 60), [undefined, "South", undefined]);
    assert.equal(siblings.hear({ generation: 1, changes: { position: "1.3.0", campaigns: { 1: { redeemed: gaps(5) } } } }), true);
    assert.deepEqual(homes(siblings, 5), [undefined]);
  });

  test("is known of the newest coupons alone, however far the server is ahead", () => {
    const siblings = new Siblings();
    siblings.hear({ generation: 1, changes: NOTHING, homes: homed(9, 3) });
    siblings.hear({ generation: 1, changes: NOTHING, homes: { 1: { until: 10_005, at: { South: gaps(5) } } } });
    assert.deepEqual([...homes(siblings, 3, 5), siblings.homesHeard([1])], [undefined, "South", { 1: 10_005 }]);
    siblings.hear({ generation: 1, changes: NOTHING, homes: { 1: { until: 1_000_000, at: {} } } });
    assert.deepEqual([...homes(siblings, 5), siblings.kept.homes?.get(1)?.at.length], [undefined, 10_000]);
  });

  test("begins anew with another life of the ledger, and where changes were missed", () => {
    for (const reply of [{ generation: 2, changes: NOTHING }, { generation: 1 }]) {
      const siblings = new Siblings();
      siblings.hear({ generation: 1, changes: NOTHING, homes: homed(9, 3) });
      assert.equal(siblings.hear({ ...reply, homes: homed(12, 10) }), true);
      assert.deepEqual([...homes(siblings, 3, 10), siblings.homesHeard([1])], [undefined, undefined, { 1: 0 }]);
    }
  });

  test("begins anew at another store, also of what the tablet heard before it was switched off", () => {
    const before = new Siblings();
    before.hear({ generation: 1, changes: NOTHING, homes: homed(9, 3), siblings: held(7, 5) }, "sto_1");
    const siblings = new Siblings(structuredClone(before.kept));
    assert.equal(siblings.hear({ generation: 1, changes: NOTHING, homes: homed(12, 10) }, "sto_2"), true);
    assert.deepEqual([...homes(siblings, 3, 10), siblings.homesHeard([1])], [undefined, undefined, { 1: 0 }]);
    assert.deepEqual([siblings.epochs, siblings.holderOf("cpn_1_5")], [{}, undefined]);
    siblings.hear({ generation: 1, changes: NOTHING, homes: homed(12, 3, 10) }, "sto_2");
    assert.deepEqual(homes(siblings, 3, 10), ["The annex", "The annex"]);
  });

  test("hostile names of stores are names like any other", () => {
    const siblings = new Siblings();
    const at = JSON.parse(`{"__proto__": "${gaps(1)}", "=HYPERLINK(1)": "${gaps(2)}", "\u202eerots": "${gaps(3)}"}`);
    siblings.hear({ generation: 1, changes: NOTHING, homes: { 1: { until: 4, at } } });
    assert.deepEqual(homes(siblings, 1, 2, 3), ["__proto__", "=HYPERLINK(1)", "\u202eerots"]);
  });
});

test("a tablet that is no longer of the store is not named", () => {
  const siblings = new Siblings();
  siblings.hear({ generation: 1, changes: NOTHING, siblings: held(7, 3) });
  assert.deepEqual(heldDetails({ siblings, snapshot: { ...snapshot(), siblings: [] }, syncedAt: NOW }, "cpn_1_3"), {});
  assert.deepEqual(heldDetails({ siblings, snapshot: snapshot(), syncedAt: NOW }, "cpn_1_3"), {});
});

describe("without a network", () => {
  /** @param {string} text */
  async function scanned(text) {
    const server = new Server();
    const on = await atWork(server);
    on.sync.snapshot = { ...snapshot(), siblings: [two] };
    on.sync.siblings.hear({ generation: 1, changes: NOTHING, siblings: held(7, 3), homes: homed(9, 3, 5) });
    server.network = Array(9).fill("lost");
    await on.counter.scan(text);
    await rest();
    return /** @type {any} */ (on.counter.screen);
  }

  test("the clerk hears who can give it, and as of when", async () => {
    chooseLanguage(["en"]);
    const { code, details } = await scanned(await coupon(3));
    assert.equal(code, "offline");
    const where = { now: NOW, zone: "Europe/Moscow", clerk: null, device: "", store: "" };
    const { state, word, because } = explain(code, details, where);
    assert.deepEqual([state, word, because], ["ask", "Ask another till", "Till 2 can give it, as of 12:00."]);
    assert.match(explain(code, details, { ...where, now: NOW + 86_400_000 }).because, /as of 21 November/);
    assert.match(explain("at_risk", details, where).advice, /^Till 2 can give it without that risk, as of 12:00\./);
  });

  test("of a coupon that nobody here is known to hold it is said that it is not confirmed", async () => {
    const { code, details } = await scanned(await coupon(4));
    assert.equal(explain(code, details, { now: NOW, zone: "UTC", clerk: null, device: "", store: "" }).word, "Not confirmed");
  });

  test("of one that is at home at another store that store is named, and at risk nobody is sent there", async () => {
    chooseLanguage(["en"]);
    const { code, details } = await scanned(await coupon(5));
    const where = { now: NOW, zone: "Europe/Moscow", clerk: null, device: "", store: "" };
    const { state, word, because, advice } = explain(code, details, where);
    assert.deepEqual([state, word, because], ["ask", "Ask another store", "The annex can give it, as of 12:00."]);
    assert.match(advice, /^Send the customer there\./);
    assert.doesNotMatch(explain("at_risk", details, where).advice, /annex/);
  });
});
