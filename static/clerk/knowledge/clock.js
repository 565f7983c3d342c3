/**
 * Whether this tablet's clock is right. Giving a coupon only once does not depend on a clock. The dates of a coupon do when the tablet
 * decides offline, so a wrong clock is shown to the clerk.
 */

/** @typedef {{kind: "fast" | "slow", ms: number} | {kind: "back"}} ClockFault */

/** A clock that is off by no more than this counts as right. */
const CLOCK_OFF_MS = 10 * 60_000;

/**
 * @param {{skewMs: number, syncedAt: number | null}} sync  `skewMs`: server's time minus tablet's time at the last answer; `syncedAt`: when
 *   that answer came, by the tablet's clock
 * @param {number} now by the tablet's clock @returns {ClockFault | null}
 */
export function clockFault({ skewMs, syncedAt }, now) {
  if (syncedAt !== null && syncedAt - now > CLOCK_OFF_MS) return { kind: "back" };
  if (Math.abs(skewMs) <= CLOCK_OFF_MS) return null;
  return { kind: skewMs < 0 ? "fast" : "slow", ms: Math.abs(skewMs) };
}

/**
 * The `clock` of an entry: how many ms the clock is ahead of the server's, or "back"; undefined if no fault is known.
 * @param {ClockFault | null} fault @returns {number | "back" | undefined}
 */
export function clockWord(fault) {
  if (!fault) return undefined;
  return fault.kind === "back" ? fault.kind : fault.ms * (fault.kind === "fast" ? 1 : -1);
}
