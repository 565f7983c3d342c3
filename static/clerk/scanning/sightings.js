/**
 * Tells a new scan from a code that is still in sight, and a coupon from other codes beside it. Pure: times are parameters.
 *
 * A phone that stays under the camera after "Next" is not a new customer. A sticker on the counter, as for payments, is in view with
 * each coupon: a code that is no coupon counts only once it was alone for a moment, and it is told once in a while.
 */
import { digitsIn } from "../domain/names.js";

export const SAME_SCAN_MS = 2_500;
export const ALONE_MS = 600;
export const SAME_STICKER_MS = 60_000;

/** @typedef {{text: string, isNew: boolean, isCoupon: boolean}} Sight */

export class Sightings {
  #coupon = "";
  #couponAt = -Infinity;
  #aloneSince = 0;
  #aloneAt = -Infinity;
  #sticker = "";
  #stickerAt = -Infinity;

  /** What is held up, out of all texts in view; null: nothing yet. @param {string[]} texts @param {number} at ms @returns {Sight | null} */
  take(texts, at) {
    const coupon = texts.find(digitsIn);
    return coupon === undefined ? this.#takeOther(texts[0], at) : this.#takeCoupon(coupon, at);
  }

  /** @param {string} text @param {number} at @returns {Sight} */
  #takeCoupon(text, at) {
    const isSame = text === this.#coupon && at - this.#couponAt < SAME_SCAN_MS;
    this.#coupon = text;
    this.#couponAt = at;
    return { text, isNew: !isSame, isCoupon: true };
  }

  /** @param {string} text @param {number} at @returns {Sight | null} */
  #takeOther(text, at) {
    const isAloneStill = at - this.#aloneAt < SAME_SCAN_MS && this.#couponAt < this.#aloneSince;
    if (!isAloneStill) this.#aloneSince = at;
    this.#aloneAt = at;
    if (at - this.#aloneSince < ALONE_MS) return null;
    const isSame = text === this.#sticker && at - this.#stickerAt < SAME_STICKER_MS;
    this.#sticker = text;
    this.#stickerAt = at;
    return { text, isNew: !isSame, isCoupon: false };
  }
}
