/**
 * Clerks' PINs without a network: a PIN that the server has accepted on this tablet also unlocks it offline. Wrong tries must wait.
 *
 * A PIN is only a screen lock; the device's key protects the ledger. The PIN is stored as a salted, slow hash. A try is counted before
 * it is checked, so closing the page gives no free tries. The server's mark of the PIN is stored with it: if the snapshot has another
 * mark for this clerk, or no longer has the clerk, the stored PIN is not valid.
 */
import { utf8 } from "../domain/bytes.js";

/** @import { KeptPin } from "../storage/store.js" */

/**
 * @typedef {{pin(clerk: string): Promise<KeptPin | undefined>, putPin(clerk: string, kept: KeptPin): Promise<void>}} PinMemory
 */

const ITERATIONS = 300_000;
const SALT_BYTES = 16;
const HASH_BITS = 256;
// As on the server: some tries are free, then each waits longer, up to a limit.
export const FREE_FAILURES = 5;
const FIRST_WAIT_MS = 15_000;
const LONGEST_WAIT_MS = 5 * 60_000;

/** How long the next try must wait, in ms. @param {KeptPin} kept @param {number} now */
export function waitMs({ failures, failedAt }, now) {
  if (failures < FREE_FAILURES) return 0;
  const wait = Math.min(FIRST_WAIT_MS * 2 ** (failures - FREE_FAILURES), LONGEST_WAIT_MS);
  // A clock that was set back must not lock the clerk out for longer than the wait itself.
  return Math.min(wait, Math.max(0, failedAt + wait - now));
}

export class Pins {
  #memory;
  #now;

  /** @param {PinMemory} memory @param {() => number} now */
  constructor(memory, now) {
    this.#memory = memory;
    this.#now = now;
  }

  /** Stores a PIN that the server has accepted. @param {string} clerk @param {string} pin @param {string} mark of the PIN */
  async remember(clerk, pin, mark) {
    const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
    await this.#memory.putPin(clerk, { salt, hash: await slowHash(pin, salt), failures: 0, failedAt: 0, mark });
  }

  /**
   * @param {string} clerk @param {string} pin
   * @param {string | undefined} mark of the clerk's PIN in the snapshot; undefined: the clerk is not of this store
   * @returns {Promise<{answer: "right" | "wrong" | "unknown" | "wait", waitMs: number}>} `unknown`: no PIN with this mark is stored
   */
  async check(clerk, pin, mark) {
    const kept = await this.#memory.pin(clerk);
    if (!kept || mark === undefined || kept.mark !== mark) return { answer: "unknown", waitMs: 0 };
    const wait = waitMs(kept, this.#now());
    if (wait > 0) return { answer: "wait", waitMs: wait };
    await this.#memory.putPin(clerk, { ...kept, failures: kept.failures + 1, failedAt: this.#now() });
    if (!same(kept.hash, await slowHash(pin, kept.salt))) return { answer: "wrong", waitMs: 0 };
    await this.#memory.putPin(clerk, { ...kept, failures: 0, failedAt: 0 });
    return { answer: "right", waitMs: 0 };
  }
}

/** @param {string} pin @param {Uint8Array<ArrayBuffer>} salt */
async function slowHash(pin, salt) {
  const key = await crypto.subtle.importKey("raw", utf8(pin), "PBKDF2", false, ["deriveBits"]);
  return crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt, iterations: ITERATIONS }, key, HASH_BITS);
}

/** @param {ArrayBuffer} one @param {ArrayBuffer} other */
function same(one, other) {
  const [a, b] = [new Uint8Array(one), new Uint8Array(other)];
  return a.length === b.length && a.reduce((difference, byte, index) => difference | (byte ^ b[index]), 0) === 0;
}
