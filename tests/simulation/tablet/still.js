/**
 * Node without a clock, randomness or waiting: the world sets the time.
 *
 * Cryptography is synchronous, so a tablet's step is over when the event loop is idle, and the same steps give the same journals.
 * Import this before any of the tablet's modules.
 */
import { createHash, createPrivateKey, createPublicKey, sign, verify } from "node:crypto";

const PKCS8_ED25519 = Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI_ED25519 = Buffer.from("302a300506032b6570032100", "hex");

/** @typedef {{due: number, work: () => void}} Timer */

/** @type {Map<number, Timer>} */
const timers = new Map();
/** @type {Map<string, import("node:crypto").KeyObject>} */
const keys = new Map();
let lastTimer = 0;

/** The true time of the world; a tablet's clock may be off. */
export const clock = { now: 0 };

/** The seed of the next key pair, hex; set by the world. */
export const chance = { seed: "" };

/** Sets the time and runs the timers that are due. @param {number} now */
export function pass(now) {
  clock.now = now;
  const due = [...timers].filter(([, timer]) => timer.due <= now).sort(([a, x], [b, y]) => x.due - y.due || a - b);
  for (const [id, { work }] of due) if (timers.delete(id)) work();
}

/** Resolves when nothing is left to run. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));

/** @param {() => void} work @param {number} [ms] */
export function later(work, ms = 0) {
  timers.set(++lastTimer, { due: clock.now + ms, work });
  return lastTimer;
}

/** @type {import("../../../static/clerk/domain/tokens.js").Check} */
export const check = async (publicKey, message, signature) => {
  const key = createPublicKey({ key: Buffer.concat([SPKI_ED25519, publicKey]), format: "der", type: "spki" });
  return verify(null, message, key, signature);
};

/** A key pair is its seed. @param {string} seed hex */
function privateKey(seed) {
  const made =
    keys.get(seed) ?? createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, Buffer.from(seed, "hex")]), format: "der", type: "pkcs8" });
  keys.set(seed, made);
  return made;
}

/** A copy in a buffer of its own. @param {Buffer} bytes */
const alone = (bytes) => new Uint8Array(bytes).buffer;

const subtle = {
  digest: async (/** @type {string} */ _algorithm, /** @type {Uint8Array} */ data) => alone(createHash("sha256").update(data).digest()),
  sign: async (/** @type {string} */ _algorithm, /** @type {string} */ seed, /** @type {Uint8Array} */ data) =>
    alone(sign(null, data, privateKey(seed))),
  generateKey: async () => ({ privateKey: chance.seed, publicKey: chance.seed }),
  exportKey: async (/** @type {string} */ _format, /** @type {string} */ seed) => {
    const { x } = createPublicKey(privateKey(seed)).export({ format: "jwk" });
    return alone(Buffer.from(x ?? "", "base64url"));
  },
};

Object.defineProperty(globalThis, "crypto", { value: { subtle }, configurable: true });
Object.assign(globalThis, { setTimeout: later, clearTimeout: (/** @type {number} */ id) => void timers.delete(id) });
