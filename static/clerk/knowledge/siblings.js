/**
 * Which coupons the other tablets of this store hold, and which are at home at another store, as of the last word from the server: without
 * a network this one can say who gives a coupon now. Advice, never a permission: an old word sends a customer to a till that says no, and
 * harms nothing.
 *
 * A cache: what is lost comes again. Grants are numbered by epochs that only grow, so the server is told up to which each tablet's
 * are known here; what was given back, redeemed or voided is heard of with the changes of the last list.
 */
import { fromGaps } from "../domain/bitmaps.js";
import { fromBase64url } from "../domain/bytes.js";
import { couponId } from "../domain/tokens.js";
import { Homes } from "./homes.js";

/** @import { Kept as KeptHomes, Reply as HomesReply } from "./homes.js" */
/** @import { Changes } from "./sets.js" */
/** @import { Snapshot } from "./state.js" */

/**
 * @typedef {{generation: number, store?: string, epochs: Record<string, number>, held: Map<string, string>, homes?: KeptHomes}} Kept  `epochs` by device; `held`: by coupon id, the device
 * @typedef {Record<string, {epoch: number, held: Record<string, string>}>} Reply  by device; `held`: by campaign, gaps in base64url
 */

const STATES = /** @type {const} */ (["redeemed", "void", "open"]);

export class Siblings {
  #generation;
  #store;
  #epochs;
  #held;
  #homes;

  /** @param {Kept} [kept] */
  constructor(kept) {
    this.#generation = kept?.generation ?? 0;
    this.#store = kept?.store;
    this.#epochs = kept?.epochs ?? {};
    this.#held = kept?.held ?? new Map();
    this.#homes = new Homes(kept?.homes);
  }

  /** @returns {Kept} */
  get kept() {
    return { generation: this.#generation, store: this.#store, epochs: this.#epochs, held: this.#held, homes: this.#homes.kept };
  }

  /** The newest grant heard of, of each device. */
  get epochs() {
    return this.#epochs;
  }

  /** Up to which coupon of these campaigns the homes are known, by campaign number. @param {number[]} campaigns */
  homesHeard(campaigns) {
    return this.#homes.heard(campaigns);
  }

  /** The device that holds this coupon. @param {string} id of the coupon @returns {string | undefined} */
  holderOf(id) {
    return this.#held.get(id);
  }

  /** The name of the other store at which this coupon is at home. @param {string} id of the coupon @returns {string | undefined} */
  homeOf(id) {
    return this.#homes.of(id);
  }

  /**
   * What a reply says; answers whether anything is new. A change is older than a grant in the same reply, or that grant is told again.
   * Where changes may have been missed, and at another store, all is asked for anew: what came is then what lies behind the epochs known
   * before, unless none was.
   * @param {{generation: number, changes?: Changes, siblings?: Reply, homes?: HomesReply}} reply @param {string} [store] where the tablet is now
   */
  hear({ generation, changes, siblings = {}, homes = {} }, store) {
    const isOther = generation !== this.#generation || store !== this.#store || !changes;
    const isBroken = isOther && (Object.keys(this.#epochs).length > 0 || this.#homes.size > 0);
    [this.#generation, this.#store] = [generation, store];
    if (isBroken) [this.#epochs, this.#held, this.#homes] = [{}, new Map(), new Homes()];
    const isLess = this.#forget(changes?.campaigns ?? {});
    if (isBroken) return true;
    for (const [device, reply] of Object.entries(siblings)) this.#take(device, reply);
    this.#homes.hear(homes);
    return isLess || Object.keys(siblings).length > 0 || Object.keys(homes).length > 0;
  }

  /** @param {Changes["campaigns"]} campaigns @returns {boolean} whether any was known */
  #forget(campaigns) {
    let isLess = false;
    for (const [campaign, changed] of Object.entries(campaigns)) {
      const numbers = STATES.flatMap((state) => numbersOf(changed[state] ?? ""));
      for (const number of numbers) isLess = this.#held.delete(couponId({ campaign: Number(campaign), number })) || isLess;
      isLess = this.#homes.forget(Number(campaign), numbers) || isLess;
    }
    return isLess;
  }

  /** @param {string} device @param {Reply[string]} reply */
  #take(device, { epoch, held }) {
    for (const [campaign, gaps] of Object.entries(held))
      for (const number of numbersOf(gaps)) this.#held.set(couponId({ campaign: Number(campaign), number }), device);
    this.#epochs = { ...this.#epochs, [device]: epoch };
  }
}

/**
 * Who can give a coupon that this tablet does not hold, in the words of the server's explanation, and when that was heard.
 * @param {{siblings: Siblings, snapshot: Snapshot | null, syncedAt: number | null}} known @param {string} [id] of the coupon
 * @returns {Record<string, any>} empty if nobody is known to
 */
export function heldDetails({ siblings, snapshot, syncedAt }, id = "") {
  const holder = siblings.holderOf(id);
  const device = snapshot?.siblings?.find((each) => each.id === holder);
  const home = siblings.homeOf(id);
  if (syncedAt === null || !(device || home)) return {};
  return { holder: device ? { device } : { store: { name: home } }, as_of: syncedAt };
}

/** @param {string} gaps */
const numbersOf = (gaps) => fromGaps(fromBase64url(gaps));
