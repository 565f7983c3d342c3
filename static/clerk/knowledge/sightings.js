/**
 * Tells a new scan from a code that is still in sight: the same code again within seconds is the same scan. Pure: times are parameters.
 *
 * A phone that stays under the camera after "Next" is not a new customer.
 */

export const SAME_SCAN_MS = 2_500;

export class Sightings {
  #text = "";
  #seenAt = -Infinity;

  /** Whether this is a new scan. @param {string} text @param {number} at ms */
  isNew(text, at) {
    const same = text === this.#text && at - this.#seenAt < SAME_SCAN_MS;
    this.#text = text;
    this.#seenAt = at;
    return !same;
  }
}
