/**
 * The journals of the devices that this tablet was before, set aside when it was enrolled anew. They are handed to the server
 * from the first entry to the last, for a manager to decide, and stay here whatever comes of it.
 *
 * How far that has come may be forgotten: the server keeps an entry that comes again only once.
 */
import { ownerOf, proofOf } from "./journal.js";

/** @import { SignedEntry } from "./journal.js" */

/**
 * @typedef {{name: string, device: string, proof?: string, entries: SignedEntry[], of: number}} Batch  `proof`: what the server sealed of the device; `of`: how many entries the whole journal has
 * @typedef {Record<string, {sent: number, of: number}>} HandedIn  by the file's name
 * @typedef {{retired(): Promise<string[]>, read(name: string): Promise<string[]>}} Files  the names of what was set aside, and its records
 * @typedef {{handedIn(): Promise<HandedIn | undefined>, putHandedIn(handedIn: HandedIn): Promise<void>}} Progress
 */

export class OldJournals {
  /** @type {HandedIn} */
  #handedIn = {};
  /** Why the server does not take them, a code: it is asked again when the app is opened again. @type {string | null} */
  trouble = null;
  /** @type {string[] | null} files that have something left, as far as is known */
  #left = null;
  /** @type {{name: string, records: string[]} | null} */
  #open = null;
  #files;
  #progress;

  /** @param {Files} files @param {Progress} progress */
  constructor(files, progress) {
    this.#files = files;
    this.#progress = progress;
  }

  /** How many entries were handed in, of how many that have been looked at. */
  get count() {
    const each = Object.values(this.#handedIn);
    return { sent: each.reduce((sum, { sent }) => sum + sent, 0), of: each.reduce((sum, { of }) => sum + of, 0) };
  }

  /** What to hand in next, at most `limit` entries; null when all of it was. @param {number} limit @returns {Promise<Batch | null>} */
  async next(limit) {
    if (this.trouble) return null;
    this.#left ??= await this.#begin();
    for (;;) {
      const [name] = this.#left;
      if (name === undefined) return null;
      const batch = await this.#batch(name, limit);
      if (batch.entries.length) return batch;
      await this.sent(batch);
      this.#left.shift();
      this.#open = null;
    }
  }

  /** The server has it. @param {Batch} batch */
  async sent({ name, entries, of }) {
    const before = this.#handedIn[name]?.sent ?? 0;
    this.#handedIn = { ...this.#handedIn, [name]: { sent: before + entries.length, of } };
    await this.#progress.putHandedIn(this.#handedIn);
  }

  /** The server was restored, and may have lost what it was handed: from the first entry again. */
  async again() {
    this.trouble = null;
    this.#left = null;
    await this.#progress.putHandedIn({});
  }

  async #begin() {
    this.#handedIn = (await this.#progress.handedIn()) ?? {};
    const names = await this.#files.retired();
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
