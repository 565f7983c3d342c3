import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { IDLE_MS } from "../../../static/clerk/knowledge/state.js";
import { atWork, coupon, Disk, rest, Server, snapshot, switchOn, terms } from "../tablet.js";

const ONE = await coupon(1);
const EXPIRED = await coupon(2, { lastDay: 2000 });
const FORGED = ONE.slice(0, -1) + ((Number(ONE.at(-1)) + 1) % 10);

/** @typedef {Awaited<ReturnType<typeof atWork>>} On */

/** The screen as a word or two. @param {On} on */
function shown({ counter: { screen } }) {
  if (screen.name === "verdict") return `verdict ${screen.code}`;
  return screen.name === "unfinished" ? `unfinished ${screen.attempt.stage}` : screen.name;
}

/** @param {Server} [server] @param {Disk} [disk] */
async function scanned(server, disk) {
  const on = await atWork(server, disk);
  await on.counter.scan(ONE);
  return on;
}

/** @param {On} on what is in the journal after the unlock */
const kinds = ({ disk }) => disk.kinds.slice(disk.kinds.indexOf("unlock") + 1);

test("a scan verifies and gives nothing", async () => {
  const on = await scanned();
  assert.equal(shown(on), "verdict good");
  assert.equal(on.server.redeemed.size, 0);
});

test("the verdict is there before the server has answered", async () => {
  const on = await atWork();
  const seen = /** @type {string[]} */ ([]);
  on.server.meanwhile = () => void seen.push(shown(on));
  await on.counter.scan(ONE);
  assert.equal(seen.at(-1), "verdict good");
});

test("give: asked, answered, written, and only then shown", async () => {
  const on = await scanned();
  const written = /** @type {string[][]} */ ([]);
  on.counter.addEventListener("screen", () => void (on.counter.screen.name === "given" && written.push(kinds(on))));
  await on.counter.give();
  assert.equal(shown(on), "given");
  assert.deepEqual(written[0], ["ask", "gave"]);
  await on.counter.next();
  assert.deepEqual(kinds(on), ["ask", "gave", "done"]);
});

test("a double tap asks once", async () => {
  const on = await scanned();
  await Promise.all([on.counter.give(), on.counter.give(), on.counter.give()]);
  assert.deepEqual(kinds(on), ["ask", "gave"]);
  await Promise.all([on.counter.next(), on.counter.next()]);
  assert.deepEqual(kinds(on), ["ask", "gave", "done"]);
});

test("scanned again, it says when and by whom, also before the server does", async () => {
  const on = await scanned();
  await on.counter.give();
  await on.counter.next();
  const first = /** @type {any[]} */ ([]);
  on.counter.addEventListener("screen", () => void (on.counter.screen.name === "verdict" && first.push(on.counter.screen)));
  await on.counter.scan(ONE);
  assert.equal(first[0].code, "already_redeemed");
  assert.equal(first[0].details.here, true);
  assert.equal(first[0].details.clerk.id, "clk_1");
});

test("a coupon that another till has given is declined, and the ask is dropped", async () => {
  const on = await scanned();
  on.server.redeemed.set("cpn_1_1", "another till");
  await on.counter.give();
  assert.equal(shown(on), "verdict already_redeemed");
  assert.deepEqual(kinds(on), ["ask", "drop"]);
  assert.equal(on.server.redeemed.get("cpn_1_1"), "another till");
});

test("no answer: not confirmed; leaving drops it, and the coupon is open again", async () => {
  const on = await scanned();
  on.server.network = ["reply lost"];
  await on.counter.give();
  assert.equal(shown(on), "unconfirmed");
  await on.counter.drop();
  await rest();
  assert.equal(shown(on), "scan");
  assert.deepEqual(kinds(on), ["ask", "drop"]);
  assert.equal(on.server.redeemed.size, 0);
});

test("no answer, tried again: the same ask, given once", async () => {
  const on = await scanned();
  on.server.network = ["reply lost", "lost"];
  await on.counter.give();
  await on.counter.again();
  assert.equal(shown(on), "unconfirmed");
  await on.counter.again();
  assert.equal(shown(on), "given");
  assert.deepEqual(kinds(on), ["ask", "gave"]);
});

test("a yes that comes after the clerk turned back is ignored", async () => {
  const on = await scanned();
  on.server.meanwhile = async () => {
    on.server.meanwhile = null;
    await on.counter.drop();
  };
  await on.counter.give();
  await rest();
  assert.equal(shown(on), "scan");
  assert.deepEqual(kinds(on), ["ask", "drop"]);
  assert.equal(on.server.redeemed.size, 0);
});

test("a clerk who turns back when the yes is already written sees that it is given", async () => {
  const on = await scanned();
  on.server.network = ["reply lost"];
  await on.counter.give();
  await on.journal.append("gave", { of: on.journal.last });
  await on.counter.drop();
  await rest();
  assert.deepEqual(kinds(on), ["ask", "gave"]);
  assert.notEqual(shown(on), "scan");
});

test("while another coupon is not finished, none is asked for: that one comes first", async () => {
  const on = await scanned();
  await on.journal.append("ask", { coupon: EXPIRED });
  await on.counter.give();
  assert.equal(shown(on), "unfinished asking");
  assert.deepEqual(kinds(on), ["ask"]);
});

test("a journal that can't be written gives nothing", async () => {
  const on = await scanned();
  on.disk.broken = true;
  await assert.rejects(on.counter.give());
  assert.equal(shown(on), "fault");
  assert.equal(on.server.redeemed.size, 0);
});

test("a gave that can't be written is never shown as given", async () => {
  const on = await scanned();
  on.server.meanwhile = () => void (on.disk.broken = true);
  await assert.rejects(on.counter.give());
  assert.equal(shown(on), "fault");
});

test("an undo within the limit opens the coupon, and later there is none", async () => {
  const on = await scanned();
  await on.counter.give();
  assert.equal(on.counter.screen.name, "given");
  const { attempt } = /** @type {any} */ (on.counter.screen);
  on.clock.now += 31 * 60_000;
  await on.counter.undo(attempt, "mistake");
  assert.deepEqual(kinds(on), ["ask", "gave"]);
  on.clock.now -= 2 * 60_000;
  await on.counter.undo(attempt, "mistake");
  await rest();
  assert.deepEqual(kinds(on), ["ask", "gave", "undo"]);
  assert.equal(on.server.redeemed.size, 0);
});

test("while an undo is on its way to a slow disk, no screen says GIVE", async () => {
  const on = await scanned();
  await on.counter.give();
  const { attempt } = /** @type {any} */ (on.counter.screen);
  const { append } = on.disk;
  let write = () => undefined;
  const turned = new Promise((resolve) => void (write = /** @type {any} */ (resolve)));
  on.disk.append = (text) => turned.then(() => append(text));
  const undos = [on.counter.undo(attempt, "mistake"), on.counter.undo(attempt, "mistake")];
  await rest();
  assert.equal(shown(on), "undoing");
  write();
  await Promise.all(undos);
  assert.equal(shown(on), "undone");
  assert.deepEqual(kinds(on), ["ask", "gave", "undo"]);
});

test("an undo that can't follow any more leaves the screen as it was", async () => {
  const on = await scanned();
  await on.counter.give();
  const { attempt } = /** @type {any} */ (on.counter.screen);
  await on.journal.append("undo", { of: attempt.ask, reason: "another tab" });
  on.counter.mayUndo = () => true; // it was, when the clerk looked
  await on.counter.undo(attempt, "mistake");
  assert.equal(shown(on), "given");
});

describe("interrupted and opened again, it asks the right question", () => {
  test("between the verdict and Give: nothing to ask", async () => {
    const { disk, server } = await scanned();
    const on = await switchOn(server, disk);
    await on.counter.start();
    assert.equal(shown(on), "scan");
  });

  test("before the ask was sent: it is sent, then: was it handed over?", async () => {
    const { disk, server } = await scanned(withNetwork("lost"), undefined).then(giveUp);
    const on = await switchOn(server, disk);
    await on.counter.start();
    assert.equal(shown(on), "unfinished asking");
    await on.counter.finish(false);
    await rest();
    assert.equal(shown(on), "scan");
    assert.equal(server.redeemed.size, 0);
  });

  test("after the server said yes and before the screen did", async () => {
    const { disk, server } = await scanned(withNetwork("reply lost")).then(giveUp);
    assert.equal(server.redeemed.size, 1);
    const on = await switchOn(server, disk);
    await on.counter.start();
    await on.counter.finish(true);
    await rest();
    assert.deepEqual([shown(on), ...kinds(on)], ["scan", "ask", "gave", "done"]);
    assert.equal(server.redeemed.size, 1);
  });

  test("without a network: not confirmed, and the clerk may drop it", async () => {
    const { disk, server } = await scanned(withNetwork("reply lost")).then(giveUp);
    server.network = ["lost", "lost"];
    const on = await switchOn(server, disk);
    await on.counter.start();
    assert.equal(shown(on), "unconfirmed");
    await on.counter.drop();
    await on.sync.run();
    assert.equal(server.redeemed.size, 0);
  });

  test("after the gift: handed over? no", async () => {
    const { disk, server } = await scanned().then(giveUp);
    const on = await switchOn(server, disk);
    await on.counter.start();
    assert.equal(shown(on), "unfinished given");
    await on.counter.finish(false);
    await rest();
    assert.deepEqual([shown(on), ...kinds(on)], ["scan", "ask", "gave", "undo"]);
    assert.equal(server.redeemed.size, 0);
  });

  test("after the gift was declined elsewhere: the decline", async () => {
    const { disk, server } = await scanned(withNetwork("lost")).then(giveUp);
    server.redeemed.set("cpn_1_1", "another till");
    const on = await switchOn(server, disk);
    await on.counter.start();
    assert.equal(shown(on), "verdict already_redeemed");
  });

  test("after a long while: the lock first, then the question", async () => {
    const { disk, server } = await scanned().then(giveUp);
    const on = await switchOn(server, disk);
    on.clock.now += IDLE_MS;
    await on.counter.start();
    assert.equal(shown(on), "locked");
    on.counter.choose("clk_1");
    await on.counter.unlock("4071");
    assert.equal(shown(on), "unfinished given");
  });
});

describe("what the tablet declines by itself", () => {
  test("a forged coupon, without asking the server", async () => {
    const on = await atWork();
    const asked = on.server.requests.length;
    await on.counter.scan(FORGED);
    assert.equal(shown(on), "verdict unknown_coupon");
    assert.equal(
      on.server.requests.slice(asked).some(({ verify }) => verify),
      false,
    );
    assert.deepEqual(kinds(on), ["decline"]);
  });

  test("something that is no coupon", async () => {
    const on = await atWork();
    await on.counter.scan("https://example.org/menu");
    assert.equal(shown(on), "verdict not_a_coupon");
  });

  test("an expired one, also without a network", async () => {
    const on = await atWork();
    on.server.network = ["lost"];
    await on.counter.scan(EXPIRED);
    assert.equal(shown(on), "verdict expired");
  });
});

test("a good coupon without a network is not confirmed, and trying again confirms it", async () => {
  const on = await atWork();
  on.server.network = ["lost"];
  await on.counter.scan(ONE);
  assert.equal(shown(on), "verdict offline");
  await on.counter.give();
  assert.equal(shown(on), "verdict offline");
  await on.counter.again();
  assert.equal(shown(on), "verdict good");
});

test("a coupon that another till holds is brought here, when that till gives it back", async () => {
  const on = await atWork();
  on.server.heldElsewhere.add("cpn_1_1");
  await on.counter.scan(ONE);
  assert.equal(shown(on), "verdict held_elsewhere");
  await on.counter.give();
  assert.deepEqual(kinds(on), ["decline"]);
  await on.counter.fetch();
  assert.equal(shown(on), "verdict held_elsewhere");
  let looks = 0;
  on.server.meanwhile = () => void (++looks === 3 && on.server.heldElsewhere.clear());
  await on.counter.fetch();
  assert.equal(shown(on), "verdict good");
  await on.counter.give();
  assert.equal(shown(on), "given");
});

test("a refusal is one entry with its reason", async () => {
  const on = await scanned();
  await on.counter.refuse("out_of_stock", ONE);
  assert.equal(shown(on), "scan");
  assert.deepEqual(kinds(on), ["refusal"]);
});

/** @param {...import("../tablet.js").Mishap} ofTheAsk what happens to the request after the one that verifies */
function withNetwork(...ofTheAsk) {
  const server = new Server();
  server.network = /** @type {any[]} */ ([undefined, ...ofTheAsk]);
  return server;
}

/** Gives, and then the browser is killed: only the disk and the server stay. @param {On} on */
async function giveUp(on) {
  await on.counter.give();
  await rest();
  return on;
}

test("at another store the clerk of before is locked out, also after a restart", async () => {
  const server = new Server();
  const on = await atWork(server);
  server.move = "sto_2";
  await on.sync.run();
  await rest();
  assert.equal(shown(on), "locked");
  assert.equal(on.disk.kinds.at(-1), "lock");
  const again = await switchOn(server, on.disk);
  await again.counter.start();
  assert.equal(shown(again), "locked");
});

test("what was given at another store is not told as given here", async () => {
  const server = new Server();
  const on = await scanned(server);
  await on.counter.give();
  await on.counter.next();
  server.move = "sto_2";
  await on.sync.run();
  await rest();
  on.counter.choose("clk_2");
  await on.counter.unlock("5280");
  server.network = ["lost"];
  await on.counter.scan(ONE);
  assert.equal(shown(on), "verdict already_redeemed");
  assert.deepEqual(/** @type {any} */ (on.counter.screen).details, {});
});

test("while it is on its way nothing is given at risk", async () => {
  const server = new Server();
  server.told.campaigns = server.told.campaigns.map((campaign) => ({
    ...campaign,
    terms: terms({ offline: { policy: "at_risk", coupons: 3, value: 3, hours: 24, bearer: "partner" } }),
  }));
  server.told.etag = "at risk";
  const on = await atWork(server);
  await on.sync.run();
  server.network = ["lost"];
  await on.counter.scan(ONE);
  assert.equal(shown(on), "verdict at_risk");
  await on.counter.next();
  await rest();
  await on.journal.append("move", { store: "sto_2", epoch: 0 });
  server.network = ["lost", "lost"];
  await on.counter.scan(ONE);
  assert.equal(shown(on), "verdict offline");
});

test("a clerk who is no longer of the store is locked out as soon as the tablet hears of it, but never in the middle of a coupon", async () => {
  const on = await scanned();
  on.sync.snapshot = { ...snapshot(), clerks: [] };
  await on.sync.run();
  assert.equal(on.counter.screen.name, "verdict");
  await on.counter.next();
  await on.sync.run();
  await rest();
  assert.equal(on.counter.screen.name, "locked");
  assert.equal(on.disk.kinds.at(-1), "lock");
});

describe("a tablet that the server does not know any more, such as one that was enrolled after the backup", () => {
  async function refused() {
    const server = new Server();
    const [campaign, number] = [1, 1];
    server.grants = [[campaign, number, 4, "", 65535]];
    const on = await atWork(server);
    await on.sync.run();
    server.grants = [];
    await on.counter.scan(ONE);
    assert.equal(shown(on), "verdict good");
    server.refusal = { status: 401, code: "not_signed" };
    await assert.rejects(on.sync.run());
    return { on, server };
  }

  test("gives no more what it held, from the moment that it hears so", async () => {
    const { on } = await refused();
    assert.equal(on.sync.mustEnrol, true);
    await on.counter.give();
    assert.equal(shown(on), "verdict offline");
    assert.equal(on.disk.kinds.includes("gave-held"), false);
  });

  test("knows it after a restart without a network, and forgets it when the server takes it again", async () => {
    const { on, server } = await refused();
    server.refusal = null;
    server.network = Array(5).fill("lost");
    const again = await switchOn(server, on.disk);
    assert.equal(again.sync.mustEnrol, true);
    server.network = [];
    await again.sync.run();
    assert.equal(again.sync.mustEnrol, false);
    assert.equal((await switchOn(server, on.disk)).sync.mustEnrol, false);
  });
});
