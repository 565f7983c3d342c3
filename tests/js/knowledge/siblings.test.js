import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { explain } from "../../../static/clerk/counter/explain.js";
import { heldDetails, Siblings } from "../../../static/clerk/knowledge/siblings.js";
import { chooseLanguage } from "../../../static/clerk/view/strings.js";
import { atWork, coupon, NOW, rest, Server, snapshot } from "../tablet.js";

/** The gaps of these ascending numbers, each less than 128 above the one before. @param {...number} numbers */
const gaps = (...numbers) => Buffer.from(numbers.map((number, index) => number - (numbers[index - 1] ?? -1) - 1)).toString("base64url");

const NOTHING = { position: "1.1.0", campaigns: {} };
/** @param {number} epoch @param {...number} numbers */
const held = (epoch, ...numbers) => ({ dev_2: { epoch, held: { 1: gaps(...numbers) } } });
/** @param {number} until @param {...number} numbers */
const homed = (until, ...numbers) => ({ 1: { until, at: { "The annex": gaps(...numbers) } } });
const two = { id: "dev_2", name: "Till 2" };

describe("the holds of the other devices", () => {
  test("are added to the known ones, with the newest epoch of each device", () => {
    const siblings = new Siblings();
    assert.equal(siblings.hear({ generation: 1, changes: NOTHING, siblings: held(7, 3, 5) }), true);
    assert.equal(siblings.hear({ generation: 1, changes: NOTHING, siblings: held(8, 9) }), true);
    assert.deepEqual(
      ["cpn_1_3", "cpn_1_5", "cpn_1_9", "cpn_1_4", "cpn_2_3"].map((id) => siblings.holderOf(id)),
      ["dev_2", "dev_2", "dev_2", undefined, undefined],
    );
    assert.deepEqual(siblings.epochs, { dev_2: 8 });
  });

  test("are stored, and known after a restart", () => {
    const siblings = new Siblings();
    siblings.hear({ generation: 1, changes: NOTHING, siblings: held(7, 3) });
    const again = new Siblings(structuredClone(siblings.kept));
    assert.equal(again.holderOf("cpn_1_3"), "dev_2");
    assert.equal(again.hear({ generation: 1, changes: NOTHING }), false);
  });

  for (const state of ["redeemed", "void", "open"]) {
    test(`are forgotten for a coupon that changed to ${state}`, () => {
      const siblings = new Siblings();
      siblings.hear({ generation: 1, changes: NOTHING, siblings: held(7, 3, 5) });
      siblings.hear({ generation: 1, changes: { position: "1.2.0", campaigns: { 1: { [state]: gaps(3) } } } });
      assert.deepEqual(
        ["cpn_1_3", "cpn_1_5"].map((id) => siblings.holderOf(id)),
        [undefined, "dev_2"],
      );
    });
  }

  test("follow a release and a new grant in the same reply", () => {
    const siblings = new Siblings();
    siblings.hear({ generation: 1, changes: NOTHING, siblings: held(7, 3) });
    const granted = { dev_3: { epoch: 4, held: { 1: gaps(3) } } };
    siblings.hear({ generation: 1, changes: { position: "1.2.0", campaigns: { 1: { open: gaps(3) } } }, siblings: granted });
    assert.equal(siblings.holderOf("cpn_1_3"), "dev_3");
  });

  test("are dropped with a new generation of the ledger, and after missed changes", () => {
    for (const reply of [{ generation: 2, changes: NOTHING }, { generation: 1 }]) {
      const siblings = new Siblings();
      siblings.hear({ generation: 1, changes: NOTHING, siblings: held(7, 3) });
      assert.equal(siblings.hear({ ...reply, siblings: held(9, 5) }), true);
      assert.deepEqual([siblings.epochs, siblings.holderOf("cpn_1_3"), siblings.holderOf("cpn_1_5")], [{}, undefined, undefined]);
    }
  });
});

describe("the homes at other stores", () => {
  /** @param {Siblings} siblings @param {...number} numbers */
  const homes = (siblings, ...numbers) => numbers.map((number) => siblings.homeOf(`cpn_1_${number}`));

  test("are received by number, stored, and known after a restart", () => {
    const siblings = new Siblings();
    assert.deepEqual(siblings.homesHeard([1, 2]), { 1: 0, 2: 0 });
    assert.equal(siblings.hear({ generation: 1, changes: NOTHING, homes: homed(9, 3, 5) }), true);
    assert.equal(siblings.hear({ generation: 1, changes: NOTHING, homes: homed(12, 10) }), true);
    const again = new Siblings(structuredClone(siblings.kept));
    assert.deepEqual(homes(again, 2, 3, 5, 10, 11, 40), [undefined, "The annex", "The annex", "The annex", undefined, undefined]);
    assert.deepEqual([again.homeOf("cpn_2_3"), again.homesHeard([1, 2])], [undefined, { 1: 12, 2: 0 }]);
    assert.equal(again.hear({ generation: 1, changes: NOTHING }), false);
  });

  test("are forgotten for a coupon that changed, unless the same reply has it again", () => {
    const siblings = new Siblings();
    siblings.hear({ generation: 1, changes: NOTHING, homes: homed(9, 3, 5) });
    const changes = { position: "1.2.0", campaigns: { 1: { open: gaps(3, 5) } } };
    assert.equal(siblings.hear({ generation: 1, changes, homes: { 1: { until: 9, at: { South: gaps(5, 60) } } } }), true);
    assert.deepEqual(homes(siblings, 3, 5, 60), [undefined, "South", undefined]);
    assert.equal(siblings.hear({ generation: 1, changes: { position: "1.3.0", campaigns: { 1: { redeemed: gaps(5) } } } }), true);
    assert.deepEqual(homes(siblings, 5), [undefined]);
  });

  test("are known only of the newest coupons, however many the server has", () => {
    const siblings = new Siblings();
    siblings.hear({ generation: 1, changes: NOTHING, homes: homed(9, 3) });
    siblings.hear({ generation: 1, changes: NOTHING, homes: { 1: { until: 10_005, at: { South: gaps(5) } } } });
    assert.deepEqual([...homes(siblings, 3, 5), siblings.homesHeard([1])], [undefined, "South", { 1: 10_005 }]);
    siblings.hear({ generation: 1, changes: NOTHING, homes: { 1: { until: 1_000_000, at: {} } } });
    assert.deepEqual([...homes(siblings, 5), siblings.kept.homes?.get(1)?.at.length], [undefined, 10_000]);
  });

  test("are dropped with a new generation of the ledger, and after missed changes", () => {
    for (const reply of [{ generation: 2, changes: NOTHING }, { generation: 1 }]) {
      const siblings = new Siblings();
      siblings.hear({ generation: 1, changes: NOTHING, homes: homed(9, 3) });
      assert.equal(siblings.hear({ ...reply, homes: homed(12, 10) }), true);
      assert.deepEqual([...homes(siblings, 3, 10), siblings.homesHeard([1])], [undefined, undefined, { 1: 0 }]);
    }
  });

  test("are dropped at another store, including those stored before a restart", () => {
    const before = new Siblings();
    before.hear({ generation: 1, changes: NOTHING, homes: homed(9, 3), siblings: held(7, 5) }, "sto_1");
    const siblings = new Siblings(structuredClone(before.kept));
    assert.equal(siblings.hear({ generation: 1, changes: NOTHING, homes: homed(12, 10) }, "sto_2"), true);
    assert.deepEqual([...homes(siblings, 3, 10), siblings.homesHeard([1])], [undefined, undefined, { 1: 0 }]);
    assert.deepEqual([siblings.epochs, siblings.holderOf("cpn_1_5")], [{}, undefined]);
    siblings.hear({ generation: 1, changes: NOTHING, homes: homed(12, 3, 10) }, "sto_2");
    assert.deepEqual(homes(siblings, 3, 10), ["The annex", "The annex"]);
  });

  test("may have hostile store names", () => {
    const siblings = new Siblings();
    const at = JSON.parse(`{"__proto__": "${gaps(1)}", "=HYPERLINK(1)": "${gaps(2)}", "\u202eerots": "${gaps(3)}"}`);
    siblings.hear({ generation: 1, changes: NOTHING, homes: { 1: { until: 4, at } } });
    assert.deepEqual(homes(siblings, 1, 2, 3), ["__proto__", "=HYPERLINK(1)", "\u202eerots"]);
  });
});

test("a device that has left the store is not named", () => {
  const siblings = new Siblings();
  siblings.hear({ generation: 1, changes: NOTHING, siblings: held(7, 3) });
  assert.deepEqual(heldDetails({ siblings, snapshot: { ...snapshot(), siblings: [] }, syncedAt: NOW }, "cpn_1_3"), {});
  assert.deepEqual(heldDetails({ siblings, snapshot: snapshot(), syncedAt: NOW }, "cpn_1_3"), {});
});

describe("without a network", () => {
  /** @param {string} text */
  async function scanned(text) {
    const server = new Server();
    const tablet = await atWork(server);
    tablet.sync.snapshot = { ...snapshot(), siblings: [two] };
    tablet.sync.siblings.hear({ generation: 1, changes: NOTHING, siblings: held(7, 3), homes: homed(9, 3, 5) });
    server.network = Array(9).fill("lost");
    await tablet.counter.scan(text);
    await rest();
    return /** @type {any} */ (tablet.counter.screen);
  }

  test("the clerk is told who can give a coupon, and as of when", async () => {
    chooseLanguage(["en"]);
    const { code, details } = await scanned(await coupon(3));
    assert.equal(code, "offline");
    const where = { now: NOW, zone: "Europe/Moscow", clerk: null, device: "", store: "" };
    const { state, word, because } = explain(code, details, where);
    assert.deepEqual([state, word, because], ["ask", "Ask another tablet", "Till 2 can give it, as of 12:00."]);
    assert.match(explain(code, details, { ...where, now: NOW + 86_400_000 }).because, /as of 21 November/);
    assert.match(explain("at_risk", details, where).advice, /^Till 2 can give it without that risk, as of 12:00\./);
  });

  test("a coupon without a known holder is not confirmed", async () => {
    const { code, details } = await scanned(await coupon(4));
    assert.equal(explain(code, details, { now: NOW, zone: "UTC", clerk: null, device: "", store: "" }).word, "Not confirmed");
  });

  test("a coupon's home at another store is named, but not if it can be given at risk here", async () => {
    chooseLanguage(["en"]);
    const { code, details } = await scanned(await coupon(5));
    const where = { now: NOW, zone: "Europe/Moscow", clerk: null, device: "", store: "" };
    const { state, word, because, advice } = explain(code, details, where);
    assert.deepEqual([state, word, because], ["ask", "Ask another store", "The annex can give it, as of 12:00."]);
    assert.match(advice, /^Send the customer there\./);
    assert.doesNotMatch(explain("at_risk", details, where).advice, /annex/);
  });
});
