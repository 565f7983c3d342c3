/** The journal file for the page: calls to journal-worker.js. */

/** @import { Damage } from "./damage.js" */

/** @typedef {{texts: string[], damage: Damage | null}} Opened */

/** The tablet's storage failed: it is full, or the browser gives the page none. */
export class StorageError extends Error {}

export class JournalFile {
  #worker = new Worker(new URL("./journal-worker.js", import.meta.url), { type: "module" });
  /** @type {Map<number, {resolve: (value: any) => void, reject: (error: Error) => void}>} */
  #calls = new Map();
  #lastId = 0;

  constructor() {
    this.#worker.addEventListener("message", ({ data: { id, value, error } }) => this.#settle(id, value, error));
    this.#worker.addEventListener("error", () => this.#fail("the journal's worker did not start"));
  }

  /** The records in the file, up to its damage if it has any; null if another tab has it. @returns {Promise<Opened | null>} */
  open() {
    return this.#call("open");
  }

  /** @param {string} text @returns {Promise<void>} resolves once the text is durable */
  append(text) {
    return this.#call("append", text);
  }

  /** Sets the file aside under another name and begins an empty one. @returns {Promise<void>} */
  retire() {
    return this.#call("retire");
  }

  /** The names of the files of earlier journals, which were set aside. @returns {Promise<string[]>} */
  earlier() {
    return this.#call("earlier");
  }

  /** The records of a file that was set aside, as far as they are whole. @param {string} name @returns {Promise<string[]>} */
  read(name) {
    return this.#call("read", name);
  }

  /** All bytes of a file. @param {string} [name] of one that was set aside @returns {Promise<Uint8Array<ArrayBuffer>>} */
  bytes(name = "journal.redeem") {
    return this.#call("bytes", name);
  }

  /** @param {string} call @param {string} [text] @returns {Promise<any>} */
  #call(call, text) {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      this.#worker.postMessage({ id, call, text });
    });
  }

  /** @param {number} id @param {unknown} value @param {string} [error] */
  #settle(id, value, error) {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (error === undefined) call?.resolve(value);
    else call?.reject(new StorageError(error));
  }

  /** @param {string} why */
  #fail(why) {
    for (const call of this.#calls.values()) call.reject(new Error(why));
    this.#calls.clear();
  }
}
