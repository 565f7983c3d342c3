/**
 * Runs the tablets' own modules for the simulation: one line of JSON in, one out. Nothing here has a clock, a network or chance of
 * its own: the world (world.py) says what time it is, which message arrives and who is killed when.
 *
 * Everything settles in microtasks (the cryptography is Node's synchronous one), so a step is over when the event loop is idle,
 * and the same steps give the same journals.
 */
import { createHash, createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import { createInterface } from "node:readline";

import { Api } from "../../static/clerk/api.js";
import { Counter } from "../../static/clerk/counter.js";
import { Journal, ownerRecord } from "../../static/clerk/journal.js";
import { Sync } from "../../static/clerk/sync.js";

const PKCS8_ED25519 = Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI_ED25519 = Buffer.from("302a300506032b6570032100", "hex");

/** @type {Map<string, Disk>} */
const disks = new Map();
/** @type {Map<string, Tablet>} */
const tablets = new Map();
/** @type {Map<number, Sent>} */
const sent = new Map();
/** @type {{request: number, device: string, path: string, headers: Record<string, string>, body: string}[]} */
let outbox = [];
/** @type {string[]} */
let faults = [];
let now = 0;
let lastRequest = 0;

globalThis.crypto.subtle.digest = async (_algorithm, data) => new Uint8Array(createHash("sha256").update(Buffer.from(data)).digest()).buffer;
globalThis.reportError = (error) => void faults.push(String(error?.stack ?? error));
process.on("unhandledRejection", (error) => void faults.push(String(/** @type {any} */ (error)?.stack ?? error)));

// Time-outs are the world's: it breaks a request off when it likes.
globalThis.setTimeout = /** @type {any} */ (() => 0);
globalThis.clearTimeout = () => undefined;

/** @type {import("../../static/clerk/tokens.js").Check} */
const check = async (publicKey, message, signature) => {
  const key = createPublicKey({ key: Buffer.concat([SPKI_ED25519, Buffer.from(publicKey)]), format: "der", type: "spki" });
  return verify(null, message, key, signature);
};

/** What survives a kill: the journal's records, and what IndexedDB remembers (which may be lost by itself). */
class Disk {
  /** @type {string[]} */
  records;
  /** @type {Record<string, any>} */
  memory = {};
  lockedBy = 0;

  /** @param {string} device @param {string} seed hex */
  constructor(device, seed) {
    this.device = device;
    this.key = createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, Buffer.from(seed, "hex")]), format: "der", type: "pkcs8" });
    this.records = [ownerRecord(device)];
  }
}

/** @typedef {{device: string, tablet: Tablet, resolve: (response: any) => void, reject: (error: Error) => void}} Sent */

class Tablet {
  dead = false;
  skew = 0;
  /** @type {(() => void) | null} a write that waits for the disk */
  held = null;
  holdNext = false;
  /** @type {(() => void)[]} waits that end with the next beat */
  pauses = [];

  /** @param {Disk} disk */
  constructor(disk) {
    this.disk = disk;
    this.key = { id: disk.device, deviceId: disk.device, sign: async (/** @type {Uint8Array} */ bytes) => new Uint8Array(sign(null, bytes, disk.key)) };
  }

  async boot() {
    const clock = () => now + this.skew;
    this.journal = new Journal({ append: (text) => this.#append(text) }, this.key, clock);
    await this.journal.load(this.disk.records);
    let turn = Promise.resolve();
    const alone = (/** @type {() => Promise<any>} */ work) => {
      const mine = turn.then(work);
      turn = mine.then(() => undefined, () => undefined);
      return mine;
    };
    const api = new Api((url, request) => this.#fetch(String(url), /** @type {any} */ (request)), "", clock);
    this.sync = new Sync({ api, key: this.key, journal: this.journal, memory: this.#memory(), now: clock, alone });
    await this.sync.load();
    this.counter = new Counter({ journal: this.journal, sync: this.sync, now: clock, check, unlock: async () => ({}), pause: () => this.#pause() });
    await this.counter.start();
  }

  #pause() {
    return /** @type {Promise<void>} */ (new Promise((resolve) => this.pauses.push(resolve)));
  }

  /** @param {string} text */
  #append(text) {
    return /** @type {Promise<void>} */ (
      new Promise((resolve) => {
        const write = () => {
          this.held = null;
          this.disk.records.push(text);
          if (!this.dead) resolve();
        };
        if (this.holdNext) this.held = write;
        else write();
        this.holdNext = false;
      })
    );
  }

  /** Every `name()` and `putName(value)` of the store, over a plain object. */
  #memory() {
    const { disk } = this;
    return /** @type {any} */ (
      new Proxy(
        {},
        {
          get: (_target, name) => {
            const text = String(name);
            if (text.startsWith("put")) {
              const key = text[3].toLowerCase() + text.slice(4);
              return async (/** @type {any} */ value) => void (disk.memory[key] = structuredClone(value));
            }
            return async () => structuredClone(disk.memory[text] ?? (text === "acknowledged" ? 0 : undefined));
          },
        },
      )
    );
  }

  /** @param {string} path @param {{headers: Record<string, string>, body: Uint8Array, signal: AbortSignal}} request */
  #fetch(path, { headers, body, signal }) {
    return new Promise((resolve, reject) => {
      if (this.dead) return;
      if (signal.aborted) return reject(new Error("aborted"));
      const request = ++lastRequest;
      sent.set(request, { device: this.disk.device, tablet: this, resolve, reject });
      signal.addEventListener("abort", () => reject(new Error("aborted")));
      outbox.push({ request, device: this.disk.device, path, headers, body: Buffer.from(body).toString("utf8") });
    });
  }
}

/** @type {Record<string, (command: any) => any>} */
const COMMANDS = {
  make: ({ device, seed }) => void disks.set(device, new Disk(device, seed)),
  async boot({ device, skew = 0 }) {
    const disk = /** @type {Disk} */ (disks.get(device));
    const running = tablets.get(device);
    if (running && !running.dead) throw new Error("the journal is locked by another tab");
    const tablet = new Tablet(disk);
    tablet.skew = skew;
    tablets.set(device, tablet);
    // Not awaited: an interrupted tablet asks the server first, and the world says when that answers.
    tablet.boot().catch((error) => faults.push(String(error.stack)));
  },
  kill({ device, written = false }) {
    const tablet = running(device);
    tablet.dead = true;
    if (written) tablet.held?.();
    tablet.held = null;
    tablets.delete(device);
  },
  forget: ({ device }) => void (/** @type {Disk} */ (disks.get(device)).memory = {}),
  hold: ({ device }) => void (running(device).holdNext = true),
  flush: ({ device }) => void running(device).held?.(),
  skew: ({ device, skew }) => void (running(device).skew = skew),
  do({ device, verb, args = [] }) {
    const counter = /** @type {any} */ (running(device).counter);
    Promise.resolve(counter[verb](...args)).catch((error) => faults.push(String(error.stack)));
  },
  give: ({ device }) => void COMMANDS.do({ device, verb: "give" }),
  undo({ device, ask, reason }) {
    const { counter, journal } = running(device);
    const attempt = journal?.past.attempts.get(ask);
    if (attempt) Promise.resolve(counter?.undo(attempt, reason)).catch((error) => faults.push(String(error.stack)));
  },
  /** The twenty-second beat. */
  sync({ device }) {
    for (const resume of running(device).pauses.splice(0)) resume();
    running(device)
      .sync?.run()
      .catch(() => undefined); // no answer, or refused: the sync line says so
  },
  deliver({ request, status, json }) {
    const waiting = sent.get(request);
    sent.delete(request);
    if (!waiting || waiting.tablet.dead) return;
    const bytes = json?.base64 && Uint8Array.from(Buffer.from(json.base64, "base64"));
    waiting.resolve({ status, json: async () => json, arrayBuffer: async () => bytes.buffer, headers: new Headers(json?.headers ?? {}) });
  },
  lose({ request }) {
    const waiting = sent.get(request);
    sent.delete(request);
    if (waiting && !waiting.tablet.dead) waiting.reject(new Error("no network"));
  },
  journal: ({ device }) => /** @type {Disk} */ (disks.get(device)).records.slice(1).map((record) => JSON.parse(record).text),
};

/** @param {string} device */
function running(device) {
  const tablet = tablets.get(device);
  if (!tablet) throw new Error(`${device} is not running`);
  return tablet;
}

/** @param {Tablet | undefined} tablet */
const told = (tablet) => {
  const screen = /** @type {any} */ (tablet?.counter?.screen);
  if (!tablet || !screen) return null;
  const attempt = screen.attempt ?? screen.finding?.attempt;
  return {
    name: screen.name,
    code: screen.code,
    ask: screen.attempt?.ask,
    coupon: screen.attempt?.id ?? screen.finding?.id ?? attempt?.id,
    held: Boolean(tablet.held),
    waiting: tablet.sync?.waiting ?? 0,
  };
};

const idle = () => new Promise((resolve) => setImmediate(resolve));

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  now = command.now;
  let value = null;
  try {
    value = (await COMMANDS[command.do](command)) ?? null;
  } catch (error) {
    faults.push(String(/** @type {any} */ (error).stack));
  }
  for (let round = 0; round < 3; round++) await idle();
  const reply = { value, sent: outbox, faults, screen: told(tablets.get(command.device ?? sent.get(command.request)?.device ?? command.of)) };
  outbox = [];
  faults = [];
  process.stdout.write(JSON.stringify(reply) + "\n");
}
