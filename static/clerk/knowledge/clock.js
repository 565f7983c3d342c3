/**
 * Whether this tablet's clock can be right. Nothing that is about giving a gift once reads a clock; the windows of validity do, where
 * the tablet judges alone, so a clerk is told of a wrong one.
 */

/** @typedef {{kind: "fast" | "slow", ms: number} | {kind: "back"}} ClockFault */

/** A clock that is off by less than this is as good as right. */
const CLOCK_OFF_MS = 10 * 60_000;

/**
 * @param {{skewMs: number, syncedAt: number | null}} sync  server's clock less this one at the last answer, and when that came by this one
 * @param {number} now by this clock @returns {ClockFault | null}
 */
export function clockFault({ skewMs, syncedAt }, now) {
  if (syncedAt !== null && syncedAt - now > CLOCK_OFF_MS) return { kind: "back" };
  if (Math.abs(skewMs) <= CLOCK_OFF_MS) return null;
  return { kind: skewMs < 0 ? "fast" : "slow", ms: Math.abs(skewMs) };
}

/**
 * As an entry says it: ms that this clock is ahead of the server's, or "back"; nothing of a clock that is right as far as is known.
 * @param {ClockFault | null} fault @returns {number | "back" | undefined}
 */
export function clockWord(fault) {
  if (!fault) return undefined;
  return fault.kind === "back" ? fault.kind : fault.ms * (fault.kind === "fast" ? 1 : -1);
}
