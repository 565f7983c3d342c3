/**
 * The one request: "here is my journal from where you have it". A retry, a duplicate, a late one and a lost reply are all the
 * same harmless thing (offline.md, rule 1), so whatever is in doubt is simply sent again.
 */
import { NoAnswer, Refused } from "./api.js";
import { couponId } from "./tokens.js";
import { mayRelease, sendAfter, waiting } from "./state.js";

/** @import { Api, DeviceKey } from "./api.js" */
/** @import { Journal } from "./journal.js" */
/** @import { Snapshot } from "./state.js" */

/**
 * @typedef {{code: string} & Record<string, any>} Answer
 * @typedef {{code: string} & Record<string, any>} Ruling  the server's word on a coupon
 * @typedef {{acknowledged(): Promise<number>, putAcknowledged(last: number): Promise<void>, snapshot(): Promise<Snapshot | undefined>,
 *   putSnapshot(snapshot: Snapshot): Promise<void>}} Memory  what may be forgotten
 * @typedef {{verify?: string, urgent?: boolean, timeoutMs?: number}} SyncOptions  `urgent`: a person waits, so it
 *   stops what is under way; that is sent again with it
 */

export const SYNC_EVERY_MS = 20_000;
export const BELL_EVERY_MS = 1_000;
const BELL_TIMEOUT_MS = 5_000;
const TIMEOUT_MS = 15_000;
const BATCH_ENTRIES = 200;

/** Refusals after which this tablet can't go on, but must be enrolled anew. */
const NOT_ENROLLED = ["unauthenticated", "not_signed", "revoked", "broken_journal", "journal_behind"];

export class Sync extends EventTarget {
  /** @type {Map<number, Answer>} the server's answers to entries, as far as they came since the start */
  answers = new Map();
  /** @type {Snapshot | null} */
  snapshot = null;
  /** @type {boolean | null} null: not tried yet */
  online = null;
  /** @type {string | null} why the server refuses this device, a code */
  refused = null;
  /** @type {number | null} */
  syncedAt = null;
  /** @type {number | null} when the network went, by the device's clock */
  offlineSince = null;
  /** Server's clock less the device's, in ms, as of the last answer. */
  skewMs = 0;

  #acknowledged = 0;
  /** Newest hold heard of. */
  #epoch = 0;
  /** @type {Set<AbortController>} */
  #underWay = new Set();
  #api;
  #key;
  #journal;
  #memory;
  #now;
  #alone;

  /**
   * @param {{api: Api, key: DeviceKey, journal: Journal, memory: Memory, now: () => number,
   *   alone: <T>(work: () => Promise<T>) => Promise<T>}} parts  `alone` runs one work at a time over all tabs
   */
  constructor({ api, key, journal, memory, now, alone }) {
    super();
    this.#api = api;
    this.#key = key;
    this.#journal = journal;
    this.#memory = memory;
    this.#now = now;
    this.#alone = alone;
  }

  /** Recalls what was known when the tablet was last in use. */
  async load() {
    this.snapshot = (await this.#memory.snapshot()) ?? null;
    this.#acknowledged = Math.min(await this.#memory.acknowledged(), this.#journal.last);
  }

  get waiting() {
    return waiting(this.#journal.past, this.#acknowledged);
  }

  get mustEnrol() {
    return NOT_ENROLLED.includes(this.refused ?? "");
  }

  /** Cheap, and asked often: does the server want something of this tablet, such as a hold back? @returns {Promise<boolean>} Throws NoAnswer or Refused. */
  async rings() {
    const { ring } = await this.#api.post("/clerk/bell", { v: 1, epoch: this.#epoch }, { timeoutMs: BELL_TIMEOUT_MS, key: this.#key });
    return ring === true;
  }

  /**
   * Brings the journal up to date and the answers back; with `verify`, the server's word on that coupon or short code.
   * @param {SyncOptions} [options] @returns {Promise<Ruling | null>} Throws NoAnswer or Refused.
   */
  run({ verify, urgent = false, timeoutMs = TIMEOUT_MS } = {}) {
    if (urgent) for (const other of this.#underWay) other.abort();
    const stop = new AbortController();
    this.#underWay.add(stop);
    return this.#alone(async () => {
      try {
        return await this.#exchangeAll(verify, { timeoutMs, signal: stop.signal });
      } catch (error) {
        if (!stop.signal.aborted) this.#note(error);
        throw error;
      } finally {
        this.#underWay.delete(stop);
      }
    });
  }

  /** @param {string | undefined} verify @param {{timeoutMs: number, signal: AbortSignal}} limits @returns {Promise<Ruling | null>} */
  async #exchangeAll(verify, limits) {
    let after = sendAfter(this.#journal.past, this.#acknowledged);
    for (;;) {
      const entries = this.#journal.entriesAfter(after, BATCH_ENTRIES);
      const reply = await this.#exchange(after, entries, verify, limits);
      const complete = reply.last >= after + entries.length;
      if (complete && reply.last >= this.#journal.last) return reply.verdict ?? null;
      if (!complete && reply.last >= after) throw new NoAnswer(`the server stopped at entry ${reply.last}`);
      after = complete ? after + entries.length : reply.last;
    }
  }

  /**
   * @param {number} after @param {{text: string, signature: string}[]} entries @param {string | undefined} verify
   * @param {{timeoutMs: number, signal: AbortSignal}} limits
   */
  async #exchange(after, entries, verify, limits) {
    const sentAt = this.#now();
    const told = { time: sentAt, known: this.snapshot?.etag, epoch: this.#epoch, end: this.#journal.last };
    const request = { v: 1, after, entries, ...told, ...(verify && { verify }) };
    const reply = await this.#api.post("/clerk/sync", request, { ...limits, key: this.#key });
    if (reply.v !== 1 || !Number.isInteger(reply.last)) throw new NoAnswer("that was not our server");
    if (reply.last > this.#journal.last) throw new Refused(409, "journal_behind");
    if (reply.fault) throw new Refused(409, reply.fault);
    await this.#learn(reply, (sentAt + this.#now()) / 2);
    await this.#release(reply.recalls ?? []);
    return reply;
  }

  /** @param {any} reply @param {number} at */
  async #learn(reply, at) {
    for (const [number, answer] of Object.entries(reply.answers)) this.answers.set(Number(number), answer);
    for (const [, , epoch] of reply.grants ?? []) this.#epoch = Math.max(this.#epoch, epoch);
    if (reply.snapshot) await this.#memory.putSnapshot((this.snapshot = reply.snapshot));
    if (reply.last !== this.#acknowledged) await this.#memory.putAcknowledged((this.#acknowledged = reply.last));
    this.skewMs = Math.round(reply.time - at);
    this.syncedAt = this.#now();
    this.offlineSince = null;
    this.refused = null;
    this.#tell(true);
  }

  /** Gives back what is recalled. This tablet gives nothing under a hold: it always asks. @param {[number, number, number][]} recalls campaign, number, epoch */
  async #release(recalls) {
    for (const [campaign, number, epoch] of recalls) {
      const id = couponId({ campaign, number });
      await this.#journal.append("release", { id, epoch }, (past) => mayRelease(past, id, epoch));
    }
  }

  /** @param {unknown} error */
  #note(error) {
    if (error instanceof Refused) this.refused = error.code;
    else this.offlineSince ??= this.#now();
    this.#tell(error instanceof Refused);
  }

  /** @param {boolean} online */
  #tell(online) {
    this.online = online;
    this.dispatchEvent(new Event("change"));
  }
}
