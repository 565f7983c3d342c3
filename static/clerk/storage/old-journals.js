/**
 * The journals of devices that this tablet was before, set aside when it was enrolled again. They are sent to the server's quarantine
 * from the first entry to the last, and stay on the tablet in any case.
 *
 * The progress may be lost: the server stores an entry that comes again only once.
 */
import { emptyPast, keyOf, take } from "../knowledge/state.js";
import { ownerOf, proofOf } from "./journal.js";

/** @import { Attempt, Entry, Past } from "../knowledge/state.js" */
/** @import { DamagedFile } from "./damage.js" */
/** @import { SignedEntry } from "./journal.js" */

/**
 * @typedef {{name: string, device: string, proof?: string, entries: SignedEntry[], of: number}} Batch  `proof`: sealed by the server for
 *   that device; `of`: how many entries the whole journal has
 * @typedef {Record<string, {sent: number, of: number}>} HandedIn  by the file's name
 * @typedef {{earlier(): Promise<string[]>, read(name: string): Promise<string[]>, bytes(name: string): Promise<Uint8Array<ArrayBuffer>>}}
 *   Files  the names of the files, their records and their bytes
 * @typedef {{handedIn(): Promise<HandedIn | undefined>, putHandedIn(handedIn: HandedIn): Promise<void>}} Progress
 */

/** @typedef {{device: string, proof: string, attempt: Attempt}} Former  an ask that the journal of a device before left open */

/** Nobody remembers for longer what became of a gift. */
const REMEMBERED_MS = 7 * 24 * 60 * 60_000;

const isDamaged = (/** @type {string} */ name) => name.includes("damaged");
/** When a file was set aside, by the tablet's clock. @param {string} name `journal-retired-1795250000000.redeem` */
const setAsideAt = (name) => Number(/-(\d+)\.redeem$/.exec(name)?.[1]);

export class OldJournals {
  /** @type {HandedIn} */
  #handedIn = {};
  /** The code of the server's refusal. It is asked again when the page is opened again. @type {string | null} */
  trouble = null;
  /** @type {string[] | null} files with entries left to send; null: not looked up yet */
  #left = null;
  /** @type {{name: string, records: string[]} | null} */
  #open = null;
  /** How many entries the server did not keep, because the device did not sign them. */
  #refused = 0;
  /** @type {Promise<Former[]> | null} null: not looked up yet */
  #former = null;
  /** Names of damaged files that the server has. @type {Set<string>} */
  #here = new Set();
  #files;
  #progress;

  /** @param {Files} files @param {Progress} progress */
  constructor(files, progress) {
    this.#files = files;
    this.#progress = progress;
  }

  /** How many entries were sent, of how many in the files that were read. */
  get count() {
    const each = Object.values(this.#handedIn);
    return { sent: each.reduce((sum, { sent }) => sum + sent, 0), of: each.reduce((sum, { of }) => sum + of, 0) };
  }

  /** The next batch to send, at most `limit` entries; null when all are sent. @param {number} limit @returns {Promise<Batch | null>} */
  async next(limit) {
    if (this.trouble) return null;
    this.#left ??= await this.#begin();
    for (;;) {
      const [name] = this.#left;
      if (name === undefined) {
        if (this.#refused) this.trouble = "not_signed";
        return null;
      }
      const batch = await this.#batch(name, limit);
      if (batch.entries.length) return batch;
      await this.sent(batch);
      this.#left.shift();
      this.#open = null;
    }
  }

  /** Notes that the server has this batch, but for the `refused` ones of its entries. @param {Batch} batch @param {number} [refused] */
  async sent({ name, entries, of }, refused = 0) {
    this.#refused += refused;
    const before = this.#handedIn[name]?.sent ?? 0;
    this.#handedIn = { ...this.#handedIn, [name]: { sent: before + entries.length, of } };
    await this.#progress.putHandedIn(this.#handedIn);
  }

  /**
   * A damaged file of an earlier journal that the server may lack; null if there is none.
   * @returns {Promise<(DamagedFile & {name: string}) | null>}
   */
  async nextDamaged() {
    if (this.trouble) return null;
    const names = (await this.#files.earlier()).filter((name) => isDamaged(name) && !this.#here.has(name));
    for (const name of names) {
      const records = await this.#files.read(name);
      const device = records.length ? ownerOf(records) : null;
      if (device) return { name, device, damage: "unreadable", bytes: await this.#files.bytes(name), proof: proofOf(records) };
      this.#here.add(name); // nobody can say whose it is: it stays here
    }
    return null;
  }

  /** Notes that the server has this damaged file. @param {string} name */
  handedIn(name) {
    this.#here.add(name);
  }

  /**
   * An ask that an earlier journal left open, and of which no clerk has said yet whether the gift was handed over; undefined: none.
   * @param {Past} past of the present journal @param {number} now @returns {Promise<Former | undefined>}
   */
  async unfinished(past, now) {
    this.#former ??= this.#readFormer(now);
    const isOpen = (/** @type {Former} */ { device, attempt }) =>
      now - attempt.askedAt < REMEMBERED_MS && !past.said.has(keyOf(device, attempt.ask));
    return (await this.#former).find(isOpen);
  }

  /**
   * What is open in the earlier journals. One that was set aside long ago is not read: that takes time at each start. Without a proof of
   * its enrolment nobody hears what is said of a device's gift.
   * @param {number} now
   */
  async #readFormer(now) {
    /** @type {Former[]} */
    const open = [];
    const said = new Set();
    const isRecent = (/** @type {string} */ name) => !isDamaged(name) && now - setAsideAt(name) < REMEMBERED_MS;
    for (const name of (await this.#files.earlier()).filter(isRecent).sort()) {
      const records = await this.#files.read(name);
      const [device, proof, past] = [ownerOf(records), proofOf(records), pastOf(records)];
      for (const key of past.said) said.add(key);
      if (device && proof) for (const attempt of past.open.values()) if (!attempt.unasked) open.push({ device, proof, attempt });
    }
    return open.filter(({ device, attempt }) => !said.has(keyOf(device, attempt.ask)));
  }

  /** Starts again from the first entry: a restored server may have lost what was sent. */
  async again() {
    this.trouble = null;
    this.#refused = 0;
    this.#left = null;
    this.#here.clear();
    await this.#progress.putHandedIn({});
  }

  async #begin() {
    this.#handedIn = (await this.#progress.handedIn()) ?? {};
    const names = (await this.#files.earlier()).filter((name) => !isDamaged(name));
    return names.filter((name) => !this.#handedIn[name] || this.#handedIn[name].sent < this.#handedIn[name].of).sort();
  }

  /** @param {string} name @param {number} limit @returns {Promise<Batch>} */
  async #batch(name, limit) {
    if (this.#open?.name !== name) this.#open = { name, records: await this.#files.read(name) };
    const { records } = this.#open;
    const sent = this.#handedIn[name]?.sent ?? 0;
    const entries = records.slice(1 + sent, 1 + sent + limit).map((record) => JSON.parse(record));
    return { name, device: ownerOf(records) ?? "", proof: proofOf(records), entries, of: Math.max(0, records.length - 1) };
  }
}

/** What an earlier journal means. @param {string[]} records */
function pastOf(records) {
  const past = emptyPast();
  for (const record of records.slice(1)) take(past, /** @type {Entry} */ (JSON.parse(JSON.parse(record).text)));
  return past;
}
