/**
 * The same code seen again within seconds is the same scan. Pure: the times are handed in.
 *
 * A phone that stays under the camera after "Next" is not a new customer; a new scan begins when the code was out of sight.
 */

export const SAME_SCAN_MS = 2_500;

export class Sightings {
  #text = "";
  #seenAt = -Infinity;

  /** Is this a new scan? @param {string} text @param {number} at ms */
  isNew(text, at) {
    const same = text === this.#text && at - this.#seenAt < SAME_SCAN_MS;
    this.#text = text;
    this.#seenAt = at;
    return !same;
  }
}
