/** Time zones, as far as this browser knows them. */

/**
 * The zone, or that of this tablet if the browser does not know it: zones get new names, and browsers get old. The tablet stands in the
 * store, so its own calendar is the store's unless somebody set it wrong.
 *
 * @param {string | undefined} zone IANA time zone, `Europe/Moscow`
 */
export function usableZone(zone) {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions().timeZone;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return new Intl.DateTimeFormat("en").resolvedOptions().timeZone;
  }
}
