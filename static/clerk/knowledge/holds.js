/**
 * The coupons that this device alone may give: the holds that the server granted, minus those that the journal released.
 *
 * The list is a cache: if it is lost, the server sends it again. A grant counts only if its epoch is newer than every release of
 * that coupon in the journal, so an old message never restores a hold (docs/protocol.md, rule 5).
 */
import { sha256, utf8 } from "../domain/bytes.js";
import { couponId } from "../domain/tokens.js";
import { releasedEpoch } from "./state.js";

/** @import { Past } from "./state.js" */

/** @typedef {{epoch: number, grants: Grant[]}} Kept  as stored on the tablet */
/** @typedef {[campaign: number, number: number, epoch: number, codeHash: string, lastDay: number]} Grant  as the server sends it */

/** @param {Grant} grant */
export const couponIdOf = ([campaign, number]) => couponId({ campaign, number });

/** The server sends this hash in place of a short code. @param {string} device @param {string} code as `normalise` returns it */
export async function codeHash(device, code) {
  const hash = await sha256(utf8(`redeem-short-code-v1/${device}/${code}`));
  return Array.from(hash.slice(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Holds {
  /** @type {Map<string, Grant>} by coupon id */
  #grants = new Map();
  /** The epoch of the newest grant received. */
  epoch = 0;

  /** @param {Kept} [kept] */
  constructor(kept) {
    for (const grant of kept?.grants ?? []) this.#grants.set(couponIdOf(grant), grant);
    this.epoch = kept?.epoch ?? 0;
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

  /** Adds new grants. A grant that is not newer than a release is ignored. @param {Grant[]} grants @param {Past} past */
  believe(grants, past) {
    for (const grant of grants) {
      const id = couponIdOf(grant);
      if (grant[2] > releasedEpoch(past, id) && grant[2] > (this.#grants.get(id)?.[2] ?? 0)) this.#grants.set(id, grant);
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

  /** The hold on the coupon with this short code. @param {string} hash of codeHash @returns {Grant | undefined} */
  findTyped(hash) {
    return this.all.find((grant) => grant[3] === hash);
  }
}
