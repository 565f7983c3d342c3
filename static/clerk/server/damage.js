/**
 * Hands a damaged journal in: its file byte for byte, in parts, and with each part the entries that begin in it and can still be read.
 * The server says how much it has, so nothing is remembered here, and what is sent again does no harm.
 */
import { NoAnswer, Refused } from "./api.js";
import { sha256, toBase64url } from "../domain/bytes.js";
import { salvage } from "../storage/records.js";

/** @import { Api, DeviceKey } from "./api.js" */
/** @import { DamagedFile } from "../storage/damage.js" */
/** @import { SignedEntry } from "../storage/journal.js" */

/** @typedef {{nextDamaged(): Promise<(DamagedFile & {name: string}) | null>, handedIn(name: string): void}} DamagedFiles */

const TIMEOUT_MS = 15_000;
const AGAIN_MS = 20_000;
const PART_BYTES = 64 * 1024;
const PART_ENTRIES = 200;

/**
 * @param {DamagedFile} file @param {Api} api @param {DeviceKey} key
 * @param {{timeoutMs: number, signal?: AbortSignal}} [limits] of each request
 * @returns {Promise<void>} when the server has all of it. Throws NoAnswer or Refused.
 */
export async function handIn({ device, damage, bytes, proof }, api, key, limits = { timeoutMs: TIMEOUT_MS }) {
  const entries = entriesIn(bytes);
  const about = { v: 1, device, damage, file: toBase64url(await sha256(bytes)), size: bytes.length, proof, end: entries.length };
  const send = (/** @type {object} */ part) => api.post("/clerk/damage", { ...about, ...part }, { ...limits, key });
  for (let { kept } = await send({ start: 0 }); kept < bytes.length; ) {
    const part = partAt(bytes, entries, kept);
    const reply = await send(part);
    if (!(reply.kept > kept)) throw new Refused(409, "not_signed");
    kept = reply.kept;
  }
}

/**
 * The same of all damaged files of earlier journals. Throws NoAnswer or Refused.
 * @param {DamagedFiles} files @param {Api} api @param {DeviceKey} key @param {{timeoutMs: number, signal: AbortSignal}} limits
 */
export async function handInAll(files, api, key, limits) {
  for (let file = await files.nextDamaged(); file; file = await files.nextDamaged()) {
    await handIn(file, api, key, limits);
    files.handedIn(file.name);
  }
}

/**
 * The same until it is done, however long there is no network.
 * @param {DamagedFile} file @param {Api} api @param {DeviceKey} key @param {(ms: number) => Promise<void>} pause
 * @returns {Promise<boolean>} false: the server does not take it
 */
export async function handInSometime(file, api, key, pause) {
  for (;;) {
    try {
      await handIn(file, api, key);
      return true;
    } catch (error) {
      if (error instanceof Refused) return false;
      if (!(error instanceof NoAnswer)) throw error;
      await pause(AGAIN_MS);
    }
  }
}

/** @param {Uint8Array<ArrayBuffer>} bytes @param {{at: number, entry: SignedEntry}[]} entries @param {number} start */
function partAt(bytes, entries, start) {
  const behind = entries.filter(({ at }) => at >= start);
  const end = Math.min(start + PART_BYTES, behind[PART_ENTRIES]?.at ?? bytes.length);
  return {
    start,
    bytes: toBase64url(bytes.subarray(start, end)),
    entries: behind.filter(({ at }) => at < end).map(({ entry }) => entry),
  };
}

/** The entries that can be read, and where they begin. @param {Uint8Array} bytes @returns {{at: number, entry: SignedEntry}[]} */
const entriesIn = (bytes) =>
  [...salvage(bytes, 0)].map(({ at, text }) => ({ at, entry: JSON.parse(text) })).filter(({ entry }) => entry.signature !== undefined);
