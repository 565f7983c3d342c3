/** A tablet's storage, which outlives its tabs: the files of the browser's private file system, and IndexedDB, which may be lost alone. */
import { HEADER, salvage } from "../../../static/clerk/storage/records.js";
import { JOURNAL, LENGTHS, startWorker, storageOf } from "./opfs.js";
import { later } from "./still.js";

/** @import { File, Handle } from "./opfs.js" */

/** @typedef {{isDead: boolean, end: Promise<void>}} Owner  the tab that uses it; `end` resolves when it dies */

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
  /** @type {Uint8Array[][]} earlier contents of the journal and of its length, the newest first */
  #journals = [];
  /** The device whose journal was put back with its length. @type {string | undefined} */
  #putBack;
  /** @type {Promise<unknown>} */
  #turn = Promise.resolve();

  /** Keeps a copy of IndexedDB and one of the journal, so that each can fall back to it. */
  remember() {
    this.#earlier = [structuredClone(this.memory), ...this.#earlier].slice(0, COPIES_MAX);
    const files = [JOURNAL, LENGTHS].map((name) => this.files.get(name)?.read() ?? new Uint8Array());
    this.#journals = [files, ...this.#journals].slice(0, COPIES_MAX);
  }

  /**
   * @param {"caches" | "all" | "later"} what what can be had again, everything, or what came after a `remember`
   * @param {number} back how many of these to go back
   */
  forget(what, back = 0) {
    // A journal that is put back below what the server acknowledged is noticed by that alone.
    if (what !== "all" && this.#putBack && this.#putBack === this.memory.device?.id) return;
    if (what === "caches") for (const name of CACHES) delete this.memory[name];
    if (what === "all") this.memory = {};
    const earlier = this.#earlier[back];
    // A database with another key never comes back.
    if (what !== "later" || !earlier || earlier.device?.id !== this.memory.device?.id) return;
    this.memory = structuredClone(earlier);
    this.#earlier = this.#earlier.slice(back); // later contents are lost for good
  }

  /**
   * The power is cut: what was not flushed is there in part.
   * @param {() => number} part of each such change, 0 to 1
   */
  losePower(part) {
    for (const file of this.files.values()) file.losePower(part);
  }

  /**
   * The journal is damaged: a bit of it, or of its length, is another; a part at its end is gone; all is gone, its length too; it is as it
   * was some time ago; or its length is, too, if the server had more then: without that nobody could notice.
   * @param {"flip" | "flip length" | "cut" | "empty" | "older" | "back"} how @param {number} where 0 to 1
   */
  damage(how, where) {
    const file = this.files.get(how === "flip length" ? LENGTHS : JOURNAL);
    if (!file?.size) return;
    const bytes = file.read();
    if (how.startsWith("flip")) bytes[Math.floor(where * bytes.length)] ^= 1 << (Math.floor(where * bytes.length * 8) & 7);
    file.replace(how === "cut" ? bytes.slice(0, Math.floor(where * bytes.length)) : bytes);
    if (how === "empty") for (const name of [JOURNAL, LENGTHS]) this.files.delete(name);
    const [older, length] = this.#journals[Math.floor(where * this.#journals.length)] ?? [];
    const isKnown = older && entriesIn(older) < (this.memory.acknowledged ?? 0);
    if (older && (how === "older" || (how === "back" && isKnown))) file.replace(older);
    if (how !== "back" || !isKnown) return;
    this.files.get(LENGTHS)?.replace(length);
    this.#putBack = this.memory.device?.id;
  }

  /** The texts of the entries of each journal, by device; also those behind damage. @returns {Record<string, string[]>} */
  journals() {
    const files = [...this.files].filter(([name]) => !name.includes("torn"));
    const written = files
      .map(([, file]) => [...salvage(file.read(), HEADER.length)].map(({ text }) => text))
      .filter(([owner]) => owner && JSON.parse(owner).device)
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

/** How many there are after the owner's record. @param {Uint8Array} journal */
const entriesIn = (journal) => [...salvage(journal, HEADER.length)].length - 1;

/** The `Worker` of a tab: journal-worker.js on this tab's disk, which may be slow and may tear a write. */
export class Worker {
  #inside;
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
    const answer = (/** @type {any} */ data) => void (owner.isDead || this.#outside({ data }));
    const storage = storageOf(disk.files, owner, (handle) => (this.#handle = handle));
    this.#inside = startWorker(storage, answer, later);
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
