/**
 * The coupons that this device alone may give: the holds that the server granted, minus those that the journal released.
 *
 * The list is a cache: if it is lost, the server sends it again. A grant counts only if its epoch is newer than every release of
 * that coupon in the journal, so an old message never restores a hold (docs/protocol.md, rule 5). The server signs each grant; a gift
 * under a hold shows that proof, for a server that was restored from a backup and lacks the hold.
 */
import { sha256, utf8 } from "../domain/bytes.js";
import { couponId } from "../domain/tokens.js";
import { releasedEpoch } from "./state.js";

/** @import { Past } from "./state.js" */

/** @typedef {{epoch: number, grants: Grant[]}} Kept  as stored on the tablet */
/**
 * @typedef {[campaign: number, number: number, epoch: number, codeHash: string, lastDay: number, proof?: string, codeProof?: string,
 *   keyId?: number]} Grant
 *   as the server sends it; without a proof if it was sent before grants were signed, without the key that signed the coupon if before 0.4
 */

/** @param {Grant} grant */
export const couponIdOf = ([campaign, number]) => couponId({ campaign, number });

/**
 * The server sends this hash in place of a short code: 24 bits, salted with the coupon's id. It recognises a typed code and gives none
 * away. @param {string} coupon its id @param {string} code as `normalise` returns it
 */
export const codeHash = (coupon, code) => hashOf(`redeem-short-code-v2/${coupon}/${code}`, 3);

/** What servers before 0.3 sent: 64 bits, one salt for all of a device's coupons. @param {string} device @param {string} code */
export const earlierCodeHash = (device, code) => hashOf(`redeem-short-code-v1/${device}/${code}`, 8);

/** @param {string} text @param {number} bytes how many of the hash's, in hex */
async function hashOf(text, bytes) {
  const hash = await sha256(utf8(text));
  return Array.from(hash.slice(0, bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {Grant} grant */
const hasEarlierHash = (grant) => grant[3].length === 16;

export class Holds {
  /** @type {Map<string, Grant>} by coupon id */
  #grants = new Map();
  /** The epoch of the newest grant received. */
  epoch = 0;

  /** @param {Kept} [kept] */
  constructor(kept) {
    for (const grant of kept?.grants ?? []) this.#grants.set(couponIdOf(grant), grant);
    // All are asked for again, with their proofs and the present hash, if some lack a proof: the server sends what comes after the epoch.
    this.epoch = this.all.every(isProved) ? (kept?.epoch ?? 0) : 0;
  }

  get size() {
    return this.#grants.size;
  }

  /** All grants, as they are stored and as they are reported to a restored server. */
  get all() {
    return [...this.#grants.values()];
  }

  get kept() {
    return { epoch: this.epoch, grants: this.all };
  }

  /**
   * Adds new grants. A grant that is not newer than a release, or older than what is known, is ignored.
   * @param {Grant[]} grants @param {Past} past
   */
  believe(grants, past) {
    for (const grant of grants) {
      const id = couponIdOf(grant);
      if (grant[2] > releasedEpoch(past, id) && isBetter(grant, this.#grants.get(id))) this.#grants.set(id, grant);
      this.epoch = Math.max(this.epoch, grant[2]);
    }
  }

  /** Removes the holds that the journal has released. @param {Past} past */
  prune(past) {
    for (const [id, grant] of this.#grants) if (grant[2] <= releasedEpoch(past, id)) this.#grants.delete(id);
  }

  /** The epoch of this coupon's hold, 0 if this device does not hold it. @param {string} id @param {Past} past */
  epochOf(id, past) {
    const epoch = this.#grants.get(id)?.[2] ?? 0;
    return epoch > releasedEpoch(past, id) ? epoch : 0;
  }

  /**
   * The hold on the coupon with this short code. None if the hashes of two coupons fit: then only the server knows which it is.
   * @param {string} device @param {string} code as `normalise` returns it @returns {Promise<Grant | undefined>}
   */
  async findTyped(device, code) {
    const earlier = await earlierCodeHash(device, code);
    const hashes = this.all.map(async (grant) => (hasEarlierHash(grant) ? earlier : codeHash(couponIdOf(grant), code)));
    const fitting = (await Promise.all(hashes)).flatMap((hash, index) => (hash === this.all[index][3] ? [this.all[index]] : []));
    return fitting.length === 1 ? fitting[0] : undefined;
  }

  /** What an entry shows of this hold. @param {string} id of a coupon that this device holds @param {boolean} typed by its short code */
  evidenceOf(id, typed) {
    const [, , epoch, , , grant, proof] = this.#grants.get(id) ?? [];
    return { epoch, grant, ...(typed && { proof }) };
  }
}

/** @param {Grant} grant */
const isProved = ([, , , , , proof]) => Boolean(proof);

/** Whether a grant is newer than the one that is kept, or the same with its proof. @param {Grant} grant @param {Grant} [kept] */
const isBetter = (grant, kept) => grant[2] > (kept?.[2] ?? 0) || (grant[2] === kept?.[2] && isProved(grant) && !isProved(kept));
