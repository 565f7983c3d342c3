/** The limits of giving at risk: how many coupons and how much value since the last sync, as the campaign allows. Pure. */
import { isMoving, risksTaken } from "./state.js";

/** @import { Finding } from "./check.js" */
/** @import { Terms } from "../domain/rules.js" */
/** @import { Past, Receipt } from "./state.js" */

/**
 * @typedef {{refused: string | null, recovering: boolean, syncedAt: number | null, listAt: number | null, acknowledged: number,
 *   receipt: Receipt | null}} SyncState
 *   of a Sync
 */

const HOUR_MS = 3_600_000;

/** @param {Finding} finding @param {{terms: Terms | undefined, past: Past, sync: SyncState, now: number}} known */
export function mayRisk({ coupon, campaign = "" }, { terms, past, sync, now }) {
  if (terms?.offline?.policy !== "at_risk" || !coupon || sync.refused || sync.recovering || sync.syncedAt === null) return false;
  if (sync.listAt === null) return false; // without the last list nobody knows what was given before it
  if (isMoving(past, sync.acknowledged)) return false; // the server has not confirmed the new store yet
  const { coupons, value, hours } = terms.offline;
  const count = risksTaken(past, campaign, shownUntil(sync)) + 1;
  const age = now - sync.syncedAt;
  return count <= coupons && count * terms.value.amount <= value && age >= 0 && age <= hours * HOUR_MS;
}

/**
 * The last entry of which this tablet can show that the server had it: its receipt may be older than the server's answers.
 * @param {{acknowledged: number, receipt: Receipt | null}} sync
 */
export const shownUntil = ({ acknowledged, receipt }) => Math.min(acknowledged, receipt?.number ?? acknowledged);
