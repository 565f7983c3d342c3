/**
 * Which of the newest coupons have their home at another store of the partner. Only advice, and a cache, as in siblings.js.
 *
 * The server sends each coupon once, in the order of their numbers. A coupon that changed is forgotten, and sent again if it is open.
 */
import { fromGaps } from "../domain/bitmaps.js";
import { fromBase64url } from "../domain/bytes.js";

/**
 * @typedef {{from: number, names: string[], at: Uint16Array<ArrayBuffer>}} Campaign  `at`: for each coupon number, starting with `from`,
 *   the index of its home in `names` plus one, or 0 if its home is not known
 * @typedef {Map<number, Campaign>} Kept  by campaign number
 * @typedef {Record<string, {until: number, at: Record<string, string>}>} Reply  by campaign number; `at`: gaps in base64url, by store
 */

/** As many coupons of each campaign as the server sends. */
const NEWEST = 10_000;

export class Homes {
  #campaigns;

  /** @param {Kept} [kept] */
  constructor(kept = new Map()) {
    this.#campaigns = kept;
  }

  /** @returns {Kept} */
  get kept() {
    return this.#campaigns;
  }

  get size() {
    return this.#campaigns.size;
  }

  /** Up to which coupon number the homes were received, by campaign. @param {number[]} campaigns @returns {Record<string, number>} */
  heard(campaigns) {
    return Object.fromEntries(campaigns.map((number) => [number, endOf(this.#campaigns.get(number))]));
  }

  /** @param {string} id of the coupon @returns {string | undefined} the name of the store */
  of(id) {
    const [, campaign, number] = id.split("_").map(Number);
    const { from, names, at } = this.#campaigns.get(campaign) ?? NOTHING;
    return names[(at[number - from] ?? 0) - 1];
  }

  /** @param {number} campaign @param {number[]} numbers @returns {boolean} whether any was known */
  forget(campaign, numbers) {
    const { from, at } = this.#campaigns.get(campaign) ?? NOTHING;
    const known = numbers.filter((number) => at[number - from]);
    for (const number of known) at[number - from] = 0;
    return known.length > 0;
  }

  /** @param {Reply} reply */
  hear(reply) {
    for (const [campaign, { until, at }] of Object.entries(reply)) {
      const known = this.#extendTo(Number(campaign), until);
      for (const [name, gaps] of Object.entries(at)) setHome(known, name, fromGaps(fromBase64url(gaps)));
    }
  }

  /** @param {number} campaign @param {number} until */
  #extendTo(campaign, until) {
    const before = this.#campaigns.get(campaign) ?? NOTHING;
    if (until <= endOf(before)) return before;
    const from = Math.max(before.from, until - NEWEST);
    const after = { from, names: [...before.names], at: new Uint16Array(until - from) };
    after.at.set(before.at.subarray(from - before.from));
    this.#campaigns.set(campaign, after);
    return after;
  }
}

/** @type {Campaign} */
const NOTHING = { from: 0, names: [], at: new Uint16Array() };

/** @param {Campaign} [campaign] */
const endOf = ({ from, at } = NOTHING) => from + at.length;

/** @param {Campaign} campaign @param {string} name @param {number[]} numbers */
function setHome({ from, names, at }, name, numbers) {
  const place = names.includes(name) ? names.indexOf(name) : names.push(name) - 1;
  for (const number of numbers) if (number >= from) at[number - from] = place + 1;
}
