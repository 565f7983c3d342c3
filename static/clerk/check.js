/**
 * What this tablet can say of a scanned text by itself, at once: from the signature, the snapshot and its own journal.
 * The server has the last word; what the tablet can't know is `unsure`.
 */
import { BadCode, normalise } from "./codes.js";
import { localDay, Verdict, whyDeclined } from "./rules.js";
import { givenHere } from "./state.js";
import { BadToken, couponId, Fault, fault, keyRing, read, write } from "./tokens.js";

/** @import { Attempt, Past, Snapshot } from "./state.js" */
/** @import { Check, FaultCode, PublishedKey, Token } from "./tokens.js" */

/**
 * @typedef {{code: string, ask?: string, coupon?: string, id?: string, campaign?: string, lastDay?: number, attempt?: Attempt}} Finding
 *   `code` is a Verdict, `unsure`, or `not_a_coupon`; `ask` what the server is to verify, missing if there is nothing to ask;
 *   `coupon` the signed text; `attempt` the one by which it was given on this tablet
 * @typedef {{snapshot: Snapshot, past: Past, now: number, check: Check}} Known
 */

export const UNSURE = "unsure";
export const NOT_A_COUPON = "not_a_coupon";

/** @param {string} text as scanned or typed @param {Known} known @returns {Promise<Finding>} */
export async function find(text, known) {
  const token = readOrNull(text);
  if (!token) return findTyped(text);
  return findToken(token, await fault(token, ringOf(known.snapshot.keys), known.check), known);
}

/** @param {string} text @returns {Finding} */
function findTyped(text) {
  try {
    return { code: UNSURE, ask: normalise(text) };
  } catch (error) {
    if (error instanceof BadCode) return { code: NOT_A_COUPON };
    throw error;
  }
}

/** @param {Token} token @param {FaultCode | null} reason @param {Known} known @returns {Finding} */
function findToken(token, reason, { snapshot, past, now }) {
  const coupon = write(token);
  const about = { coupon, id: couponId(token), campaign: `cmp_${token.campaign}`, lastDay: token.lastDay, ask: coupon };
  if (reason === Fault.UNKNOWN_KEY) return { ...about, code: UNSURE };
  if (reason) return { code: Verdict.UNKNOWN_COUPON, coupon };
  const attempt = givenHere(past, coupon);
  const terms = snapshot.campaigns.find((campaign) => campaign.number === token.campaign)?.terms;
  if (!terms) return { ...about, code: UNSURE, attempt };
  const { id: storeId, partner: partnerId, time_zone: zone } = snapshot.store;
  const facts = { lastDay: token.lastDay, void: false, redeemed: Boolean(attempt) };
  const place = { storeId, partnerId, deviceId: snapshot.device.id };
  return { ...about, attempt, code: whyDeclined(facts, terms, place, localDay(now, zone)) ?? Verdict.GOOD };
}

/** @param {string} text */
function readOrNull(text) {
  try {
    return read(text);
  } catch (error) {
    if (error instanceof BadToken) return null;
    throw error;
  }
}

/** @type {WeakMap<PublishedKey[], ReturnType<typeof keyRing>>} */
const rings = new WeakMap();

/** The ring of a snapshot's keys, built once: the imported keys hang on it. @param {PublishedKey[]} keys */
function ringOf(keys) {
  const ring = rings.get(keys) ?? keyRing(keys);
  rings.set(keys, ring);
  return ring;
}
