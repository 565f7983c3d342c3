/**
 * Which coupons the other tablets of this store hold, as of the last word from the server: without a network this one can say who gives a
 * coupon now. Advice, never a permission: an old word sends a customer to a till that says no, and harms nothing.
 *
 * A cache: what is lost comes again. Grants are numbered by epochs that only grow, so the server is told up to which each tablet's
 * are known here; what was given back, redeemed or voided is heard of with the changes of the last list.
 */
import { fromGaps } from "./bitmaps.js";
import { fromBase64url } from "./bytes.js";

/** @import { Changes } from "./sets.js" */
/** @import { Snapshot } from "./state.js" */

/**
 * @typedef {{generation: number, epochs: Record<string, number>, held: Map<string, string>}} Kept  `epochs` by device; `held`: by coupon id, the device
 * @typedef {Record<string, {epoch: number, held: Record<string, string>}>} Told  by device; `held`: by campaign, gaps in base64url
 */

const STATES = /** @type {const} */ (["redeemed", "void", "open"]);

export class Siblings {
  #generation;
  #epochs;
  #held;

  /** @param {Kept} [kept] */
  constructor(kept) {
    this.#generation = kept?.generation ?? 0;
    this.#epochs = kept?.epochs ?? {};
    this.#held = kept?.held ?? new Map();
  }

  /** @returns {Kept} */
  get kept() {
    return { generation: this.#generation, epochs: this.#epochs, held: this.#held };
  }

  /** The newest grant heard of, of each device. */
  get epochs() {
    return this.#epochs;
  }

  /** The device that holds this coupon. @param {string} id of the coupon @returns {string | undefined} */
  holderOf(id) {
    return this.#held.get(id);
  }

  /**
   * What a reply says; answers whether anything is new. A change is older than a grant in the same reply, or that grant is told again.
   * Where changes may have been missed all is asked for anew: what came is then what lies behind the epochs known before, unless none was.
   * @param {{generation: number, changes?: Changes, siblings?: Told}} reply
   */
  hear({ generation, changes, siblings = {} }) {
    const { size } = this.#held;
    const isBroken = (generation !== this.#generation || !changes) && Object.keys(this.#epochs).length > 0;
    this.#generation = generation;
    if (isBroken) [this.#epochs, this.#held] = [{}, new Map()];
    this.#forget(changes?.campaigns ?? {});
    const isLess = this.#held.size < size;
    if (!isBroken) for (const [device, told] of Object.entries(siblings)) this.#take(device, told);
    return isBroken || isLess || Object.keys(siblings).length > 0;
  }

  /** @param {Changes["campaigns"]} campaigns */
  #forget(campaigns) {
    for (const [campaign, changed] of Object.entries(campaigns))
      for (const state of STATES) for (const id of ids(campaign, changed[state] ?? "")) this.#held.delete(id);
  }

  /** @param {string} device @param {Told[string]} told */
  #take(device, { epoch, held }) {
    for (const [campaign, gaps] of Object.entries(held)) for (const id of ids(campaign, gaps)) this.#held.set(id, device);
    this.#epochs = { ...this.#epochs, [device]: epoch };
  }
}

/**
 * Who holds a coupon that this tablet does not hold, in the words of the server's explanation, and when that was heard.
 * @param {{siblings: Siblings, snapshot: Snapshot | null, syncedAt: number | null}} known @param {string} [id] of the coupon
 * @returns {Record<string, any>} empty if nobody of this store is known to hold it
 */
export function heldDetails({ siblings, snapshot, syncedAt }, id = "") {
  const holder = siblings.holderOf(id);
  const device = snapshot?.siblings?.find((each) => each.id === holder);
  return device && syncedAt !== null ? { holder: { device }, as_of: syncedAt } : {};
}

/** @param {string} campaign @param {string} gaps */
const ids = (campaign, gaps) => fromGaps(fromBase64url(gaps)).map((number) => `cpn_${campaign}_${number}`);
