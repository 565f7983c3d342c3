/**
 * The last list: which coupons of each campaign were redeemed or void at the last sync. Exact, one bit per coupon.
 * A cache: if it is lost, the server sends it again.
 *
 * It is the newest word of the server on each coupon: no grant is newer, for a reply with a grant has the changes up to it. Only what this
 * tablet itself took back later is newer, and that is known by `entry`.
 */
import { fromGaps, has, put } from "../domain/bitmaps.js";
import { fromBase64url } from "../domain/bytes.js";

/**
 * @typedef {{redeemed: Uint8Array<ArrayBuffer>, void: Uint8Array<ArrayBuffer>}} Campaign  bitmaps; a number beyond their end is open
 * @typedef {{position: string | null, entry?: number, campaigns: Map<number, Campaign>}} Kept
 * @typedef {Partial<Record<"redeemed" | "void" | "open", string>>} Changed  gaps, in base64url
 * @typedef {{position: string, campaigns: Record<string, Changed>}} Changes  as the server sends them
 */

const GROW_BYTES = 128;

/** The lowest of several positions `<generation>.<number>`: everything before it is known. @param {string[]} positions */
export const oldest = (positions) => [...positions].sort((a, b) => Number(a.split(".")[1]) - Number(b.split(".")[1]))[0] ?? null;

export class Sets {
  /** @type {Map<number, Campaign>} */
  #campaigns;
  /** The server's position up to which changes are known; null if the sets must be fetched whole. @type {string | null} */
  position;
  /** The number of this tablet's last entry that the server had when it made the list. */
  entry;

  /** @param {Kept} [kept] */
  constructor(kept) {
    this.#campaigns = kept?.campaigns ?? new Map();
    this.position = kept?.position ?? null;
    this.entry = kept?.entry ?? 0;
  }

  /** @returns {Kept} */
  get kept() {
    return { position: this.position, entry: this.entry, campaigns: this.#campaigns };
  }

  /** @param {number} campaign */
  knows(campaign) {
    return this.#campaigns.has(campaign);
  }

  /** @param {string} id of a coupon @returns {"redeemed" | "void" | null} */
  stateOf(id) {
    const [, campaign, number] = id.split("_").map(Number);
    const bits = this.#campaigns.get(campaign);
    if (!bits) return null;
    if (has(bits.redeemed, number)) return "redeemed";
    return has(bits.void, number) ? "void" : null;
  }

  /**
   * Removes all other campaigns: the server no longer sends their changes.
   * @param {number[]} campaigns @returns {boolean} whether there were any
   */
  keep(campaigns) {
    const others = [...this.#campaigns.keys()].filter((number) => !campaigns.includes(number));
    for (const number of others) this.#campaigns.delete(number);
    return others.length > 0;
  }

  /**
   * Sets a whole campaign.
   * @param {number} campaign @param {Uint8Array<ArrayBuffer>} bytes two bitmaps of equal length: redeemed, then void
   */
  replace(campaign, bytes) {
    const half = bytes.length / 2;
    this.#campaigns.set(campaign, { redeemed: bytes.slice(0, half), void: bytes.slice(half) });
  }

  /** @param {Changes} changes @param {number} entry */
  apply({ position, campaigns }, entry) {
    for (const [number, changed] of Object.entries(campaigns)) this.#change(Number(number), changed);
    [this.position, this.entry] = [position, entry];
  }

  /** @param {number} campaign @param {Changed} changed */
  #change(campaign, changed) {
    const bits = this.#campaigns.get(campaign);
    if (!bits) return; // not fetched yet: it will come whole
    for (const state of /** @type {const} */ (["redeemed", "void", "open"])) {
      for (const number of fromGaps(fromBase64url(changed[state] ?? ""))) {
        grow(bits, number);
        put(bits.redeemed, number, state === "redeemed");
        put(bits.void, number, state === "void");
      }
    }
  }
}

/** @param {Campaign} bits @param {number} number */
function grow(bits, number) {
  if (number >>> 3 < bits.redeemed.length) return;
  for (const name of /** @type {const} */ (["redeemed", "void"])) {
    const longer = new Uint8Array((number >>> 3) + GROW_BYTES);
    longer.set(bits[name]);
    bits[name] = longer;
  }
}
