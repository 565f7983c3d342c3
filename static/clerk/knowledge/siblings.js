/**
 * Which coupons the store's other devices hold, and which have their home at another store, as of the last sync. So a tablet without a
 * network can say who can give a coupon. It is only advice: if it is out of date, the customer is declined there, and nothing is lost.
 *
 * A cache: if it is lost, the server sends it again. Epochs only grow, so the tablet tells the server the newest epoch that it knows of
 * each device. A release, redemption or void arrives with the changes of the last list.
 */
import { fromGaps } from "../domain/bitmaps.js";
import { fromBase64url } from "../domain/bytes.js";
import { couponId } from "../domain/tokens.js";
import { Homes } from "./homes.js";

/** @import { Kept as KeptHomes, Reply as HomesReply } from "./homes.js" */
/** @import { Changes } from "./sets.js" */
/** @import { Snapshot } from "./state.js" */

/**
 * @typedef {{generation: number, store?: string, epochs: Record<string, number>, held: Map<string, string>, homes?: KeptHomes}} Kept
 *   `epochs`: by device; `held`: the device, by coupon id
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

  /** The epoch of the newest known grant, by device. */
  get epochs() {
    return this.#epochs;
  }

  /** Up to which coupon number the homes are known, by campaign. @param {number[]} campaigns */
  homesHeard(campaigns) {
    return this.#homes.heard(campaigns);
  }

  /** The device that holds this coupon. @param {string} id of the coupon @returns {string | undefined} */
  holderOf(id) {
    return this.#held.get(id);
  }

  /** The name of the other store that is this coupon's home. @param {string} id of the coupon @returns {string | undefined} */
  homeOf(id) {
    return this.#homes.of(id);
  }

  /**
   * Takes in a reply; returns whether anything changed. Changes are applied before the grants of the same reply, which are newer.
   *
   * After missed changes, a new generation or a move, everything known is dropped. This reply is then incomplete, because it starts
   * after the epochs that were known before, so it is dropped too, and the next request asks for everything.
   * @param {{generation: number, changes?: Changes, siblings?: Reply, homes?: HomesReply}} reply
   * @param {string} [store] where the tablet is now
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
 * Who can give a coupon that this tablet does not hold, in the form of the server's details, and as of when.
 * @param {{siblings: Siblings, snapshot: Snapshot | null, syncedAt: number | null}} known @param {string} [id] of the coupon
 * @returns {Record<string, any>} empty if nobody is known who can
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
