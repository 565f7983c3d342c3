/**
 * What this tablet can say of a scanned text by itself, at once: from the signature, the snapshot and its own journal.
 * The server has the last word; what the tablet can't know is `unsure`.
 */
import { BadCode, normalise } from "../domain/codes.js";
import { localDay, Verdict, whyDeclined } from "../domain/rules.js";
import { codeHash, couponIdOf } from "./holds.js";
import { campaignOf } from "./state.js";
import { BadToken, couponId, Fault, fault, keyRing, read, write } from "../domain/tokens.js";

/** @import { Attempt, Past, Snapshot } from "./state.js" */
/** @import { Holds } from "./holds.js" */
/** @import { Sets } from "./sets.js" */
/** @import { Terms } from "../domain/rules.js" */
/** @import { Check, FaultCode, PublishedKey, Token } from "../domain/tokens.js" */

/**
 * @typedef {{code: string, ask?: string, coupon?: string, id?: string, campaign?: string, lastDay?: number, attempt?: Attempt,
 *   held?: number, typed?: string, listed?: boolean, unknownCampaign?: boolean}} Finding
 *   `code` is a Verdict, `unsure`, or `not_a_coupon`; `ask` what the server is to verify, missing if there is nothing to ask;
 *   `coupon` the signed text, or `typed` the short code; `attempt` the one by which it was given on this tablet; `held` the epoch
 *   under which this tablet may give it unasked; `listed` says that the code is from the last list that came, `unknownCampaign` that the
 *   campaign is not on it
 * @typedef {{snapshot: Snapshot, past: Past, holds: Holds, sets: Sets, now: number, check: Check}} Known
 * @typedef {{coupon?: string, typed?: string, id: string, campaign: string, lastDay: number}} About
 */

export const UNSURE = "unsure";
export const NOT_A_COUPON = "not_a_coupon";

/** No connection, so nobody can say whether this coupon has been given elsewhere. */
export const OFFLINE = "offline";

/** The shop's server was restored from a backup: until all tills have reported, only who holds a coupon may give it. */
export const RECOVERING = "recovering";

/** No connection, but the campaign lets this tablet give a few unasked. */
export const AT_RISK = "at_risk";

/** @param {string} text as scanned or typed @param {Known} known @returns {Promise<Finding>} */
export async function find(text, known) {
  const token = readOrNull(text);
  if (!token) return findTyped(text, known);
  return findToken(token, await fault(token, ringOf(known.snapshot.keys), known.check), known);
}

/** A typed code: one that this tablet holds it knows by its hash; of any other only the server knows. @param {string} text @param {Known} known @returns {Promise<Finding>} */
async function findTyped(text, known) {
  const typed = normaliseOrNull(text);
  if (!typed) return { code: NOT_A_COUPON };
  const grant = known.holds.findTyped(await codeHash(known.snapshot.device.id, typed));
  if (!grant) return { code: UNSURE, ask: typed };
  const id = couponIdOf(grant);
  return judge({ typed, id, campaign: campaignOf(id), lastDay: grant[4] }, typed, known);
}

/** @param {Token} token @param {FaultCode | null} reason @param {Known} known @returns {Finding} */
function findToken(token, reason, known) {
  const coupon = write(token);
  const about = { coupon, id: couponId(token), campaign: `cmp_${token.campaign}`, lastDay: token.lastDay };
  if (reason === Fault.UNKNOWN_KEY) return { ...about, ask: coupon, code: UNSURE };
  if (reason) return { code: Verdict.UNKNOWN_COUPON, coupon };
  return judge(about, coupon, known);
}

/** What the rules say of a genuine coupon. One that is held needs nobody else's word. @param {About} about @param {string} ask @param {Known} known @returns {Finding} */
function judge(about, ask, known) {
  const { snapshot, past } = known;
  const attempt = attemptHere(past, about.id);
  const terms = snapshot.campaigns.find(({ id }) => id === about.campaign)?.terms;
  const held = known.holds.epochOf(about.id, past);
  if (!terms) return { ...about, attempt, ask, code: UNSURE, unknownCampaign: true };
  const finding = { ...about, attempt, ...(held ? { held } : { ask }) };
  const listed = held || attempt ? null : known.sets.stateOf(about.id);
  const code = declineCode(about, terms, listed, known) ?? Verdict.GOOD;
  return { ...finding, code, ...(listed && { listed: true }) };
}

/** The attempt by which it was given at this tablet, where that is now. @param {Past} past @param {string} id */
function attemptHere(past, id) {
  const attempt = past.standing.get(id);
  return attempt && attempt.ask > past.moved ? attempt : undefined;
}

/** @param {About} about @param {Terms} terms @param {"redeemed" | "void" | null} listed @param {Known} known */
function declineCode({ id, lastDay }, terms, listed, { snapshot, past, now }) {
  const { id: storeId, partner: partnerId, time_zone: zone } = snapshot.store;
  const facts = { lastDay, void: listed === "void", redeemed: past.standing.has(id) || listed === "redeemed" };
  return whyDeclined(facts, terms, { storeId, partnerId, deviceId: snapshot.device.id }, localDay(now, zone));
}

/** @param {string} text */
function normaliseOrNull(text) {
  try {
    return normalise(text);
  } catch (error) {
    if (error instanceof BadCode) return null;
    throw error;
  }
}

/** What an attempt in the journal is about, as if it had just been scanned. @param {Attempt} attempt @returns {Finding} */
export const findingOf = ({ coupon, id }) => ({ code: Verdict.GOOD, coupon, id, campaign: campaignOf(id), ask: coupon });

/** What this tablet itself knows of a gift, in the words of the server's explanation. @param {Attempt} [attempt] @returns {Record<string, any>} */
export const givenDetails = (attempt) =>
  attempt
    ? { redeemed_at: new Date(attempt.givenAt ?? attempt.askedAt).toISOString(), here: true, clerk: attempt.clerk && { id: attempt.clerk } }
    : {};

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
