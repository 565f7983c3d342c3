/**
 * The one request: "here is my journal from where you have it". Retries, duplicates, late requests and lost replies do no harm
 * (docs/protocol.md, rule 1), so anything in doubt is sent again.
 */
import { NoAnswer, Refused } from "./api.js";
import { clockFault, clockWord } from "../knowledge/clock.js";
import { couponIdOf, Holds } from "../knowledge/holds.js";
import { handInAll } from "./damage.js";
import { Report } from "./report.js";
import { oldest, Sets } from "../knowledge/sets.js";
import { Siblings } from "../knowledge/siblings.js";
import { isMoving, mayMove, mayRelease, sendAfter, waiting } from "../knowledge/state.js";

/** @import { Api, DeviceKey } from "./api.js" */
/** @import { Grant, Kept as KeptHolds } from "../knowledge/holds.js" */
/** @import { Kept as KeptSets } from "../knowledge/sets.js" */
/** @import { Kept as KeptSiblings } from "../knowledge/siblings.js" */
/** @import { Receipt } from "../knowledge/state.js" */
/** @import { Journal } from "../storage/journal.js" */
/** @import { DamagedFiles } from "./damage.js" */
/** @import { Batch } from "../storage/old-journals.js" */
/** @import { LastContact, Snapshot } from "../knowledge/state.js" */

/**
 * @typedef {{code: string} & Record<string, any>} Answer
 * @typedef {{code: string} & Record<string, any>} Ruling  the server's answer about a coupon
 * @typedef {{acknowledged(): Promise<number>, putAcknowledged(last: number): Promise<void>, snapshot(): Promise<Snapshot | undefined>,
 *   putSnapshot(snapshot: Snapshot): Promise<void>, holds(): Promise<KeptHolds | undefined>, putHolds(holds: KeptHolds): Promise<void>,
 *   sets(): Promise<KeptSets | undefined>, putSets(sets: KeptSets): Promise<void>, heard(): Promise<LastContact | undefined>,
 *   putHeard(heard: LastContact): Promise<void>, siblings(): Promise<KeptSiblings | undefined>,
 *   putSiblings(siblings: KeptSiblings): Promise<void>, copies(): Promise<string[]>,
 *   putCopies(copies: string[]): Promise<void>}} Memory  a cache that may be lost
 * @typedef {{next(limit: number): Promise<Batch | null>, sent(batch: Batch, refused?: number): Promise<void>, again(): Promise<void>,
 *   trouble: string | null} & DamagedFiles} Old  the old journals
 * @typedef {{verify?: string, urgent?: boolean, timeoutMs?: number}} SyncOptions  `urgent`: a person waits, so requests under way are
 *   aborted; this one sends their entries again
 */

export const SYNC_EVERY_MS = 20_000;
export const BELL_EVERY_MS = 1_000;
const BELL_TIMEOUT_MS = 5_000;
const TIMEOUT_MS = 15_000;
const BATCH_ENTRIES = 200;
/** As many as the server sends at once; after a full reply there may be more. */
const GRANTS_PER_REPLY = 1000;
/** As many as the server accepts at once. */
const CAMPAIGNS_PER_REQUEST = 1000;

/** Refusals after which this tablet must be enrolled again. */
const NOT_ENROLLED = ["unauthenticated", "not_signed", "revoked", "broken_journal", "journal_behind"];

export class Sync extends EventTarget {
  /** @type {Map<number, Answer>} the server's answers to entries, received since the start */
  answers = new Map();
  /** @type {Snapshot | null} */
  snapshot = null;
  /** @type {boolean | null} null: not tried yet */
  online = null;
  /** @type {string | null} the code of the server's refusal of this device */
  refused = null;
  /** @type {number | null} */
  syncedAt = null;
  /** @type {number | null} since when there is no answer, by the device's clock */
  offlineSince = null;
  /** Server's time minus device's time, in ms, at the last answer. */
  skewMs = 0;
  /** The server's signature that it has the journal up to an entry. Shown to it with each request. @type {Receipt | null} */
  receipt = null;
  /** The coupons that this device alone may give. */
  holds = new Holds();
  /** The last list of redeemed and void coupons. */
  sets = new Sets();
  /** What the store's other devices, and other stores, may give. */
  siblings = new Siblings();
  /** Whether the server was restored from a backup and waits until all devices have reported. */
  recovering = false;
  /** How many of this device's entries are in quarantine. */
  quarantined = 0;

  #acknowledged = 0;
  /** @type {number | null} */
  #listAt = null;
  #isEnded = false;
  /** @type {Set<AbortController>} */
  #underWay = new Set();
  #api;
  #key;
  #journal;
  #memory;
  #now;
  #alone;
  #old;

  /**
   * @param {{api: Api, key: DeviceKey, journal: Journal, memory: Memory, now: () => number,
   *   alone: <T>(work: () => Promise<T>) => Promise<T>, old?: Old}} parts  `alone`: runs one task at a time over all tabs; `old`:
   *   the journals that this tablet wrote as other devices
   */
  constructor({ api, key, journal, memory, now, alone, old }) {
    super();
    this.#api = api;
    this.#key = key;
    this.#journal = journal;
    this.#memory = memory;
    this.#now = now;
    this.#alone = alone;
    this.#old = old;
    journal.clock = () => clockWord(clockFault(this, now()));
  }

  /** Loads what was known when the page was last open. */
  async load() {
    this.snapshot = (await this.#memory.snapshot()) ?? null;
    this.#acknowledged = Math.min(await this.#memory.acknowledged(), this.#journal.last);
    this.holds = new Holds((await this.#memory.holds()) ?? undefined);
    this.holds.prune(this.#journal.past); // what is stored may be older than a release in the journal
    this.sets = new Sets((await this.#memory.sets()) ?? undefined);
    this.siblings = new Siblings(await this.#memory.siblings());
    this.#report = new Report(await this.#memory.copies());
    const contact = await this.#memory.heard();
    [this.syncedAt, this.skewMs, this.refused] = [contact?.at ?? null, contact?.skewMs ?? 0, contact?.refused ?? null];
    [this.#listAt, this.receipt] = [contact?.listAt ?? null, contact?.receipt ?? null];
    this.recovering = contact?.recovering ?? false;
  }

  /** When the last list was made, by the server's clock; null while a campaign's list is missing. */
  get listAt() {
    return this.#lacksSets ? null : this.#listAt;
  }

  /** The number of the last entry that the server is known to have. */
  get acknowledged() {
    return this.#acknowledged;
  }

  get waiting() {
    return waiting(this.#journal.past, this.#acknowledged);
  }

  get mustEnrol() {
    return NOT_ENROLLED.includes(this.refused ?? "");
  }

  /** The code of the server's refusal of the old journals. */
  get oldTrouble() {
    return this.#old?.trouble ?? null;
  }

  /**
   * Whether the server wants a sync from this tablet now, for example to recall a hold. A cheap request, sent often.
   * @returns {Promise<boolean>} Throws NoAnswer or Refused.
   */
  async rings() {
    const { ring } = await this.#api.post("/clerk/bell", { v: 1, epoch: this.holds.epoch }, { timeoutMs: BELL_TIMEOUT_MS, key: this.#key });
    return ring === true;
  }

  /**
   * Sends the journal and receives the answers; with `verify`, also the server's ruling on that coupon or short code.
   * @param {SyncOptions} [options] @returns {Promise<Ruling | null>} Throws NoAnswer or Refused.
   */
  run({ verify, urgent = false, timeoutMs = TIMEOUT_MS } = {}) {
    if (urgent) for (const other of this.#underWay) other.abort();
    const stop = new AbortController();
    this.#underWay.add(stop);
    return this.#alone(async () => {
      try {
        if (this.#isEnded) throw new NoAnswer("this tablet becomes another device");
        const limits = { timeoutMs, signal: stop.signal };
        const ruling = await this.#exchangeAll(verify, limits);
        if (!urgent && this.#lacksSets) await this.#fetchSets(limits);
        if (!urgent && this.#old) await this.#handIn(this.#old, limits);
        return ruling;
      } catch (error) {
        if (!stop.signal.aborted) await this.#noteFailure(error);
        throw error;
      } finally {
        this.#underWay.delete(stop);
      }
    });
  }

  /** Ends this sync for good, because the tablet becomes another device. Resolves when no request or write is under way. */
  async end() {
    this.#isEnded = true;
    for (const each of this.#underWay) each.abort();
    await this.#alone(() => this.#journal.end());
  }

  #heard() {
    const { syncedAt: at, skewMs, receipt, recovering } = this;
    return { at, skewMs, listAt: this.#listAt, receipt: receipt ?? undefined, recovering };
  }

  get #lacksSets() {
    return this.sets.position === null || Boolean(this.snapshot?.campaigns.some(({ number }) => !this.sets.knows(number)));
  }

  /** @param {string | undefined} verify @param {{timeoutMs: number, signal: AbortSignal}} limits @returns {Promise<Ruling | null>} */
  async #exchangeAll(verify, limits) {
    let after = sendAfter(this.#journal.past, this.#acknowledged);
    this.#report.restart(); // the server may have been restored since the last sync
    for (;;) {
      const entries = this.#journal.entriesAfter(after, BATCH_ENTRIES);
      const reply = await this.#exchange(after, entries, verify, limits);
      const complete = reply.last >= after + entries.length;
      await this.#giveBack(reply.recalls);
      if (reply.move && complete && reply.last >= this.#journal.last) await this.#moveTo(reply.move);
      if (complete && reply.last >= this.#journal.last && (await this.#isUpToDate(reply))) return reply.verdict ?? null;
      if (!complete && reply.last >= after && (reply.reported || (await this.#isUpToDate(reply))))
        throw new NoAnswer(`the server stopped at entry ${reply.last}`);
      after = complete ? after + entries.length : reply.last;
    }
  }

  /**
   * @param {number} after @param {{text: string, signature: string}[]} entries @param {string | undefined} verify
   * @param {{timeoutMs: number, signal: AbortSignal}} limits @param {Batch} [old]
   */
  async #exchange(after, entries, verify, limits, old) {
    const sentAt = this.#now();
    const request = {
      v: 1,
      after,
      entries,
      time: sentAt,
      known: this.snapshot?.etag,
      ...this.#position(),
      ...(this.receipt?.generation && { receipt: this.receipt }),
      ...(verify && { verify }),
      ...(old && { old: { device: old.device, proof: old.proof, entries: old.entries } }),
    };
    const reply = await this.#api.post("/clerk/sync", request, { ...limits, key: this.#key });
    if (reply.v !== 1 || !Number.isInteger(reply.last)) throw new NoAnswer("that was not our server");
    if (reply.last > this.#journal.last) throw new Refused(409, "journal_behind");
    if (this.#report.noteSent()) await this.#memory.putCopies([]);
    if (reply.fault) await this.#handInRest(reply, limits);
    await this.#learn(reply, (sentAt + this.#now()) / 2);
    return reply;
  }

  /**
   * Sends the rest of a journal that the server can't take: it goes to quarantine.
   * @param {any} reply @param {{timeoutMs: number, signal: AbortSignal}} limits
   * @returns {Promise<never>}
   */
  async #handInRest({ fault, quarantined, kept }, limits) {
    this.quarantined = quarantined;
    for (let done = kept ?? this.#journal.last; done < this.#journal.last; ) {
      const request = { v: 1, after: done, entries: this.#journal.entriesAfter(done, BATCH_ENTRIES), time: this.#now() };
      const reply = await this.#api.post("/clerk/sync", request, { ...limits, key: this.#key });
      if (!(reply.kept > done)) break; // no progress: the next sync tries again
      [done, this.quarantined] = [reply.kept, reply.quarantined];
    }
    throw new Refused(409, fault);
  }

  /** Up to where this device knows the server's data, and for a restored server its holds. */
  #position() {
    return {
      epoch: this.holds.epoch,
      position: this.sets.position ?? undefined,
      siblings: this.siblings.epochs,
      homes: this.#homesHeard(),
      end: this.#journal.last,
      ...this.#proofIfUnknown(),
      ...this.#report.part(this.holds.all),
    };
  }

  /** The proof of this device, for a restored server that has lost it. */
  #proofIfUnknown() {
    return this.refused === "not_signed" ? { proof: this.#key.proof } : {};
  }

  /** Homes are asked for only with the sets, because their changes come with the changes of the sets. */
  #homesHeard() {
    const campaigns = this.snapshot?.campaigns.map(({ number }) => number) ?? [];
    return this.sets.position === null ? undefined : this.siblings.homesHeard(campaigns.slice(-CAMPAIGNS_PER_REQUEST));
  }

  #report = new Report([]);

  /** Whether nothing is left to send or to receive. A report to a restored server takes further requests. @param {any} reply */
  async #isUpToDate(reply) {
    if (this.#report.begins(reply, this.holds.size, this.snapshot?.copies ?? [])) await this.#old?.again();
    return this.#report.isDone && reply.grants.length < GRANTS_PER_REPLY;
  }

  /** Releases recalled holds. The entry follows everything that was done under the hold. @param {Grant[]} recalls */
  async #giveBack(recalls) {
    for (const grant of recalls) {
      await this.#journal.append("release", { id: couponIdOf(grant), epoch: grant[2] }, (past) =>
        mayRelease(past, couponIdOf(grant), grant[2]),
      );
    }
    if (!recalls.length) return;
    this.holds.prune(this.#journal.past);
    await this.#memory.putHolds(this.holds.kept);
  }

  /** Moves to another store, if no attempt is open. The entry also releases all holds. @param {string} store */
  async #moveTo(store) {
    const allowed = (/** @type {import("../knowledge/state.js").Past} */ past) => mayMove(past) && !isMoving(past, this.#acknowledged);
    if (!(await this.#journal.append("move", { store, epoch: this.holds.epoch }, allowed))) return;
    this.holds.prune(this.#journal.past);
    await this.#memory.putHolds(this.holds.kept);
  }

  /** Fetches whole sets where changes are not enough. @param {{timeoutMs: number, signal: AbortSignal}} limits */
  async #fetchSets(limits) {
    const positions = [];
    for (const { number } of this.snapshot?.campaigns ?? []) {
      const { bytes, headers } = await this.#api.postForBytes("/clerk/sets", { v: 1, campaign: number }, { ...limits, key: this.#key });
      this.sets.replace(number, bytes);
      positions.push(headers.get("Redeem-Position") ?? "");
    }
    [this.sets.position, this.sets.entry] = [oldest(positions), this.#acknowledged];
    await this.#memory.putSets(this.sets.kept);
  }

  /**
   * Hands in the old journals. A refusal concerns only them: the server has accepted this device's own journal, so work goes on.
   * @param {Old} old @param {{timeoutMs: number, signal: AbortSignal}} limits
   */
  async #handIn(old, limits) {
    try {
      for (let batch = await old.next(BATCH_ENTRIES); batch; batch = await old.next(BATCH_ENTRIES)) {
        const { old_refused: refused } = await this.#exchange(this.#acknowledged, [], undefined, limits, batch);
        await old.sent(batch, refused);
      }
      await handInAll(old, this.#api, this.#key, limits);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      old.trouble = error.code;
    }
  }

  /** @param {any} reply @param {number} at */
  async #learn(reply, at) {
    for (const [number, answer] of Object.entries(reply.answers)) this.answers.set(Number(number), answer);
    if (reply.snapshot) await this.#learnSnapshot(reply.snapshot);
    if (reply.last !== this.#acknowledged) {
      this.#acknowledged = reply.last;
      await this.#memory.putAcknowledged(reply.last);
    }
    await this.#learnList(reply);
    if (reply.grants.length) {
      this.holds.believe(reply.grants, this.#journal.past);
      await this.#memory.putHolds(this.holds.kept);
    }
    this.#listAt = reply.time; // with the changes; without, the whole sets come next, which are newer
    this.receipt = reply.receipt ?? this.receipt;
    if (this.siblings.hear(reply, this.snapshot?.store.id)) await this.#memory.putSiblings(this.siblings.kept);
    this.recovering = reply.recovering;
    this.quarantined = reply.quarantined;
    this.skewMs = Math.round(reply.time - at);
    this.syncedAt = this.#now();
    this.offlineSince = null;
    this.refused = null;
    await this.#memory.putHeard(this.#heard());
    this.#announce(true);
  }

  /**
   * Drops the sets of campaigns that have left the snapshot: the server no longer sends their changes, so they would be out of date.
   * @param {Snapshot} snapshot
   */
  async #learnSnapshot(snapshot) {
    if (this.sets.keep(snapshot.campaigns.map(({ number }) => number))) await this.#memory.putSets(this.sets.kept);
    this.snapshot = snapshot;
    await this.#memory.putSnapshot(snapshot);
  }

  /**
   * Takes in the changes; without, the sets are too old, and are fetched whole.
   * @param {{changes?: import("../knowledge/sets.js").Changes, last: number}} reply
   */
  async #learnList({ changes, last }) {
    const wasWhole = this.sets.position !== null;
    if (changes) this.sets.apply(changes, last);
    else this.sets.position = null;
    const isNew = changes ? Object.keys(changes.campaigns).length > 0 : wasWhole;
    if (isNew) await this.#memory.putSets(this.sets.kept);
  }

  /** Stores a refusal after which the tablet must be enrolled again, so that it is known offline too. @param {unknown} error */
  async #noteFailure(error) {
    if (error instanceof Refused) this.refused = error.code;
    else this.offlineSince ??= this.#now();
    if (error instanceof Refused && this.mustEnrol) await this.#memory.putHeard({ ...this.#heard(), refused: error.code });
    this.#announce(error instanceof Refused);
  }

  /** @param {boolean} online */
  #announce(online) {
    this.online = online;
    this.dispatchEvent(new Event("change"));
  }
}
