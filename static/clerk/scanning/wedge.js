/**
 * A USB or Bluetooth scanner acts as a keyboard that types fast and ends with Enter or Tab.
 *
 * Its keys must not reach buttons and fields: its Enter would press "Give the gift".
 */

export const GAP_MS = 300;
const CHARACTERS_MIN = 8;

const TOKEN = /(?<!\d)\d{183}(?!\d)/;

/** The token's digits, even if another keyboard layout garbled the link around them; any other text unchanged. @param {string} text */
export const digitsOf = (text) => TOKEN.exec(text)?.[0] ?? text;

export class Wedge {
  #text = "";
  #lastAt = -Infinity;
  #justEnded = false;

  /**
   * Takes a key; returns whether it comes from a scanner, and the scanned text once it is complete.
   * @param {string} key as in KeyboardEvent.key @param {number} at ms @returns {{scanned?: string, fromScanner: boolean}}
   */
  take(key, at) {
    const quick = at - this.#lastAt < GAP_MS;
    this.#lastAt = at;
    if (key === "Enter" || key === "Tab") return this.#end(key, quick);
    if (key.length !== 1) return { fromScanner: false };
    this.#justEnded = false;
    this.#text = quick ? this.#text + key : key;
    return { fromScanner: quick && this.#text.length >= CHARACTERS_MIN };
  }

  /** A scanner may send CR and LF, so a second Enter is also its own. @param {string} key @param {boolean} quick */
  #end(key, quick) {
    const text = this.#text;
    this.#text = "";
    if (!quick || text.length < CHARACTERS_MIN) return { fromScanner: key === "Enter" && quick && this.#justEnded };
    this.#justEnded = true;
    return { fromScanner: true, scanned: digitsOf(text) };
  }
}
