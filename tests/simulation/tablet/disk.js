/**
 * A tablet's storage, which outlives its tabs: the files of the browser's private file system, byte by byte, and IndexedDB, which may
 * be lost alone.
 */
import { readFileSync } from "node:fs";

import { HEADER, readRecords, writeRecord } from "../../../static/clerk/storage/records.js";
import { later } from "./still.js";

/** @typedef {{isDead: boolean, end: Promise<void>}} Owner  the tab that uses it; `end` resolves when it dies */

const JOURNAL = "journal.redeem";
const GROWTH_BYTES = 65_536;
const COPIES_MAX = 4;

/** What IndexedDB holds and the journal or the server can restore. */
const CACHES = ["snapshot", "acknowledged", "holds", "sets", "siblings", "heard", "handedIn"];

export class Disk {
  /** @type {Map<string, File>} */
  files = new Map();
  /** @type {Record<string, any>} the contents of IndexedDB */
  memory = {};
  /** @type {Record<string, any>[]} earlier contents, the newest first */
  #earlier = [];
  /** @type {Promise<unknown>} */
  #turn = Promise.resolve();

  /** Keeps a copy of IndexedDB, so that it can fall back to it. */
  remember() {
    this.#earlier = [structuredClone(this.memory), ...this.#earlier].slice(0, COPIES_MAX);
  }

  /**
   * @param {"caches" | "all" | "later"} what what can be had again, everything, or what came after a `remember`
   * @param {number} back how many of these to go back
   */
  forget(what, back = 0) {
    if (what === "caches") for (const name of CACHES) delete this.memory[name];
    if (what === "all") this.memory = {};
    const earlier = this.#earlier[back];
    // A database with another key never comes back.
    if (what !== "later" || !earlier || earlier.device?.id !== this.memory.device?.id) return;
    this.memory = structuredClone(earlier);
    this.#earlier = this.#earlier.slice(back); // later contents are lost for good
  }

  /** @param {string} name */
  file(name) {
    const file = this.files.get(name) ?? new File();
    this.files.set(name, file);
    return file;
  }

  /** The texts of the entries of each journal, by device. @returns {Record<string, string[]>} */
  journals() {
    const files = [...this.files].filter(([name]) => !name.includes("torn")).map(([, file]) => readRecords(file.read()).texts);
    const written = files
      .filter((texts) => texts.length)
      .map(([owner, ...records]) => [JSON.parse(owner).device, records.map((record) => JSON.parse(record).text)]);
    return Object.fromEntries(written.sort(([, one], [, other]) => one.length - other.length)); // the longest journal of a device wins
  }

  /**
   * One work at a time over all tabs of this tablet, as navigator.locks has it: a tab that dies is out of the queue.
   * @template T @param {Owner} owner @param {() => Promise<T>} work @returns {Promise<T>}
   */
  alone(owner, work) {
    const mine = this.#turn.then(() => (owner.isDead ? new Promise(() => undefined) : work()));
    this.#turn = Promise.race([mine, owner.end]).catch(() => undefined);
    return /** @type {Promise<T>} */ (mine);
  }
}

class File {
  #bytes = new Uint8Array(GROWTH_BYTES);
  size = 0;
  /** @type {Handle | null} */
  handle = null;

  read() {
    return this.#bytes.slice(0, this.size);
  }

  /** @param {Uint8Array} bytes @param {number} at */
  write(bytes, at) {
    if (at + bytes.length > this.#bytes.length) {
      const longer = new Uint8Array(at + bytes.length + GROWTH_BYTES);
      longer.set(this.read());
      this.#bytes = longer;
    }
    this.#bytes.set(bytes, at);
    this.size = Math.max(this.size, at + bytes.length);
  }

  /** @param {number} size */
  truncate(size) {
    this.size = Math.min(this.size, size);
  }
}

/** A sync access handle: one at a time for a file, unless opened as unsafe. The handle of a dead tab does nothing. */
class Handle {
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
    target.set(this.#file.read().subarray(at, at + target.length));
    return target.length;
  }

  /** @param {Uint8Array} bytes @param {{at: number}} options */
  write(bytes, { at }) {
    this.#mustLive();
    const part = this.#tears === null ? bytes : bytes.subarray(0, Math.floor(bytes.length * this.#tears));
    this.#file.write(part, at);
    return bytes.length;
  }

  /** @param {number} size */
  truncate(size) {
    this.#mustLive();
    this.#file.truncate(size);
  }

  flush() {
    this.#mustLive();
  }

  close() {
    if (this.#file.handle === this) this.#file.handle = null;
  }

  #mustLive() {
    if (this.#owner.isDead) throw new Error("the tab is dead");
  }
}

/** `navigator.storage`, for one tab. @param {Disk} disk @param {Owner} owner @param {(handle: Handle) => void} onOpen */
function storageOf(disk, owner, onOpen) {
  async function* keys() {
    yield* [...disk.files.keys()];
  }
  const getFileHandle = async (/** @type {string} */ name) => ({
    getFile: async () => ({ arrayBuffer: async () => disk.file(name).read().buffer }),
    createSyncAccessHandle: async (/** @type {{mode?: string}} */ { mode } = {}) => {
      const file = disk.file(name);
      if (file.handle?.isOpen && mode !== "readwrite-unsafe") throw new DOMException("another tab has it", "NoModificationAllowedError");
      file.handle = new Handle(file, owner);
      if (name === JOURNAL) onOpen(file.handle);
      return file.handle;
    },
  });
  return { getDirectory: async () => ({ getFileHandle, keys }) };
}

const IMPORTED = { HEADER, readRecords, writeRecord };
const GLOBALS = ["navigator", "addEventListener", "postMessage", "setTimeout"];
const SOURCE = readFileSync(new URL("../../../static/clerk/storage/journal-worker.js", import.meta.url), "utf8").replace(
  /^import .*$/gm,
  "",
);
/** The worker's source as a function of its globals: each tab starts its own worker. */
const startWorker = new Function(...Object.keys(IMPORTED), ...GLOBALS, SOURCE);

/** The `Worker` of a tab: journal-worker.js on this tab's disk, which may be slow and may tear a write. */
export class Worker {
  /** @type {(event: {data: any}) => Promise<void>} */
  #inside = async () => undefined;
  /** @type {(event: {data: any}) => void} */
  #outside = () => undefined;
  /** @type {any[]} calls that wait for a slow disk */
  #waiting = [];
  /** @type {Handle | null} */
  #handle = null;
  #isSlow = false;
  #owner;

  /** @param {Disk} disk @param {Owner} owner */
  constructor(disk, owner) {
    this.#owner = owner;
    const navigator = { storage: storageOf(disk, owner, (handle) => (this.#handle = handle)) };
    const listen = (/** @type {string} */ _type, /** @type {any} */ inside) => (this.#inside = inside);
    const answer = (/** @type {any} */ data) => void (owner.isDead || this.#outside({ data }));
    startWorker(...Object.values(IMPORTED), navigator, listen, answer, later);
  }

  /** @param {string} type @param {any} outside */
  addEventListener(type, outside) {
    if (type === "message") this.#outside = outside;
  }

  /** @param {any} data */
  postMessage(data) {
    if (this.#owner.isDead) return;
    if (this.#isSlow) this.#waiting.push(data);
    else void this.#inside({ data });
  }

  get isBusy() {
    return this.#waiting.length > 0;
  }

  slow() {
    this.#isSlow = true;
  }

  /** Lets the disk do what waits. */
  flush() {
    this.#isSlow = false;
    for (const data of this.#waiting.splice(0)) void this.#inside({ data });
  }

  /**
   * Of the waiting writes, a part of the first reaches the disk, and the tab dies before it gets an answer.
   * @param {number} part 0 to 1 @param {() => void} die
   */
  tear(part, die) {
    const [first] = this.#waiting;
    if (first && part > 0) {
      this.#handle?.tear(part);
      void this.#inside({ data: first });
    }
    die();
  }
}
