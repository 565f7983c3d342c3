/**
 * A tablet in Node: the real journal, sync and counter over a file in memory, and a server that follows docs/protocol.md.
 *
 * `server.network` lists what happens to the next requests; after these, the network works.
 */
import { Api } from "../../static/clerk/server/api.js";
import { Counter } from "../../static/clerk/counter/counter.js";
import { Journal, ownerRecord } from "../../static/clerk/storage/journal.js";
import { OldJournals } from "../../static/clerk/storage/old-journals.js";
import { Sync } from "../../static/clerk/server/sync.js";
import { checker, couponId, read, write } from "../../static/clerk/domain/tokens.js";
import { emptyPast, take } from "../../static/clerk/knowledge/state.js";
import { toBase64url, utf8 } from "../../static/clerk/domain/bytes.js";

/** @import { Entry, Snapshot } from "../../static/clerk/knowledge/state.js" */
/** @import { Terms } from "../../static/clerk/domain/rules.js" */

export const NOW = Date.UTC(2026, 10, 21, 9, 0);
export const DEVICE = "dev_01M7ZZZZZZZZZZZZZZZZZZZZZZ";
export const CLERK = { id: "clk_1", name: "Anna" };
const { subtle } = globalThis.crypto;

const issuer = /** @type {CryptoKeyPair} */ (await subtle.generateKey("Ed25519", false, ["sign", "verify"]));
const tabletKeys = /** @type {CryptoKeyPair} */ (await subtle.generateKey("Ed25519", false, ["sign", "verify"]));
const publicKey = toBase64url(new Uint8Array(await subtle.exportKey("raw", issuer.publicKey)));
export const check = checker(subtle, async () => false);
export const sign = async (/** @type {Uint8Array<ArrayBuffer>} */ bytes) =>
  new Uint8Array(await counted(subtle.sign("Ed25519", tabletKeys.privateKey, bytes)));
export const tabletKey = tabletKeys.publicKey;

/** @param {number} number @param {{campaign?: number, lastDay?: number, kid?: number}} [said] @returns {Promise<string>} the 183 digits */
export async function coupon(number, { campaign = 1, lastDay = 65535, kid = 1 } = {}) {
  const payload = new Uint8Array(12);
  const view = new DataView(payload.buffer);
  view.setUint8(0, 1);
  view.setUint8(1, kid);
  view.setUint32(2, campaign);
  view.setUint32(6, number);
  view.setUint16(10, lastDay);
  const signature = new Uint8Array(
    await subtle.sign("Ed25519", issuer.privateKey, new Uint8Array([...utf8("redeem-coupon-v1\0"), ...payload])),
  );
  return write({ keyId: kid, campaign, number, lastDay, payload, signature });
}

/** @param {Partial<Terms>} [changes] @returns {Terms} */
export const terms = (changes) => ({
  v: 1,
  offer: { en: { title: "A free cappuccino" } },
  windows: {},
  partners: ["prt_1"],
  stores: [],
  value: { amount: 1, currency: "RUB" },
  handling_fee: { amount: 0, currency: "RUB" },
  funding: "issuer",
  offline: { policy: "held_only" },
  undo_minutes: 30,
  ...changes,
});

/** @returns {Snapshot} */
export const snapshot = () => ({
  etag: "one",
  store: { id: "sto_1", name: "North", partner: "prt_1", time_zone: "Europe/Moscow" },
  partner: { id: "prt_1", name: "North Coffee" },
  device: { id: DEVICE, name: "Till 1" },
  campaigns: [{ id: "cmp_1", number: 1, name: "Autumn", terms: terms() }],
  keys: [{ kid: 1, alg: "Ed25519", public_key: publicKey, status: "active" }],
  clerks: [CLERK],
});

/** What a journal with these entries means. @param {Entry[]} entries */
export function pastOf(entries) {
  const past = emptyPast();
  for (const entry of entries) take(past, entry);
  return past;
}

/**
 * What may happen to a request: it is lost, its reply is lost, the server fails, another server answers.
 * @typedef {"lost" | "reply lost" | "500" | "stranger"} Mishap
 */

export class Server {
  /** @type {Mishap[]} */
  network = [];
  /** Awaited before each reply, so that a test can do something meanwhile. @type {(() => unknown) | null} */
  meanwhile = null;
  /** @type {any[]} */
  requests = [];
  /** @type {{text: string, answer: any}[]} */
  taken = [];
  /** Standing gifts: coupon id to ask number, or "another till". @type {Map<string, number | string>} */
  redeemed = new Map();
  /** @type {{status: number, code: string} | null} */
  refusal = null;
  /** A fault of the journal or the tablet: entries go to quarantine, up to number `kept`. @type {string | undefined} */
  fault;
  kept = 0;
  /** Coupons held by another till, by id. @type {Set<string>} */
  heldElsewhere = new Set();
  /** Holds of this tablet that are recalled: campaign, number, epoch. @type {[number, number, number][]} */
  recalls = [];
  /** @type {import("../../static/clerk/knowledge/holds.js").Grant[]} holds to send */
  grants = [];
  /** What changed since the last list; undefined: the tablet must fetch its sets. @type {any} */
  changes = { position: "1.1", campaigns: {} };
  /** The store to which a manager moves this tablet. @type {string | undefined} */
  move;
  snapshot = snapshot();
  /** Of a restored server: its generation, and whether this tablet's report is complete. */
  generation = 1;
  reported = true;
  /** A restored server that waits for other devices: it can't answer for a coupon that nobody holds. */
  restoring = false;
  /** @type {number[][]} */
  claimed = [];
  /** The sealed copies that it was handed, a list for each request with some. @type {string[][]} */
  copies = [];
  /** It can't read entries before all copies are here. */
  lacksCampaign = false;
  /** The texts of entries received of old journals. @type {Set<string>} */
  handedIn = new Set();
  /** The code with which it refuses old journals. @type {string | undefined} */
  refusesOld;
  /** What it signs of the journal's end. @type {import("../../static/clerk/knowledge/state.js").Receipt | undefined} */
  receipt;
  /** How many entries of each batch of an old journal it does not keep. @type {number | undefined} */
  oldRefused;

  /** @param {string} _url @param {RequestInit} request @returns {Promise<Response>} */
  fetch = async (_url, request) => {
    const mishap = this.network.shift();
    const body = JSON.parse(new TextDecoder().decode(/** @type {Uint8Array} */ (request.body)));
    this.requests.push(body);
    if (mishap === "lost") throw new TypeError("network");
    if (mishap === "500") return Response.json({ code: "internal" }, { status: 500 });
    if (mishap === "stranger") return new Response("<html>Welcome to our hotel</html>");
    if (this.refusal) return Response.json({ code: this.refusal.code }, { status: this.refusal.status });
    if (body.old && this.refusesOld) return Response.json({ code: this.refusesOld }, { status: 429 });
    const reply = this.#sync(body);
    await this.meanwhile?.();
    if (request.signal?.aborted || mishap === "reply lost") throw new TypeError("network");
    return Response.json(reply);
  };

  /** @param {any} body */
  #sync(body) {
    const { entries, verify, known, old } = body;
    if (body.copies) this.copies.push(body.copies);
    if (body.generation === this.generation && !body.more_copies) this.lacksCampaign = false;
    for (const { text } of old?.entries ?? []) this.handedIn.add(text);
    /** @type {Record<number, any>} */
    const answers = {};
    for (const { text } of entries) {
      const entry = JSON.parse(text);
      if (this.fault) {
        this.kept = Math.max(this.kept, entry.n);
        continue;
      }
      if (entry.n > this.taken.length + 1) break;
      if (entry.n > this.taken.length && this.lacksCampaign && "coupon" in entry) break;
      answers[entry.n] = this.#answer(entry, text);
    }
    const verdict = verify && { code: this.#verdict(couponId(read(verify))), redeemed_at: new Date(NOW).toISOString() };
    const about = {
      generation: this.generation,
      reported: this.#report(body),
      recovering: this.restoring || !this.reported,
      quarantined: this.handedIn.size,
      ...(old && { old_refused: this.oldRefused }),
      grants: this.grants,
      recalls: this.recalls,
      move: this.move,
      changes: this.changes,
      ...(this.receipt && { receipt: this.receipt }),
    };
    return {
      v: 1,
      last: this.taken.length,
      answers,
      time: NOW,
      ...(this.fault && { fault: this.fault, kept: this.kept }),
      ...about,
      ...(verdict && { verdict }),
      ...(known !== this.snapshot.etag && { snapshot: this.snapshot }),
    };
  }

  /** Takes this tablet's report; returns whether it is complete. @param {any} body */
  #report({ generation, claims = [], more_claims: more }) {
    if (this.reported || generation !== this.generation) return this.reported;
    this.claimed.push(...claims);
    this.reported = !more;
    return this.reported;
  }

  /** @param {any} entry @param {string} text */
  #answer(entry, text) {
    const kept = this.taken[entry.n - 1];
    if (kept && kept.text !== text) throw new Error("a rewritten journal");
    if (!kept) this.taken.push({ text, answer: this.#settle(entry) });
    return this.taken[entry.n - 1].answer;
  }

  /** @param {any} entry */
  #settle(entry) {
    if (entry.kind === "release") this.recalls = this.recalls.filter(([, , epoch]) => epoch !== entry.epoch);
    if (entry.kind === "move") return this.#moveTo(entry.store);
    if (entry.kind === "ask") return this.#ask(couponId(read(entry.coupon)), entry.n);
    if (entry.kind === "drop" || entry.kind === "undo") for (const [id, by] of this.redeemed) if (by === entry.of) this.redeemed.delete(id);
    return { code: "noted" };
  }

  /** @param {string} store */
  #moveTo(store) {
    this.move = undefined;
    this.snapshot = {
      ...snapshot(),
      etag: store,
      store: { ...snapshot().store, id: store, name: "South" },
      clerks: [{ id: "clk_2", name: "Boris" }],
    };
    return { code: "moved", store };
  }

  /** @param {string} id */
  #verdict(id) {
    if (this.redeemed.has(id)) return "already_redeemed";
    if (this.heldElsewhere.has(id)) return "held_elsewhere";
    return this.restoring ? "recovering" : "good";
  }

  /** @param {string} id @param {number} n */
  #ask(id, n) {
    if (this.heldElsewhere.has(id)) return { code: "held_elsewhere" };
    if (this.redeemed.has(id)) return { code: "already_redeemed", redeemed_at: new Date(NOW).toISOString() };
    if (this.restoring) return { code: "recovering" };
    this.redeemed.set(id, n);
    return { code: "redeemed" };
  }
}

/** What survives a kill of the tablet's browser: the journal file, and perhaps IndexedDB. */
export class Disk {
  records = [ownerRecord(DEVICE)];
  acknowledgedLast = 0;
  /** @type {Snapshot | undefined} */
  kept = snapshot();
  broken = false;

  append = async (/** @type {string} */ text) => {
    if (this.broken) throw new Error("disk full");
    this.records.push(text);
  };
  acknowledged = async () => this.acknowledgedLast;
  putAcknowledged = async (/** @type {number} */ last) => void (this.acknowledgedLast = last);
  snapshot = async () => this.kept;
  putSnapshot = async (/** @type {Snapshot} */ kept) => void (this.kept = kept);
  /** @type {any} */
  keptHolds;
  holds = async () => this.keptHolds;
  putHolds = async (/** @type {any} */ kept) => void (this.keptHolds = kept);
  /**
   * No campaign has a redeemed or void coupon, so there are no sets to fetch.
   * @type {import("../../static/clerk/knowledge/sets.js").Kept}
   */
  keptSets = {
    position: "1.1",
    campaigns: new Map(Array.from({ length: 20 }, (_, number) => [number, { redeemed: new Uint8Array(), void: new Uint8Array() }])),
  };
  sets = async () => structuredClone(this.keptSets);
  putSets = async (/** @type {import("../../static/clerk/knowledge/sets.js").Kept} */ kept) => void (this.keptSets = structuredClone(kept));
  /** @type {string[]} */
  keptCopies = [];
  copies = async () => this.keptCopies;
  putCopies = async (/** @type {string[]} */ copies) => void (this.keptCopies = copies);
  /** The files of old journals: name to records. @type {Map<string, string[]>} */
  setAside = new Map();
  /** @type {any} */
  keptHandedIn;
  earlier = async () => [...this.setAside.keys()];
  bytes = async (/** @type {string} */ name) => utf8(JSON.stringify(this.setAside.get(name)));
  read = async (/** @type {string} */ name) => this.setAside.get(name) ?? [];
  handedIn = async () => this.keptHandedIn;
  putHandedIn = async (/** @type {any} */ kept) => void (this.keptHandedIn = kept);
  /** @type {any} */
  keptSiblings;
  siblings = async () => this.keptSiblings;
  putSiblings = async (/** @type {any} */ kept) => void (this.keptSiblings = structuredClone(kept));
  /** @type {import("../../static/clerk/knowledge/state.js").LastContact} */
  keptHeard = { at: NOW };
  heard = async () => this.keptHeard;
  putHeard = async (/** @type {import("../../static/clerk/knowledge/state.js").LastContact} */ kept) =>
    void (this.keptHeard = structuredClone(kept));

  get kinds() {
    return this.records.slice(1).map((record) => JSON.parse(JSON.parse(record).text).kind);
  }
}

/** Starts a tablet from its disk, as after a kill. @param {Server} server @param {Disk} [disk] */
export async function switchOn(server, disk = new Disk()) {
  const clock = { now: NOW };
  const now = () => clock.now;
  const journal = new Journal(disk, { deviceId: DEVICE, sign }, now);
  await journal.load(disk.records);
  const api = new Api(/** @type {any} */ (server.fetch), "http://tablet.test", now);
  let turn = Promise.resolve();
  const alone = (/** @type {() => Promise<any>} */ work) => {
    const done = counted(turn.then(work));
    turn = done.catch(() => undefined);
    return done;
  };
  const old = new OldJournals(disk, disk);
  const sync = new Sync({
    api,
    key: { id: DEVICE, sign, proof: "what the server sealed" },
    journal,
    memory: disk,
    now,
    alone,
    old,
  });
  await sync.load();
  const former = (/** @type {import("../../static/clerk/knowledge/state.js").Past} */ past) => old.unfinished(past, now());
  const counter = new Counter({ journal, sync, now, check, unlock: async () => ({}), pause: async () => undefined, former });
  return { clock, journal, sync, counter, disk, server };
}

/** A tablet with a clerk at the scanner. @param {Server} [server] @param {Disk} [disk] */
export async function atWork(server = new Server(), disk = new Disk()) {
  const tablet = await switchOn(server, disk);
  await tablet.counter.start();
  tablet.counter.choose(CLERK.id);
  await tablet.counter.unlock("4071");
  return tablet;
}

let underWay = 0;

/** Counts a promise as work under way until it settles. @template T @param {Promise<T>} promise @returns {Promise<T>} */
function counted(promise) {
  underWay++;
  return promise.finally(() => underWay--);
}

/** Waits until work that nobody awaits, such as a sync or an entry, is done. */
export async function rest() {
  do await new Promise((resolve) => setTimeout(resolve, 25));
  while (underWay > 0);
}
