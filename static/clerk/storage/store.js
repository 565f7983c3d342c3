/**
 * What the tablet stores in IndexedDB: its key, which can be stored nowhere else, and caches. A kill may lose the whole database, so
 * everything but the key can be rebuilt from the journal or the server.
 */
import { StorageError } from "./journal-file.js";
import { openDB } from "../../vendor/idb-8.0.4/index.js";

/** @import { IDBPDatabase } from "../../vendor/idb-8.0.4/entry.js" */
/** @import { Snapshot } from "../knowledge/state.js" */
/** @import { Kept as KeptHolds } from "../knowledge/holds.js" */
/** @import { Kept as KeptSets } from "../knowledge/sets.js" */
/** @import { Kept as KeptSiblings } from "../knowledge/siblings.js" */
/** @import { LastContact } from "../knowledge/state.js" */
/** @import { HandedIn } from "./old-journals.js" */

/**
 * @typedef {{id: string, name: string, keys: CryptoKeyPair, proof?: string}} DeviceRecord  `proof`: sealed by the server at enrolment
 * @typedef {{token: string, keys: CryptoKeyPair}} EnrolmentRecord  an enrolment without an answer yet
 * @typedef {{salt: Uint8Array<ArrayBuffer>, hash: ArrayBuffer, failures: number, failedAt: number, mark?: string}} KeptPin  `failedAt`:
 *   ms since 1970
 * @typedef {{language?: string, sound?: boolean, camera?: string}} Settings
 */

const DATABASE = "redeem";
const FACTS = "facts";

/** How a browser says that it has closed a database under the page, before something was begun or while it was under way. */
const CLOSED = ["InvalidStateError", "AbortError"];

export class Store {
  #database;

  /** @param {IDBPDatabase} database */
  constructor(database) {
    this.#database = database;
  }

  /** Throws StorageError. */
  static async open() {
    return new Store(await openDatabase());
  }

  /** @returns {Promise<DeviceRecord | undefined>} */
  device() {
    return this.#get("device");
  }

  /** @returns {Promise<EnrolmentRecord | undefined>} */
  enrolment() {
    return this.#get("enrolment");
  }

  /** @param {EnrolmentRecord} enrolment */
  beginEnrolment(enrolment) {
    return this.#put("enrolment", enrolment);
  }

  /** @param {DeviceRecord} device */
  enrolled(device) {
    return this.#do(async (database) => {
      const change = database.transaction(FACTS, "readwrite", { durability: "strict" });
      const settings = await change.store.get("settings");
      const copies = [...((await change.store.get("copies")) ?? []), ...((await change.store.get("snapshot"))?.copies ?? [])];
      const changes = [change.store.clear()]; // the rest belongs to the device that this tablet was before
      const kept = { ...(settings && { settings }), ...(copies.length && { copies }), device };
      for (const [key, value] of Object.entries(kept)) changes.push(change.store.put(value, key).then(() => undefined));
      await Promise.all([...changes, change.done]);
    });
  }

  forgetEnrolment() {
    return this.#do((database) => database.delete(FACTS, "enrolment"));
  }

  /** @returns {Promise<Snapshot | undefined>} */
  snapshot() {
    return this.#get("snapshot");
  }

  /** @param {Snapshot} snapshot */
  putSnapshot(snapshot) {
    return this.#put("snapshot", snapshot);
  }

  /** Sealed copies that the device before was sent, and that the server has not got back yet. @returns {Promise<string[]>} */
  async copies() {
    return (await this.#get("copies")) ?? [];
  }

  /** @param {string[]} copies */
  putCopies(copies) {
    return this.#put("copies", copies);
  }

  /** The number of the last entry that the server is known to have. @returns {Promise<number>} */
  async acknowledged() {
    return (await this.#get("acknowledged")) ?? 0;
  }

  /** @param {number} last */
  putAcknowledged(last) {
    return this.#put("acknowledged", last);
  }

  /** @returns {Promise<KeptHolds | undefined>} */
  holds() {
    return this.#get("holds");
  }

  /** @param {KeptHolds} holds */
  putHolds(holds) {
    return this.#put("holds", holds);
  }

  /** @returns {Promise<KeptSets | undefined>} */
  sets() {
    return this.#get("sets");
  }

  /** @param {KeptSets} sets */
  putSets(sets) {
    return this.#put("sets", sets);
  }

  /** @returns {Promise<KeptSiblings | undefined>} */
  siblings() {
    return this.#get("siblings");
  }

  /** @param {KeptSiblings} siblings */
  putSiblings(siblings) {
    return this.#put("siblings", siblings);
  }

  /** @returns {Promise<LastContact | undefined>} */
  heard() {
    return this.#get("heard");
  }

  /** @param {LastContact} heard */
  putHeard(heard) {
    return this.#put("heard", heard);
  }

  /** How much of the old journals the server has. @returns {Promise<HandedIn | undefined>} */
  handedIn() {
    return this.#get("handed in");
  }

  /** @param {HandedIn} handedIn */
  putHandedIn(handedIn) {
    return this.#put("handed in", handedIn);
  }

  /** @param {string} clerk @returns {Promise<KeptPin | undefined>} */
  pin(clerk) {
    return this.#get(`pin ${clerk}`);
  }

  /** @param {string} clerk @param {KeptPin} kept */
  putPin(clerk, kept) {
    return this.#put(`pin ${clerk}`, kept);
  }

  /** @returns {Promise<Settings>} */
  async settings() {
    return (await this.#get("settings")) ?? {};
  }

  /** @param {Settings} changes the others stay */
  async changeSettings(changes) {
    await this.#put("settings", { ...(await this.settings()), ...changes });
  }

  /** @param {string} key */
  #get(key) {
    return this.#do((database) => database.get(FACTS, key));
  }

  /** @param {string} key @param {unknown} value */
  #put(key, value) {
    return this.#do(async (database) => {
      const change = database.transaction(FACTS, "readwrite", { durability: "strict" });
      await Promise.all([change.store.put(value, key), change.done]);
    });
  }

  /**
   * Does a piece of work, all of it again if the browser has closed the database meanwhile, as it may to clear up or after a fault of its
   * own. Throws StorageError if it can't be opened any more.
   * @template T @param {(database: IDBPDatabase) => Promise<T>} work @returns {Promise<T>}
   */
  async #do(work) {
    try {
      return await work(this.#database);
    } catch (error) {
      if (!(error instanceof DOMException && CLOSED.includes(error.name))) throw error;
      this.#database = await openDatabase();
      return work(this.#database);
    }
  }
}

/** Throws StorageError. @returns {Promise<IDBPDatabase>} */
async function openDatabase() {
  try {
    return await openDB(DATABASE, 1, { upgrade: (database) => void database.createObjectStore(FACTS) });
  } catch (error) {
    throw new StorageError(String(error)); // as in some private windows
  }
}
