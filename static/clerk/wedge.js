/**
 * A USB or Bluetooth scanner: a keyboard that types fast and ends with Enter, or with Tab.
 *
 * What it types is kept from buttons and fields: its Enter must never press "Give the gift".
 */

export const GAP_MS = 300;
export const CHARACTERS_MIN = 8;

/** A token's digits, whatever a foreign keyboard layout made of the link around them. */
const TOKEN = /(?<!\d)\d{183}(?!\d)/;

export class Wedge {
  #text = "";
  #lastAt = -Infinity;

  /**
   * Takes a key; answers what was scanned when it is complete, and whether the key belongs to a scanner.
   * @param {string} key as in KeyboardEvent.key @param {number} at ms @returns {{scanned?: string, mine: boolean}}
   */
  take(key, at) {
    const quick = at - this.#lastAt < GAP_MS;
    this.#lastAt = at;
    if (key === "Enter" || key === "Tab") return this.#end(quick);
    if (key.length !== 1) return { mine: false };
    this.#text = quick ? this.#text + key : key;
    return { mine: quick && this.#text.length >= CHARACTERS_MIN };
  }

  /** @param {boolean} quick */
  #end(quick) {
    const text = this.#text;
    this.#text = "";
    if (!quick || text.length < CHARACTERS_MIN) return { mine: false };
    return { mine: true, scanned: TOKEN.exec(text)?.[0] ?? text };
  }
}
