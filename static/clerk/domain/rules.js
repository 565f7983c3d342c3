// The rules by which a coupon is declined: the same as the server's, under the same names. tests/vectors/rules.json tests both.
// Pure: no clock, no storage, no page. A day is an integer, days since 2020-01-01, on the calendar of the store.

import { usableZone } from "./zones.js";

/** @typedef {{from?: string | null, until?: string | null}} Window Calendar days `YYYY-MM-DD`, both included. */
/** @typedef {{title: string, description?: string, terms?: string, picture?: string | null}} Offer */
/** @typedef {{amount: number, currency: string}} Money Minor units and ISO 4217. */
/**
 * @typedef {{policy: "held_only"}
 *   | {policy: "at_risk", coupons: number, value: number, hours: number, bearer: "issuer" | "partner"}} Offline
 */
/**
 * @typedef {object} Terms A campaign's terms as in the snapshot. The server has checked them.
 * @property {number} v
 * @property {Record<string, Offer>} offer By language.
 * @property {{issue?: Window, redeem?: Window, valid_days?: number | null}} windows
 * @property {string[]} partners
 * @property {string[]} stores
 * @property {Money} value
 * @property {Money} handling_fee
 * @property {"issuer" | "partner"} funding
 * @property {Offline} offline
 * @property {number} undo_minutes
 */
/**
 * @typedef {{lastDay: number, void: boolean, redeemed?: boolean, heldBy?: string | null, compromised?: boolean}} Facts
 *   what is known of one coupon; `compromised`: the key that signed it is
 */
/**
 * @typedef {{storeId: string, partnerId: string, deviceId: string | null, closed?: boolean}} Place Where the coupon is shown. At a
 *   closed store no coupon is good.
 */
/** @typedef {typeof Verdict[keyof typeof Verdict]} VerdictCode */

/** Every answer about a coupon, a closed list. The API, the tablet and the reports use the same codes. */
export const Verdict = Object.freeze({
  GOOD: "good",
  ALREADY_REDEEMED: "already_redeemed",
  VOID: "void",
  COMPROMISED_KEY: "compromised_key",
  WRONG_STORE: "wrong_store",
  NOT_YET_VALID: "not_yet_valid",
  EXPIRED: "expired",
  HELD_ELSEWHERE: "held_elsewhere",
  ATTEMPT_CANCELLED: "attempt_cancelled",
  UNKNOWN_COUPON: "unknown_coupon",
});

/** The last day that fits into a token, 2199-06-06. */
export const LAST_DAY_MAX = 2 ** 16 - 1;

const EPOCH_MS = Date.UTC(2020, 0, 1);
const DAY_MS = 86_400_000;

/**
 * The one reason to decline this coupon here on this day, or null if it is good.
 *
 * If several reasons apply, the first in this list wins: what has happened to the coupon comes before its terms.
 *
 * @param {Facts} facts
 * @param {Pick<Terms, "windows" | "partners" | "stores">} terms
 * @param {Place} place
 * @param {number} day
 * @returns {VerdictCode | null}
 */
export function whyDeclined(facts, terms, place, day) {
  /** @type {[VerdictCode, boolean][]} */
  const reasons = [
    [Verdict.ALREADY_REDEEMED, facts.redeemed ?? false],
    [Verdict.VOID, facts.void],
    [Verdict.COMPROMISED_KEY, facts.compromised ?? false],
    [Verdict.WRONG_STORE, (place.closed ?? false) || !isGoodAt(terms, place)],
    [Verdict.NOT_YET_VALID, day < firstDay(terms)],
    // By the token alone: ending a campaign early does not shorten a promise that was made.
    [Verdict.EXPIRED, day > facts.lastDay],
    [Verdict.HELD_ELSEWHERE, facts.heldBy != null && facts.heldBy !== place.deviceId],
  ];
  return reasons.find(([, applies]) => applies)?.[0] ?? null;
}

/**
 * The days from 2020-01-01 to a date.
 *
 * @param {string} date `YYYY-MM-DD`
 */
function toDay(date) {
  return (Date.parse(`${date}T00:00:00Z`) - EPOCH_MS) / DAY_MS;
}

/**
 * The date of a day number, `YYYY-MM-DD`.
 *
 * @param {number} day
 */
export function toDate(day) {
  return new Date(EPOCH_MS + day * DAY_MS).toISOString().slice(0, 10);
}

/**
 * The day number at a moment, where the store is.
 *
 * @param {number} at Milliseconds since 1970.
 * @param {string} zone IANA time zone, `Europe/Moscow`.
 */
export function localDay(at, zone) {
  const parts = calendarOf(zone).formatToParts(at);
  const part = (/** @type {string} */ type) => Number(parts.find((each) => each.type === type)?.value);
  return (Date.UTC(part("year"), part("month") - 1, part("day")) - EPOCH_MS) / DAY_MS;
}

/** @type {Map<string, Intl.DateTimeFormat>} Making one is slower than using it. */
const calendars = new Map();

/** @param {string} zone */
function calendarOf(zone) {
  const known = calendars.get(zone);
  if (known) return known;
  const parts = /** @type {const} */ ({ year: "numeric", month: "numeric", day: "numeric" });
  const made = new Intl.DateTimeFormat("en-US", { timeZone: usableZone(zone), calendar: "gregory", numberingSystem: "latn", ...parts });
  calendars.set(zone, made);
  return made;
}

/**
 * @param {Pick<Terms, "partners" | "stores">} terms
 * @param {Place} place
 */
function isGoodAt(terms, place) {
  return terms.stores.includes(place.storeId) || terms.partners.includes(place.partnerId);
}

/** @param {Pick<Terms, "windows">} terms */
function firstDay(terms) {
  const first = terms.windows.redeem?.from;
  return first ? toDay(first) : 0;
}
