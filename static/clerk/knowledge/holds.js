/**
 * The coupons that this device alone may give: what the server granted, less what the journal says was given back.
 *
 * The list is a cache. If it is lost, the server tells it again; a grant counts only if its epoch is newer than any release of
 * that coupon in the journal, so an old message never brings a hold back (offline.md, rule 5).
 */
import { sha256, utf8 } from "../domain/bytes.js";
import { couponId } from "../domain/tokens.js";
import { releasedEpoch } from "./state.js";

/** @import { Past } from "./state.js" */

/** @typedef {{epoch: number, grants: Grant[]}} Kept  what the tablet remembers */
/** @typedef {[campaign: number, number: number, epoch: number, codeHash: string, lastDay: number]} Grant  as the server tells it */

/** @param {Grant} grant */
export const couponIdOf = ([campaign, number]) => couponId({ campaign, number });

/** What the server tells of a short code instead of the code. @param {string} device @param {string} code as codes.normalise gives it */
export async function codeHash(device, code) {
  const hash = await sha256(utf8(`redeem-short-code-v1/${device}/${code}`));
  return Array.from(hash.slice(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Holds {
  /** @type {Map<string, Grant>} by coupon id */
  #grants = new Map();
  /** The newest grant heard of. */
  epoch = 0;

  /** @param {Kept} [kept] */
  constructor(kept) {
    for (const grant of kept?.grants ?? []) this.#grants.set(couponIdOf(grant), grant);
    this.epoch = kept?.epoch ?? 0;
  }

  get size() {
    return this.#grants.size;
  }

  /** As it is kept, and as it is named to a restored server. */
  get all() {
    return [...this.#grants.values()];
  }

  get kept() {
    return { epoch: this.epoch, grants: this.all };
  }

  /** Takes new grants; one older than what was given back is not believed. @param {Grant[]} grants @param {Past} past */
  believe(grants, past) {
    for (const grant of grants) {
      const id = couponIdOf(grant);
      if (grant[2] > releasedEpoch(past, id) && grant[2] > (this.#grants.get(id)?.[2] ?? 0)) this.#grants.set(id, grant);
      this.epoch = Math.max(this.epoch, grant[2]);
    }
  }

  /** Forgets what the journal has given back. @param {Past} past */
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
