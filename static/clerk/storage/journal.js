/**
 * The device's journal: numbered, hash-chained, signed entries. `append` resolves once the entry is durable.
 *
 * Entries are written one after another. The caller's condition is checked when an entry's turn comes, so of a double tap, or of a yes
 * and a drop at the same time, only the first is written.
 */
import { sha256, toBase64url, utf8 } from "../domain/bytes.js";
import { emptyPast, take } from "../knowledge/state.js";
import { DamagedJournal } from "./damage.js";

/** @import { Damage } from "./damage.js" */
/** @import { Entry, Past, Receipt } from "../knowledge/state.js" */

/**
 * @typedef {{text: string, signature: string}} SignedEntry  `signature` is base64url
 * @typedef {{append(text: string): Promise<void>}} JournalFile  resolves once the text is durable
 * @typedef {{deviceId: string, sign(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array>}} Signer
 */

export const FIRST_PREV = "A".repeat(43);

/** What a device signs for an entry. @param {string} deviceId @param {string} text */
export const signedBytes = (deviceId, text) => utf8(`redeem-entry-v1\0${deviceId}\0${text}`);

/**
 * The first record of a journal file: the device, and the proof that the server sealed for it. The proof helps if the tablet has lost
 * its key and a restored server has lost the device.
 * @param {string} deviceId @param {string} [proof]
 */
export const ownerRecord = (deviceId, proof) => JSON.stringify({ v: 1, device: deviceId, proof });

/** The hash that the next entry names, and the server's receipt. @param {string} text of an entry */
const hashOf = async (text) => toBase64url(await sha256(utf8(text)));

/** The device whose journal this is, or null for an empty file. @param {string[]} records @returns {string | null} */
export const ownerOf = (records) => (records.length ? (JSON.parse(records[0]).device ?? null) : null);

/** @param {string[]} records @returns {string | undefined} */
export const proofOf = (records) => (records.length ? JSON.parse(records[0]).proof : undefined);

export class Journal {
  /** @type {SignedEntry[]} */
  #entries = [];
  #past = emptyPast();
  #prev = FIRST_PREV;
  #turn = Promise.resolve();
  #isEnded = false;
  #file;
  #signer;
  #now;
  /** The known fault of the clock, for each entry. @type {() => Entry["clock"]} */
  clock = () => undefined;

  /** @param {JournalFile} file @param {Signer} signer @param {() => number} now */
  constructor(file, signer, now) {
    this.#file = file;
    this.#signer = signer;
    this.#now = now;
  }

  /**
   * Loads the records of the file: the owner's record, then entries. Throws DamagedJournal if one does not follow the one before it.
   * @param {string[]} records
   */
  async load(records) {
    if (ownerOf(records) !== this.#signer.deviceId) throw new DamagedJournal("short", "the journal is not this device's");
    const entries = records.slice(1).map((record) => /** @type {SignedEntry} */ (JSON.parse(record)));
    const hashes = await Promise.all(entries.map(({ text }) => hashOf(text)));
    for (const [index, entry] of entries.entries()) this.#takeNext(entry, hashes[index]);
  }

  /**
   * Why this can't be all that the device wrote, null if nothing speaks against it.
   * @param {number} acknowledged the last entry that the server was known to have @param {Receipt} [receipt] that the server signed
   * @returns {Promise<Damage | null>}
   */
  async findLoss(acknowledged, receipt) {
    if (this.last < Math.max(acknowledged, receipt?.number ?? 0)) return "short";
    const [said] = receipt ? this.entriesAfter(receipt.number - 1, 1) : [];
    return said && (await hashOf(said.text)) !== receipt?.hash ? "rewritten" : null;
  }

  /** @returns {Readonly<Past>} */
  get past() {
    return this.#past;
  }

  /** @returns {number} */
  get last() {
    return this.#past.last;
  }

  /** The entries after number `after`, at most `limit`. @param {number} after @param {number} limit */
  entriesAfter(after, limit) {
    return this.#entries.slice(after, after + limit);
  }

  /**
   * Writes an entry if `allowed` is true when its turn comes. Resolves to the entry once it is durable, or to null if not allowed.
   * @param {string} kind @param {Partial<Entry>} [fields] @param {(past: Past) => boolean} [allowed]
   * @returns {Promise<Entry | null>}
   */
  append(kind, fields = {}, allowed = () => true) {
    const written = this.#turn.then(() => (!this.#isEnded && allowed(this.#past) ? this.#write(kind, fields) : null));
    this.#turn = written.then(
      () => undefined,
      () => undefined, // the caller handles a failed write; the next entry is tried independently
    );
    return written;
  }

  /** Ends this journal for good: the file will hold another device's. Resolves when no write is under way. */
  end() {
    this.#isEnded = true;
    return this.#turn;
  }

  /** @param {string} kind @param {Partial<Entry>} fields */
  async #write(kind, fields) {
    const head = { v: 1, n: this.last + 1, prev: this.#prev, at: this.#now(), kind };
    const text = JSON.stringify({ ...head, ...fields, clock: this.clock() });
    const signature = toBase64url(await this.#signer.sign(signedBytes(this.#signer.deviceId, text)));
    const prev = await hashOf(text);
    await this.#file.append(JSON.stringify({ text, signature }));
    this.#prev = prev;
    return this.#add({ text, signature }, JSON.parse(text));
  }

  /** @param {SignedEntry} signed @param {string} hash of its text */
  #takeNext(signed, hash) {
    const entry = JSON.parse(signed.text);
    if (entry.n !== this.last + 1 || entry.prev !== this.#prev)
      throw new DamagedJournal("rewritten", `journal entry ${entry.n} after ${this.last}`);
    this.#add(signed, entry);
    this.#prev = hash;
  }

  /** @param {SignedEntry} signed @param {Entry} entry what it says */
  #add(signed, entry) {
    this.#entries.push(signed);
    take(this.#past, entry);
    return entry;
  }
}
