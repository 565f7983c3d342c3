/** One tab of a tablet's browser: what main.js and page.js assemble, without a document. */
import { check, clock, later } from "./still.js";
import { Worker } from "./disk.js";
import { storeOver } from "./memory.js";
import { Api, NoAnswer, Refused } from "../../../static/clerk/server/api.js";
import { Counter } from "../../../static/clerk/counter/counter.js";
import { handIn } from "../../../static/clerk/server/damage.js";
import { enrol } from "../../../static/clerk/server/enrolment.js";
import { JournalFile } from "../../../static/clerk/storage/journal-file.js";
import { openJournal } from "../../../static/clerk/server/opening.js";
import { OldJournals } from "../../../static/clerk/storage/old-journals.js";
import { Sync } from "../../../static/clerk/server/sync.js";

/** @import { Disk } from "./disk.js" */
/** @import { DeviceKey } from "../../../static/clerk/server/api.js" */
/** @import { Damage, DamagedFile } from "../../../static/clerk/storage/damage.js" */
/** @import { Journal, Signer } from "../../../static/clerk/storage/journal.js" */
/** @import { Screen } from "../../../static/clerk/counter/counter.js" */
/** @import { DeviceRecord } from "../../../static/clerk/storage/store.js" */

/**
 * @typedef {{path: string, headers: Record<string, string>, body: Uint8Array, signal: AbortSignal}} Request
 * @typedef {{status: number, json?: any, base64?: string, headers?: Record<string, string>}} Answer
 * @typedef {{answer(answer: Answer): void, fail(): void}} Caller
 * @typedef {{name: string, code?: string, ask?: number, coupon?: string, at_risk?: boolean, named?: string, as_of?: number}} Shown
 *   a screen, as the world sees it; `named`: who can give the coupon, a device's id or a store's name; `as_of`: by the tablet's clock
 */

const NOTHING = { journal: null, damage: null };

export class Tab {
  /** @type {() => void} */
  #die = () => undefined;
  isDead = false;
  /** @type {Promise<void>} */
  end = new Promise((resolve) => (this.#die = resolve));
  /** @type {Shown} */
  screen = { name: "starting" };
  /** @type {Shown[]} what was shown since the world last looked */
  shown = [];
  /** @type {string | undefined} */
  device;
  /** @type {{journal: Journal, sync: Sync, counter: Counter} | undefined} */
  till;
  /** @type {{file: DamagedFile, key: DeviceKey} | undefined} */
  #damaged;
  #now = () => clock.now + this.skewMs;
  #api = new Api((path, request) => this.#fetch(String(path), /** @type {any} */ (request)), "", this.#now);
  /** @type {import("../../../static/clerk/storage/journal-file.js").Opened} what the journal's file held */
  #opened = { texts: [], damage: null };
  #file;
  #send;
  #store;

  /**
   * @param {Disk} disk @param {number} skewMs how far the tablet's clock is off
   * @param {(request: Request, caller: Caller) => void} send
   */
  constructor(disk, skewMs, send) {
    this.disk = disk;
    this.skewMs = skewMs;
    this.worker = new Worker(disk, this);
    this.#file = openFile(this.worker);
    this.#send = send;
    this.#store = storeOver(disk, this);
  }

  async start() {
    const opened = await this.#file.open();
    if (!opened) return this.#show({ name: "elsewhere" });
    this.#opened = opened;
    const [device, pending] = await Promise.all([this.#store.device(), this.#store.enrolment()]);
    const { journal, damage } = device ? await this.#openJournal(device) : NOTHING;
    if (device && journal && !damage) await this.#openTill(device, journal);
    else if (pending) await this.enrol(pending.token);
    else if (device && damage) await this.#stop(device, damage);
    else this.#show({ name: "enrol" });
  }

  /** @param {string} token of a link */
  async enrol(token) {
    this.#show({ name: "enrolling" });
    await this.till?.sync.end();
    try {
      await enrol(token, { api: this.#api, store: this.#store, file: this.#file, opened: this.#opened });
      this.#show({ name: "reloading" });
    } catch (error) {
      if (!isCalm(error)) throw error;
      this.#show({ name: "enrol", code: error instanceof Refused ? error.code : "no_answer" });
    }
  }

  /**
   * Kills or closes the tab: nothing that it does has an effect any more.
   * @param {number} [part] of a waiting write that reaches the disk, 0 to 1
   */
  die(part = 0) {
    this.worker.tear(part, () => (this.isDead = true));
    this.#die();
  }

  /** The regular sync of every twenty seconds. */
  async beat() {
    if (this.#damaged) await calmly(handIn(this.#damaged.file, this.#api, this.#damaged.key));
    await calmly(this.till?.sync.run());
  }

  /** The request of every second: does the server want a sync? */
  async ring() {
    const { sync } = this.till ?? {};
    if (sync?.online && !sync.refused && (await calmly(sync.rings()))) await calmly(sync.run());
  }

  /** @param {DeviceRecord} device @param {Damage} damage */
  async #stop(device, damage) {
    const file = { device: device.id, damage, bytes: await this.#file.bytes(), proof: device.proof };
    this.#damaged = { file, key: keyOf(device) };
    this.#show({ name: "damaged" });
    await this.beat();
  }

  /** @param {DeviceRecord} device */
  #openJournal(device) {
    this.device = device.id;
    return openJournal(signerOf(device), { file: this.#file, opened: this.#opened }, this.#store, this.#now);
  }

  /** @param {DeviceRecord} device @param {Journal} journal */
  async #openTill(device, journal) {
    const alone = (/** @type {() => Promise<any>} */ work) => this.disk.alone(this, work);
    const old = new OldJournals(this.#file, this.#store);
    const sync = new Sync({
      api: this.#api,
      key: keyOf(device),
      journal,
      memory: this.#store,
      now: this.#now,
      alone,
      old,
    });
    const pause = (/** @type {number} */ ms) => new Promise((/** @type {(value: void) => void} */ resolve) => later(resolve, ms));
    const counter = new Counter({ journal, sync, now: this.#now, check, unlock: async () => ({}), pause });
    counter.addEventListener("screen", () => this.#show(describe(counter.screen)));
    this.till = { journal, sync, counter };
    await sync.load();
    await Promise.all([counter.start(), this.beat()]);
  }

  /** @param {Shown} screen */
  #show(screen) {
    this.screen = screen;
    this.shown.push(screen);
  }

  /** @param {string} path @param {Request} request @returns {Promise<any>} */
  #fetch(path, { headers, body, signal }) {
    return new Promise((resolve, reject) => {
      if (this.isDead) return;
      const fail = () => reject(new Error("no network"));
      if (signal.aborted) return fail();
      signal.addEventListener("abort", fail);
      this.#send({ path, headers, body, signal }, { answer: (answer) => resolve(responseOf(answer)), fail });
    });
  }
}

/** @param {DeviceRecord} device @returns {Signer} */
const signerOf = ({ id, keys }) => ({
  deviceId: id,
  sign: async (bytes) => new Uint8Array(await crypto.subtle.sign("Ed25519", keys.privateKey, bytes)),
});

/** @param {DeviceRecord} device @returns {DeviceKey} */
const keyOf = (device) => ({ id: device.id, sign: signerOf(device).sign, proof: device.proof });

/** A JournalFile over an existing worker. @param {Worker} worker */
function openFile(worker) {
  // biome-ignore lint/complexity/useArrowFunction: it is called with `new`
  const made = function () {
    return worker;
  };
  Object.assign(globalThis, { Worker: made });
  return new JournalFile();
}

/** @param {Answer} answer */
function responseOf({ status, json, base64 = "", headers = {} }) {
  const bytes = Uint8Array.from(Buffer.from(base64, "base64"));
  return { status, json: async () => json, arrayBuffer: async () => bytes.buffer, headers: new Headers(headers) };
}

/** @param {Screen} screen @returns {Shown} */
function describe(screen) {
  const { name, code, attempt, finding, details } = /** @type {any} */ (screen);
  const { ask, id = finding?.id, atRisk } = attempt ?? {};
  const { holder, as_of } = details ?? {};
  return {
    name,
    code,
    ask,
    coupon: id,
    at_risk: atRisk,
    ...(as_of !== undefined && { named: holder.device?.id ?? holder.store.name, as_of }),
  };
}

/** Whether the tablet shows this error and goes on. @param {unknown} error */
const isCalm = (error) => error instanceof NoAnswer || error instanceof Refused;

/** @template T @param {Promise<T> | undefined} work */
async function calmly(work) {
  try {
    return await work;
  } catch (error) {
    if (!isCalm(error)) throw error;
    return undefined;
  }
}
