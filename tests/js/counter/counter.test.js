import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { IDLE_MS } from "../../../static/clerk/knowledge/state.js";
import { atWork, coupon, Disk, rest, Server, snapshot, switchOn, terms } from "../tablet.js";

const ONE = await coupon(1);
const EXPIRED = await coupon(2, { lastDay: 2000 });
const FORGED = ONE.slice(0, -1) + ((Number(ONE.at(-1)) + 1) % 10);

/** @typedef {Awaited<ReturnType<typeof atWork>>} Tablet */

/** The screen in a word or two. @param {Tablet} tablet */
function shown({ counter: { screen } }) {
  if (screen.name === "verdict") return `verdict ${screen.code}`;
  return screen.name === "unfinished" ? `unfinished ${screen.attempt.stage}` : screen.name;
}

/** @param {Server} [server] @param {Disk} [disk] */
async function scanned(server, disk) {
  const tablet = await atWork(server, disk);
  await tablet.counter.scan(ONE);
  return tablet;
}

/** The kinds of the entries after the unlock. @param {Tablet} tablet */
const kinds = ({ disk }) => disk.kinds.slice(disk.kinds.indexOf("unlock") + 1);

test("a scan verifies and gives nothing", async () => {
  const tablet = await scanned();
  assert.equal(shown(tablet), "verdict good");
  assert.equal(tablet.server.redeemed.size, 0);
});

test("the verdict is there before the server has answered", async () => {
  const tablet = await atWork();
  const seen = /** @type {string[]} */ ([]);
  tablet.server.meanwhile = () => void seen.push(shown(tablet));
  await tablet.counter.scan(ONE);
  assert.equal(seen.at(-1), "verdict good");
});

test("a gift is asked for, answered and written before it is shown", async () => {
  const tablet = await scanned();
  const written = /** @type {string[][]} */ ([]);
  tablet.counter.addEventListener("screen", () => void (tablet.counter.screen.name === "given" && written.push(kinds(tablet))));
  await tablet.counter.give();
  assert.equal(shown(tablet), "given");
  assert.deepEqual(written[0], ["ask", "gave"]);
  await tablet.counter.next();
  assert.deepEqual(kinds(tablet), ["ask", "gave", "done"]);
});

test("a double tap writes one ask", async () => {
  const tablet = await scanned();
  await Promise.all([tablet.counter.give(), tablet.counter.give(), tablet.counter.give()]);
  assert.deepEqual(kinds(tablet), ["ask", "gave"]);
  await Promise.all([tablet.counter.next(), tablet.counter.next()]);
  assert.deepEqual(kinds(tablet), ["ask", "gave", "done"]);
});

test("a coupon given here and scanned again shows when and by whom before the server answers", async () => {
  const tablet = await scanned();
  await tablet.counter.give();
  await tablet.counter.next();
  const first = /** @type {any[]} */ ([]);
  tablet.counter.addEventListener("screen", () => void (tablet.counter.screen.name === "verdict" && first.push(tablet.counter.screen)));
  await tablet.counter.scan(ONE);
  assert.equal(first[0].code, "already_redeemed");
  assert.equal(first[0].details.here, true);
  assert.equal(first[0].details.clerk.id, "clk_1");
});

test("a coupon given at another till is declined, and the ask is dropped", async () => {
  const tablet = await scanned();
  tablet.server.redeemed.set("cpn_1_1", "another till");
  await tablet.counter.give();
  assert.equal(shown(tablet), "verdict already_redeemed");
  assert.deepEqual(kinds(tablet), ["ask", "drop"]);
  assert.equal(tablet.server.redeemed.get("cpn_1_1"), "another till");
});

test("without an answer it is not confirmed; a drop opens the coupon again", async () => {
  const tablet = await scanned();
  tablet.server.network = ["reply lost"];
  await tablet.counter.give();
  assert.equal(shown(tablet), "unconfirmed");
  await tablet.counter.drop();
  await rest();
  assert.equal(shown(tablet), "scan");
  assert.deepEqual(kinds(tablet), ["ask", "drop"]);
  assert.equal(tablet.server.redeemed.size, 0);
});

test("trying again after no answer sends the same ask, and gives once", async () => {
  const tablet = await scanned();
  tablet.server.network = ["reply lost", "lost"];
  await tablet.counter.give();
  await tablet.counter.again();
  assert.equal(shown(tablet), "unconfirmed");
  await tablet.counter.again();
  assert.equal(shown(tablet), "given");
  assert.deepEqual(kinds(tablet), ["ask", "gave"]);
});

test("a yes that comes after the drop is ignored", async () => {
  const tablet = await scanned();
  tablet.server.meanwhile = async () => {
    tablet.server.meanwhile = null;
    await tablet.counter.drop();
  };
  await tablet.counter.give();
  await rest();
  assert.equal(shown(tablet), "scan");
  assert.deepEqual(kinds(tablet), ["ask", "drop"]);
  assert.equal(tablet.server.redeemed.size, 0);
});

test("a drop after the gave is not written, and the screen does not return to the scanner", async () => {
  const tablet = await scanned();
  tablet.server.network = ["reply lost"];
  await tablet.counter.give();
  await tablet.journal.append("gave", { of: tablet.journal.last });
  await tablet.counter.drop();
  await rest();
  assert.deepEqual(kinds(tablet), ["ask", "gave"]);
  assert.notEqual(shown(tablet), "scan");
});

test("while another coupon is unfinished no ask is written, and its question is shown", async () => {
  const tablet = await scanned();
  await tablet.journal.append("ask", { coupon: EXPIRED });
  await tablet.counter.give();
  assert.equal(shown(tablet), "unfinished asking");
  assert.deepEqual(kinds(tablet), ["ask"]);
});

test("a journal that can't be written gives nothing", async () => {
  const tablet = await scanned();
  tablet.disk.broken = true;
  await assert.rejects(tablet.counter.give());
  assert.equal(shown(tablet), "fault");
  assert.equal(tablet.server.redeemed.size, 0);
});

test("a gift whose gave can't be written is not shown as given", async () => {
  const tablet = await scanned();
  tablet.server.meanwhile = () => void (tablet.disk.broken = true);
  await assert.rejects(tablet.counter.give());
  assert.equal(shown(tablet), "fault");
});

test("an undo opens the coupon within the limit, and is impossible later", async () => {
  const tablet = await scanned();
  await tablet.counter.give();
  assert.equal(tablet.counter.screen.name, "given");
  const { attempt } = /** @type {any} */ (tablet.counter.screen);
  tablet.clock.now += 31 * 60_000;
  await tablet.counter.undo(attempt, "mistake");
  assert.deepEqual(kinds(tablet), ["ask", "gave"]);
  tablet.clock.now -= 2 * 60_000;
  await tablet.counter.undo(attempt, "mistake");
  await rest();
  assert.deepEqual(kinds(tablet), ["ask", "gave", "undo"]);
  assert.equal(tablet.server.redeemed.size, 0);
});

test("while a slow disk writes an undo, no screen says to hand over the gift", async () => {
  const tablet = await scanned();
  await tablet.counter.give();
  const { attempt } = /** @type {any} */ (tablet.counter.screen);
  const { append } = tablet.disk;
  let write = () => undefined;
  const turn = new Promise((resolve) => void (write = /** @type {any} */ (resolve)));
  tablet.disk.append = (text) => turn.then(() => append(text));
  const undos = [tablet.counter.undo(attempt, "mistake"), tablet.counter.undo(attempt, "mistake")];
  await rest();
  assert.equal(shown(tablet), "undoing");
  write();
  await Promise.all(undos);
  assert.equal(shown(tablet), "undone");
  assert.deepEqual(kinds(tablet), ["ask", "gave", "undo"]);
});

test("an undo that is no longer allowed leaves the screen as it was", async () => {
  const tablet = await scanned();
  await tablet.counter.give();
  const { attempt } = /** @type {any} */ (tablet.counter.screen);
  await tablet.journal.append("undo", { of: attempt.ask, reason: "another tab" });
  tablet.counter.mayUndo = () => true; // as it was when the clerk looked
  await tablet.counter.undo(attempt, "mistake");
  assert.equal(shown(tablet), "given");
});

describe("after an interruption the page opens with the right question", () => {
  test("between the verdict and Give: none", async () => {
    const { disk, server } = await scanned();
    const tablet = await switchOn(server, disk);
    await tablet.counter.start();
    assert.equal(shown(tablet), "scan");
  });

  test("before the ask was sent: it is sent, then was it handed over?", async () => {
    const { disk, server } = await scanned(withNetwork("lost"), undefined).then(giveAndKill);
    const tablet = await switchOn(server, disk);
    await tablet.counter.start();
    assert.equal(shown(tablet), "unfinished asking");
    await tablet.counter.finish(false);
    await rest();
    assert.equal(shown(tablet), "scan");
    assert.equal(server.redeemed.size, 0);
  });

  test("between the server's yes and the screen: was it handed over? yes", async () => {
    const { disk, server } = await scanned(withNetwork("reply lost")).then(giveAndKill);
    assert.equal(server.redeemed.size, 1);
    const tablet = await switchOn(server, disk);
    await tablet.counter.start();
    await tablet.counter.finish(true);
    await rest();
    assert.deepEqual([shown(tablet), ...kinds(tablet)], ["scan", "ask", "gave", "done"]);
    assert.equal(server.redeemed.size, 1);
  });

  test("without a network: not confirmed, and the clerk can drop it", async () => {
    const { disk, server } = await scanned(withNetwork("reply lost")).then(giveAndKill);
    server.network = ["lost", "lost"];
    const tablet = await switchOn(server, disk);
    await tablet.counter.start();
    assert.equal(shown(tablet), "unconfirmed");
    await tablet.counter.drop();
    await tablet.sync.run();
    assert.equal(server.redeemed.size, 0);
  });

  test("after the gift: was it handed over? no", async () => {
    const { disk, server } = await scanned().then(giveAndKill);
    const tablet = await switchOn(server, disk);
    await tablet.counter.start();
    assert.equal(shown(tablet), "unfinished given");
    await tablet.counter.finish(false);
    await rest();
    assert.deepEqual([shown(tablet), ...kinds(tablet)], ["scan", "ask", "gave", "undo"]);
    assert.equal(server.redeemed.size, 0);
  });

  test("if another till has given it meanwhile: declined", async () => {
    const { disk, server } = await scanned(withNetwork("lost")).then(giveAndKill);
    server.redeemed.set("cpn_1_1", "another till");
    const tablet = await switchOn(server, disk);
    await tablet.counter.start();
    assert.equal(shown(tablet), "verdict already_redeemed");
  });

  test("after a long time: the lock first, then the question", async () => {
    const { disk, server } = await scanned().then(giveAndKill);
    const tablet = await switchOn(server, disk);
    tablet.clock.now += IDLE_MS;
    await tablet.counter.start();
    assert.equal(shown(tablet), "locked");
    tablet.counter.choose("clk_1");
    await tablet.counter.unlock("4071");
    assert.equal(shown(tablet), "unfinished given");
  });
});

describe("the tablet itself declines", () => {
  test("a forged coupon, without asking the server", async () => {
    const tablet = await atWork();
    const asked = tablet.server.requests.length;
    await tablet.counter.scan(FORGED);
    assert.equal(shown(tablet), "verdict unknown_coupon");
    assert.equal(
      tablet.server.requests.slice(asked).some(({ verify }) => verify),
      false,
    );
    assert.deepEqual(kinds(tablet), ["decline"]);
  });

  test("something that is not a coupon", async () => {
    const tablet = await atWork();
    await tablet.counter.scan("https://example.org/menu");
    assert.equal(shown(tablet), "verdict not_a_coupon");
  });

  test("an expired coupon, without a network too", async () => {
    const tablet = await atWork();
    tablet.server.network = ["lost"];
    await tablet.counter.scan(EXPIRED);
    assert.equal(shown(tablet), "verdict expired");
  });
});

test("a good coupon without a network is not confirmed, and trying again confirms it", async () => {
  const tablet = await atWork();
  tablet.server.network = ["lost"];
  await tablet.counter.scan(ONE);
  assert.equal(shown(tablet), "verdict offline");
  await tablet.counter.give();
  assert.equal(shown(tablet), "verdict offline");
  await tablet.counter.again();
  assert.equal(shown(tablet), "verdict good");
});

test("a coupon that another till holds can be given here once that till releases it", async () => {
  const tablet = await atWork();
  tablet.server.heldElsewhere.add("cpn_1_1");
  await tablet.counter.scan(ONE);
  assert.equal(shown(tablet), "verdict held_elsewhere");
  await tablet.counter.give();
  assert.deepEqual(kinds(tablet), ["decline"]);
  await tablet.counter.fetch();
  assert.equal(shown(tablet), "verdict held_elsewhere");
  let looks = 0;
  tablet.server.meanwhile = () => void (++looks === 3 && tablet.server.heldElsewhere.clear());
  await tablet.counter.fetch();
  assert.equal(shown(tablet), "verdict good");
  await tablet.counter.give();
  assert.equal(shown(tablet), "given");
});

test("a refusal is one entry", async () => {
  const tablet = await scanned();
  await tablet.counter.refuse("out_of_stock", ONE);
  assert.equal(shown(tablet), "scan");
  assert.deepEqual(kinds(tablet), ["refusal"]);
});

/** A server that answers the first request, the verify. @param {...import("../tablet.js").Mishap} later of the next requests */
function withNetwork(...later) {
  const server = new Server();
  server.network = /** @type {any[]} */ ([undefined, ...later]);
  return server;
}

/** Gives; the test then goes on with the disk and the server alone, as after a kill of the browser. @param {Tablet} tablet */
async function giveAndKill(tablet) {
  await tablet.counter.give();
  await rest();
  return tablet;
}

test("after a move to another store the clerk is locked out, after a restart too", async () => {
  const server = new Server();
  const tablet = await atWork(server);
  server.move = "sto_2";
  await tablet.sync.run();
  await rest();
  assert.equal(shown(tablet), "locked");
  assert.equal(tablet.disk.kinds.at(-1), "lock");
  const again = await switchOn(server, tablet.disk);
  await again.counter.start();
  assert.equal(shown(again), "locked");
});

test("a gift at the store before the move is not shown as given here", async () => {
  const server = new Server();
  const tablet = await scanned(server);
  await tablet.counter.give();
  await tablet.counter.next();
  server.move = "sto_2";
  await tablet.sync.run();
  await rest();
  tablet.counter.choose("clk_2");
  await tablet.counter.unlock("5280");
  server.network = ["lost"];
  await tablet.counter.scan(ONE);
  assert.equal(shown(tablet), "verdict already_redeemed");
  assert.deepEqual(/** @type {any} */ (tablet.counter.screen).details, {});
});

test("nothing is given at risk until the server acknowledges the move", async () => {
  const server = new Server();
  server.snapshot.campaigns = server.snapshot.campaigns.map((campaign) => ({
    ...campaign,
    terms: terms({ offline: { policy: "at_risk", coupons: 3, value: 3, hours: 24, bearer: "partner" } }),
  }));
  server.snapshot.etag = "at risk";
  const tablet = await atWork(server);
  await tablet.sync.run();
  server.network = ["lost"];
  await tablet.counter.scan(ONE);
  assert.equal(shown(tablet), "verdict at_risk");
  await tablet.counter.next();
  await rest();
  await tablet.journal.append("move", { store: "sto_2", epoch: 0 });
  server.network = ["lost", "lost"];
  await tablet.counter.scan(ONE);
  assert.equal(shown(tablet), "verdict offline");
});

test("a clerk who has left the store is locked out at the next sync, but not during a coupon", async () => {
  const tablet = await scanned();
  tablet.sync.snapshot = { ...snapshot(), clerks: [] };
  await tablet.sync.run();
  assert.equal(tablet.counter.screen.name, "verdict");
  await tablet.counter.next();
  await tablet.sync.run();
  await rest();
  assert.equal(tablet.counter.screen.name, "locked");
  assert.equal(tablet.disk.kinds.at(-1), "lock");
});

describe("a tablet that a restored server does not know", () => {
  async function refused() {
    const server = new Server();
    const [campaign, number] = [1, 1];
    server.grants = [[campaign, number, 4, "", 65535]];
    const tablet = await atWork(server);
    await tablet.sync.run();
    server.grants = [];
    await tablet.counter.scan(ONE);
    assert.equal(shown(tablet), "verdict good");
    server.refusal = { status: 401, code: "not_signed" };
    await assert.rejects(tablet.sync.run());
    return { tablet, server };
  }

  test("no longer gives its held coupons once it is refused", async () => {
    const { tablet } = await refused();
    assert.equal(tablet.sync.mustEnrol, true);
    await tablet.counter.give();
    assert.equal(shown(tablet), "verdict offline");
    assert.equal(tablet.disk.kinds.includes("gave-held"), false);
  });

  test("remembers the refusal after an offline restart, and forgets it when the server accepts it again", async () => {
    const { tablet, server } = await refused();
    server.refusal = null;
    server.network = Array(5).fill("lost");
    const again = await switchOn(server, tablet.disk);
    assert.equal(again.sync.mustEnrol, true);
    server.network = [];
    await again.sync.run();
    assert.equal(again.sync.mustEnrol, false);
    assert.equal((await switchOn(server, tablet.disk)).sync.mustEnrol, false);
  });
});
