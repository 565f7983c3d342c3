/**
 * What this tablet finds out about a scanned text at once, without the server: from the signature, the snapshot and the journal.
 * The server has the last word. What the tablet can't know is `unsure`.
 */
import { normaliseOrNull, readOrNull } from "../domain/names.js";
import { localDay, Verdict, whyDeclined } from "../domain/rules.js";
import { couponIdOf } from "./holds.js";
import { campaignOf } from "./state.js";
import { couponId, Fault, fault, keyRing, write } from "../domain/tokens.js";

/** @import { Attempt, Past, Snapshot } from "./state.js" */
/** @import { Holds } from "./holds.js" */
/** @import { Sets } from "./sets.js" */
/** @import { Terms } from "../domain/rules.js" */
/** @import { Check, FaultCode, PublishedKey, Token } from "../domain/tokens.js" */

/**
 * @typedef {{code: string, ask?: string, coupon?: string, id?: string, campaign?: string, lastDay?: number, keyId?: number,
 *   attempt?: Attempt, held?: number, typed?: string, listed?: boolean, unknownCampaign?: boolean}} Finding
 *   `code`: a Verdict, `unsure` or `not_a_coupon`; `ask`: what the server is to verify, missing if there is nothing to ask;
 *   `coupon`: the signed text, or `typed`: the short code; `keyId`: the key that signed it;
 *   `attempt`: the attempt by which this tablet gave it; `held`: the epoch of
 *   this tablet's hold on it; `listed`: the code comes from the last list; `unknownCampaign`: its campaign is not in the snapshot
 * @typedef {{snapshot: Snapshot, past: Past, holds: Holds, sets: Sets, now: number, check: Check}} Known
 * @typedef {{coupon?: string, typed?: string, id: string, campaign: string, lastDay: number, keyId?: number}} About
 */

export const UNSURE = "unsure";
export const NOT_A_COUPON = "not_a_coupon";

/** No connection, so this coupon may have been given elsewhere. */
export const OFFLINE = "offline";

/** The shop's server was restored from a backup: until all devices have reported, only the holder of a coupon may give it. */
export const RECOVERING = "recovering";

/** So many wrong codes were typed on this tablet that the server looks up none for a while. */
export const TOO_MANY = "too_many";

/** No connection, but the campaign allows this tablet to give a few coupons at risk. */
export const AT_RISK = "at_risk";

/** @param {string} text as scanned or typed @param {Known} known @returns {Promise<Finding>} */
export async function find(text, known) {
  const token = readOrNull(text);
  if (!token) return findTyped(text, known);
  return findToken(token, await fault(token, ringOf(known.snapshot.keys), known.check), known);
}

/**
 * A short code: the tablet recognises the codes of its holds by their hashes, and the server looks up all others.
 * @param {string} text @param {Known} known @returns {Promise<Finding>}
 */
async function findTyped(text, known) {
  const typed = normaliseOrNull(text);
  if (!typed) return { code: NOT_A_COUPON };
  const grant = await known.holds.findTyped(known.snapshot.device.id, typed);
  if (!grant) return { code: UNSURE, ask: typed };
  const id = couponIdOf(grant);
  return judge({ typed, id, campaign: campaignOf(id), lastDay: grant[4], keyId: grant[7] }, typed, known);
}

/** @param {Token} token @param {FaultCode | null} reason @param {Known} known @returns {Finding} */
function findToken(token, reason, known) {
  const coupon = write(token);
  const about = { coupon, id: couponId(token), campaign: `cmp_${token.campaign}`, lastDay: token.lastDay, keyId: token.keyId };
  if (reason === Fault.UNKNOWN_KEY) return { ...about, ask: coupon, code: UNSURE };
  if (reason && reason !== Fault.COMPROMISED_KEY) return { code: Verdict.UNKNOWN_COUPON, coupon };
  return judge(about, coupon, known);
}

/**
 * Applies the rules to a genuine coupon. A coupon that this tablet holds needs no answer from the server.
 * @param {About} about @param {string} ask @param {Known} known @returns {Finding}
 */
function judge(about, ask, known) {
  const { snapshot, past } = known;
  const attempt = attemptHere(past, about.id);
  const terms = snapshot.campaigns.find(({ id }) => id === about.campaign)?.terms;
  const held = heldHere(about.id, known);
  const unknown = isCompromised(snapshot, about.keyId) ? Verdict.COMPROMISED_KEY : UNSURE;
  if (!terms) return { ...about, attempt, ask, code: unknown, unknownCampaign: true };
  const finding = { ...about, attempt, ...(held ? { held } : { ask }) };
  const listed = attempt ? null : listedState(about.id, known);
  const code = declineCode(about, terms, listed, known) ?? Verdict.GOOD;
  return { ...finding, code, ...(listed && { listed: true }) };
}

/**
 * The epoch of the hold by which this tablet may give the coupon unasked, 0 if there is none. The last list overrules a hold: what it says
 * of the coupon is newer than the grant, and the hold is recalled. What stands in this tablet's own journal overrules the list.
 * @param {string} id @param {{holds: Holds, sets: Sets, past: Past}} known
 */
export function heldHere(id, { holds, sets, past }) {
  return listedState(id, { holds, sets, past }) && !past.standing.has(id) ? 0 : holds.epochOf(id, past);
}

/**
 * What the last list says of a coupon. A tablet that holds it and took its own gift back later knows better: nobody else can have given
 * it. Without a hold what it took back may not have been what the list tells.
 * @param {string} id @param {{holds: Holds, sets: Sets, past: Past}} known
 */
export function listedState(id, { holds, sets, past }) {
  const knowsBetter = holds.epochOf(id, past) && (past.takenBack.get(id) ?? 0) > sets.entry;
  return knowsBetter ? null : sets.stateOf(id);
}

/** The attempt by which this tablet gave it at its present store. @param {Past} past @param {string} id */
function attemptHere(past, id) {
  const attempt = past.standing.get(id);
  return attempt && attempt.ask > past.moved ? attempt : undefined;
}

/** @param {About} about @param {Terms} terms @param {"redeemed" | "void" | null} listed @param {Known} known */
function declineCode({ id, lastDay, keyId }, terms, listed, { snapshot, past, now }) {
  const { id: storeId, partner: partnerId, time_zone: zone, closed } = snapshot.store;
  const redeemed = past.standing.has(id) || listed === "redeemed";
  const facts = { lastDay, void: listed === "void", redeemed, compromised: isCompromised(snapshot, keyId) };
  return whyDeclined(facts, terms, { storeId, partnerId, deviceId: snapshot.device.id, closed }, localDay(now, zone));
}

/** The finding of an attempt in the journal, as if its coupon had just been scanned. @param {Attempt} attempt @returns {Finding} */
export const findingOf = ({ coupon, id }) => ({ code: Verdict.GOOD, coupon, id, campaign: campaignOf(id), ask: coupon });

/**
 * What this tablet knows of a gift, in the form of the server's details.
 * @param {Attempt} [attempt] @returns {Record<string, any>}
 */
export const givenDetails = (attempt) =>
  attempt
    ? { redeemed_at: new Date(attempt.givenAt ?? attempt.askedAt).toISOString(), here: true, clerk: attempt.clerk && { id: attempt.clerk } }
    : {};

/**
 * Whether the snapshot says that this key is compromised: then no coupon that it signed is given.
 * @param {Snapshot | null} snapshot @param {number} [keyId] unknown of a hold that was granted before 0.4
 */
export const isCompromised = (snapshot, keyId) =>
  snapshot?.keys.some(({ kid, status }) => kid === keyId && status === "compromised") ?? false;

/** @type {WeakMap<PublishedKey[], ReturnType<typeof keyRing>>} */
const rings = new WeakMap();

/** The key ring of a snapshot, built once because imported keys are cached by it. @param {PublishedKey[]} keys */
function ringOf(keys) {
  const ring = rings.get(keys) ?? keyRing(keys);
  rings.set(keys, ring);
  return ring;
}
