/**
 * A USB or Bluetooth scanner: a keyboard that types fast and ends with Enter, or with Tab.
 *
 * What it types is kept from buttons and fields: its Enter must never press "Give the gift".
 */

export const GAP_MS = 300;
const CHARACTERS_MIN = 8;

const TOKEN = /(?<!\d)\d{183}(?!\d)/;

/** The token's digits, whatever a foreign keyboard layout made of the link around them; any other text as it is. @param {string} text */
export const digitsOf = (text) => TOKEN.exec(text)?.[0] ?? text;

export class Wedge {
  #text = "";
  #lastAt = -Infinity;
  #isOver = false;

  /**
   * Takes a key; answers what was scanned when it is complete, and whether the key belongs to a scanner.
   * @param {string} key as in KeyboardEvent.key @param {number} at ms @returns {{scanned?: string, fromScanner: boolean}}
   */
  take(key, at) {
    const quick = at - this.#lastAt < GAP_MS;
    this.#lastAt = at;
    if (key === "Enter" || key === "Tab") return this.#end(key, quick);
    if (key.length !== 1) return { fromScanner: false };
    this.#isOver = false;
    this.#text = quick ? this.#text + key : key;
    return { fromScanner: quick && this.#text.length >= CHARACTERS_MIN };
  }

  /** A scanner may end with CR and LF: the second Enter is its own, too. A Tab presses nothing. @param {string} key @param {boolean} quick */
  #end(key, quick) {
    const text = this.#text;
    this.#text = "";
    if (!quick || text.length < CHARACTERS_MIN) return { fromScanner: key === "Enter" && quick && this.#isOver };
    this.#isOver = true;
    return { fromScanner: true, scanned: digitsOf(text) };
  }
}
