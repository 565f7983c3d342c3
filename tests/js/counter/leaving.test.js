import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { atWork, CLERK, coupon, rest, Server, terms } from "../tablet.js";

const ONE = await coupon(1);
const OTHER = await coupon(1, { campaign: 9 });

/** @typedef {Awaited<ReturnType<typeof atWork>>} On */

/** @param {On} on */
const shown = ({ counter: { screen } }) => (screen.name === "verdict" ? `verdict ${screen.code}` : screen.name);

/** @param {On} on */
async function leaveAndComeBack(on) {
  await on.counter.lock();
  assert.equal(shown(on), "locked");
  assert.equal(on.counter.clerk, null);
  on.counter.choose(CLERK.id);
  await on.counter.unlock("4071");
  return shown(on);
}

describe("a till that was left alone locks, whatever it shows, and is unlocked where", () => {
  test("nothing was given, on the scanner", async () => {
    const on = await atWork();
    await on.counter.scan(ONE);
    assert.equal(await leaveAndComeBack(on), "scan");
    assert.equal(on.server.redeemed.size, 0);
  });
  test("a gift was given, on the question whether it was handed over", async () => {
    const on = await atWork();
    await on.counter.scan(ONE);
    await on.counter.give();
    assert.equal(await leaveAndComeBack(on), "unfinished");
  });
  test("a gift was not confirmed, on the same question, when the shop has said yes by then", async () => {
    const on = await atWork();
    await on.counter.scan(ONE);
    on.server.network = ["reply lost"];
    await on.counter.give();
    assert.equal(shown(on), "unconfirmed");
    assert.equal(await leaveAndComeBack(on), "unfinished");
    assert.equal(on.disk.kinds.filter((kind) => kind === "ask").length, 1);
  });
  test("never while an answer is on its way", async () => {
    const on = await atWork();
    await on.counter.scan(ONE);
    const seen = /** @type {string[]} */ ([]);
    on.server.meanwhile = async () => {
      await on.counter.lock();
      seen.push(shown(on));
    };
    await on.counter.give();
    assert.equal(seen[0], "asking");
  });
});

describe("while the shop's server is being restored", () => {
  test("the clerk is told so, tries again, and gives when it is over", async () => {
    const on = await atWork();
    on.server.restoring = true;
    await on.counter.scan(ONE);
    assert.equal(shown(on), "verdict recovering");
    await on.counter.give();
    await on.counter.again();
    assert.equal(shown(on), "verdict recovering");
    on.server.restoring = false;
    await on.counter.again();
    assert.equal(shown(on), "verdict good");
    await on.counter.give();
    assert.equal(shown(on), "given");
  });
  test("a gift that was asked for before that is not given, and the coupon stays good", async () => {
    const on = await atWork();
    await on.counter.scan(ONE);
    on.server.restoring = true;
    await on.counter.give();
    assert.equal(shown(on), "verdict recovering");
    assert.equal(on.disk.kinds.includes("gave"), false);
    on.server.restoring = false;
    await on.counter.again();
    assert.equal(shown(on), "verdict good");
  });
  test("and out of reach, nobody answers any more", async () => {
    const on = await atWork();
    on.server.restoring = true;
    await on.counter.scan(ONE);
    on.server.network = ["lost"];
    await on.counter.again();
    assert.equal(shown(on), "verdict offline");
  });
});

describe("where the shop was silent just now", () => {
  /** What the screens say while a coupon is scanned. @param {"lost"[]} network @param {Parameters<typeof atWork>} given */
  async function scanned(network, ...given) {
    const on = await atWork(...given);
    await on.sync.run();
    on.server.network = ["lost"];
    await assert.rejects(on.sync.run());
    const seen = /** @type {string[]} */ ([]);
    on.counter.addEventListener("screen", () => void seen.push(shown(on)));
    on.server.network = network;
    await on.counter.scan(ONE);
    return { on, seen };
  }

  test("no screen says GIVE before it has answered, and the clerk need not wait for the silence", async () => {
    const { on, seen } = await scanned(["lost"]);
    await on.counter.next();
    await rest();
    await on.counter.scan(ONE);
    assert.deepEqual(seen, ["verdict offline", "verdict offline", "scan", "verdict good", "verdict good"]);
  });

  test("its answer, if it has one after all, replaces what the tablet said", async () => {
    const { seen } = await scanned([]);
    assert.deepEqual(seen, ["verdict offline", "verdict good"]);
  });

  test("nothing is offered at risk before it is silent again", async () => {
    const server = new Server();
    server.told.campaigns = server.told.campaigns.map((campaign) => ({
      ...campaign,
      terms: terms({ offline: { policy: "at_risk", coupons: 3, value: 3, hours: 24, bearer: "partner" } }),
    }));
    server.told.etag = "at risk";
    assert.deepEqual((await scanned(["lost"], server)).seen, ["checking", "verdict at_risk"]);
  });
});

test("without a network the till says that it has not heard of the campaign", async () => {
  const on = await atWork();
  on.server.network = ["lost"];
  await on.counter.scan(OTHER);
  assert.deepEqual(/** @type {any} */ (on.counter.screen).details, { unknownCampaign: true });
  assert.equal(shown(on), "verdict offline");
});
