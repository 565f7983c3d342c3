/**
 * A USB or Bluetooth scanner acts as a keyboard: it types fast, and most end with Enter or Tab. Pure: times are parameters.
 *
 * None of its keys may reach a button: its Enter or a blank would press "Give the gift" with a scan of something else. Only its pace
 * tells it from a person. So a key that follows another at once is its own, and whose a first one is shows when the next one comes.
 */
import { nameIn } from "../domain/names.js";

/** A key that comes so soon after another is a scanner's: some radios are that slow. */
export const GAP_MS = 300;
/** An end may come late, when its text was read after a pause already. */
export const LATE_END_MS = 1_500;
/** Nobody types so fast, from one key to the next on average. */
const FAST_GAP_MS = 40;
const FAST_KEYS_MIN = 4;
/** A shorter text is no code. Without an end, or a coupon's name in it, it must be longer: somebody leans on the keyboard. */
const CHARACTERS_MIN = 4;
const ENDLESS_CHARACTERS_MIN = 8;

/** Keys whose text the browser does not know, or not yet. */
const NAMELESS = ["Dead", "Process", "Unidentified"];
const ENDS = ["Enter", "Tab"];
/** LF and CR as a terminal types them. */
const CHORD_ENDS = ["KeyJ", "KeyM"];

/**
 * @typedef {{key: string, code?: string, isChord?: boolean}} Key  as KeyboardEvent has them; `isChord`: Control or Meta is held
 * @typedef {{whose: "page" | "scanner" | "unknown", isFast: boolean, scanned?: string}} Taken
 *   `unknown`: the first key, whose it is shows within GAP_MS; `isFast`: no person types like this; `scanned`: what was read, complete
 */

export class Wedge {
  /** What the keys type in this computer's layout, and in the one that scanners are set to. */
  #byKey = "";
  #byCode = "";
  #keys = 0;
  #unreadable = 0;
  #startedAt = 0;
  #lastAt = -Infinity;
  #justEnded = false;
  /** When the last key of a text without an end came. */
  #openSince = -Infinity;

  /** @param {Key} key @param {number} at ms @returns {Taken} */
  take({ key, code = "", isChord = false }, at) {
    const isQuick = at - this.#lastAt < GAP_MS;
    if (!isQuick) this.#clear(at);
    if (isChord ? this.#keys && CHORD_ENDS.includes(code) : ENDS.includes(key)) return this.#end(key, at);
    if (isChord || (key.length !== 1 && !NAMELESS.includes(key))) return this.#between(at);
    this.#add(key, code, at);
    return { whose: isQuick ? "scanner" : "unknown", isFast: this.#isFast };
  }

  /**
   * What a scanner without an end has read, once GAP_MS have passed since its last key. `isUnreadable`: its keys say nothing.
   * @param {number} at ms @returns {{isFast: boolean, scanned?: string, isUnreadable?: boolean}}
   */
  rest(at) {
    if (at - this.#lastAt < GAP_MS) return { isFast: false };
    const [text, isFast, isUnreadable] = [this.#read(), this.#isFast, this.#unreadable >= ENDLESS_CHARACTERS_MIN];
    this.#clear(at);
    const isScan = nameIn(text) ?? text.length >= ENDLESS_CHARACTERS_MIN;
    return { isFast, ...(isScan && { scanned: text }), ...(isUnreadable && { isUnreadable }) };
  }

  get #isFast() {
    return this.#keys >= FAST_KEYS_MIN && this.#lastAt - this.#startedAt < FAST_GAP_MS * (this.#keys - 1);
  }

  /** @param {string} key @param {string} code @param {number} at */
  #add(key, code, at) {
    if (key.length === 1) this.#byKey += key;
    this.#byCode += plain(code);
    if (key.length !== 1 && !code) this.#unreadable++;
    this.#keys++;
    this.#lastAt = at;
    this.#justEnded = false;
    if (this.#keys > 1) this.#openSince = at;
  }

  /** A scanner may send CR and LF, or its end late: that Enter is its own. @param {string} key @param {number} at @returns {Taken} */
  #end(key, at) {
    const isSecond = this.#justEnded || at - this.#openSince < LATE_END_MS;
    this.#openSince = -Infinity;
    if (!this.#keys && (key === "Tab" || !isSecond)) return this.#begin(key, at);
    const text = this.#read();
    this.#keys++;
    this.#lastAt = at;
    const isFast = this.#isFast;
    this.#clear(at);
    this.#lastAt = at;
    this.#justEnded = true;
    return { whose: "scanner", isFast, ...(text.length >= CHARACTERS_MIN && { scanned: text }) };
  }

  /** A first Enter is a person's, or stands before what a scanner reads. @param {string} key @param {number} at @returns {Taken} */
  #begin(key, at) {
    if (key === "Tab") return { whose: "page", isFast: false };
    this.#lastAt = at;
    return { whose: "unknown", isFast: false };
  }

  /** Shift, or what a scanner means as a control character: in a text it is the scanner's. @param {number} at @returns {Taken} */
  #between(at) {
    if (!this.#keys) return { whose: "page", isFast: false };
    this.#lastAt = at;
    return { whose: "scanner", isFast: this.#isFast };
  }

  /** The coupon that the keys name in one of both layouts, or else their text. */
  #read() {
    return nameIn(this.#byKey) ?? nameIn(this.#byCode) ?? (this.#byKey || this.#byCode).trim();
  }

  /** @param {number} at */
  #clear(at) {
    this.#byKey = "";
    this.#byCode = "";
    this.#keys = 0;
    this.#unreadable = 0;
    this.#startedAt = at;
    this.#justEnded = false;
    this.#lastAt = -Infinity;
  }
}

/** What a key types in the US layout; of signs only those that begin what a scanner adds. @param {string} code as in KeyboardEvent.code */
function plain(code) {
  const character = /^(?:Key|Digit|Numpad)([A-Z0-9])$/.exec(code)?.[1];
  return character ?? { BracketRight: "]", Backslash: "\\" }[code] ?? (code ? " " : "");
}
