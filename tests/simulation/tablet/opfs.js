/**
 * The browser's private file system, byte by byte. What was written is there for whoever reads, and outlives a tab that dies; only what
 * was flushed outlives a power cut. Of the rest there is none, a part or all, in any order.
 */
import { readFileSync } from "node:fs";

import { readJournal } from "../../../static/clerk/storage/damage.js";
import { placeOf, readLengths, writeLength } from "../../../static/clerk/storage/lengths.js";
import { HEADER, MEASURED, readRecords, salvage, startsWith, writeRecord } from "../../../static/clerk/storage/records.js";

/**
 * @typedef {{isDead: boolean}} Owner  the tab that uses it
 * @typedef {{at: number, bytes: Uint8Array} | {size: number}} Change  a write, or a new size
 */

export const JOURNAL = "journal.redeem";
export const LENGTHS = "journal-lengths.redeem";
const GROWTH_BYTES = 65_536;

class Bytes {
  #bytes = new Uint8Array(GROWTH_BYTES);
  size = 0;

  read() {
    return this.#bytes.slice(0, this.size);
  }

  /** @param {Change} change @param {number} [part] of it, 0 to 1 */
  take(change, part = 1) {
    if ("bytes" in change) this.#write(change.bytes.subarray(0, Math.floor(change.bytes.length * part)), change.at);
    else if (part === 1) this.#resize(change.size);
  }

  /** @param {Uint8Array} bytes @param {number} at */
  #write(bytes, at) {
    if (bytes.length) this.#resize(Math.max(this.size, at + bytes.length));
    this.#bytes.set(bytes, at);
  }

  /** @param {number} size */
  #resize(size) {
    if (size > this.#bytes.length) {
      const longer = new Uint8Array(size + GROWTH_BYTES);
      longer.set(this.read());
      this.#bytes = longer;
    }
    this.#bytes.fill(0, size, this.size);
    this.size = size;
  }
}

export class File {
  #now = new Bytes();
  #flushed = new Bytes();
  /** @type {Change[]} since the last flush */
  #changes = [];
  /** @type {Handle | null} */
  handle = null;

  get size() {
    return this.#now.size;
  }

  read() {
    return this.#now.read();
  }

  /** @param {Change} change @param {number} [part] */
  take(change, part) {
    this.#now.take(change, part);
    this.#changes.push("bytes" in change ? { at: change.at, bytes: change.bytes.slice() } : change);
  }

  flush() {
    for (const change of this.#changes.splice(0)) this.#flushed.take(change);
  }

  /** @param {() => number} part of each change that was not flushed, 0 to 1: how much of it is there nevertheless */
  losePower(part) {
    for (const change of this.#changes.splice(0)) this.#flushed.take(change, part());
    this.replace(this.#flushed.read());
  }

  /** Puts other bytes there, as a fault of the disk does. @param {Uint8Array} bytes */
  replace(bytes) {
    for (const copy of [this.#now, this.#flushed]) {
      copy.take({ size: 0 });
      copy.take({ at: 0, bytes });
    }
    this.#changes = [];
  }
}

/** A sync access handle: one at a time for a file, unless opened as unsafe. The handle of a dead tab does nothing. */
export class Handle {
  #file;
  #owner;
  /** @type {number | null} the tab dies in the next write after this part of it, 0 to 1, is on the disk */
  #tears = null;

  /** @param {File} file @param {Owner} owner */
  constructor(file, owner) {
    this.#file = file;
    this.#owner = owner;
  }

  get isOpen() {
    return this.#file.handle === this && !this.#owner.isDead;
  }

  /** @param {number} part */
  tear(part) {
    this.#tears = part;
  }

  getSize() {
    return this.#file.size;
  }

  /** @param {Uint8Array} target @param {{at: number}} options */
  read(target, { at }) {
    const found = this.#file.read().subarray(at, at + target.length);
    target.set(found);
    return found.length;
  }

  /** @param {Uint8Array} bytes @param {{at: number}} options */
  write(bytes, { at }) {
    this.#mustLive();
    this.#file.take({ at, bytes }, this.#tears ?? 1);
    if (this.#tears !== null) this.#owner.isDead = true;
    return bytes.length;
  }

  /** @param {number} size */
  truncate(size) {
    this.#mustLive();
    if (size < this.#file.size) this.#file.take({ size });
  }

  flush() {
    this.#mustLive();
    this.#file.flush();
  }

  close() {
    if (this.#file.handle === this) this.#file.handle = null;
  }

  #mustLive() {
    if (this.#owner.isDead) throw new Error("the tab is dead");
  }
}

/**
 * `navigator.storage`, for one tab.
 * @param {Map<string, File>} files @param {Owner} owner @param {(handle: Handle) => void} [onOpen] called with the journal's handle
 */
export function storageOf(files, owner, onOpen = () => undefined) {
  const fileOf = (/** @type {string} */ name) => files.get(name) ?? files.set(name, new File()).get(name) ?? new File();
  async function* keys() {
    yield* [...files.keys()];
  }
  const getFileHandle = async (/** @type {string} */ name) => ({
    getFile: async () => ({ arrayBuffer: async () => fileOf(name).read().buffer }),
    createSyncAccessHandle: async (/** @type {{mode?: string}} */ { mode } = {}) => {
      const file = fileOf(name);
      if (file.handle?.isOpen && mode !== "readwrite-unsafe") throw new DOMException("another tab has it", "NoModificationAllowedError");
      file.handle = new Handle(file, owner);
      if (name === JOURNAL) onOpen(file.handle);
      return file.handle;
    },
  });
  return { getDirectory: async () => ({ getFileHandle, keys }) };
}

const IMPORTED = {
  ...{ HEADER, MEASURED, readRecords, salvage, startsWith, writeRecord },
  ...{ readJournal, placeOf, readLengths, writeLength },
};
const GLOBALS = ["navigator", "addEventListener", "postMessage", "setTimeout"];
const SOURCE = readFileSync(new URL("../../../static/clerk/storage/journal-worker.js", import.meta.url), "utf8").replace(
  /^import .*$/gm,
  "",
);
const start = new Function(...Object.keys(IMPORTED), ...GLOBALS, SOURCE);

/**
 * Starts journal-worker.js: its source as a function of its globals, for each tab has a worker of its own.
 * @param {ReturnType<typeof storageOf>} storage @param {(data: any) => void} answer
 * @param {(work: () => void, ms: number) => unknown} later @returns {(event: {data: any}) => Promise<void>} takes a message
 */
export function startWorker(storage, answer, later) {
  /** @type {(event: {data: any}) => Promise<void>} */
  let inside = async () => undefined;
  const listen = (/** @type {string} */ _type, /** @type {any} */ heard) => (inside = heard);
  start(...Object.values(IMPORTED), { storage }, listen, answer, later);
  return inside;
}
