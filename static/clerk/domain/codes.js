// Short codes, the same as the server's; tests/vectors/codes.json tests both. They are stored plain,
// `7KQ2M4XZ9F3S`, and shown grouped, `7KQ2-M4XZ-9F3S`.

/** @typedef {typeof Fault[keyof typeof Fault]} FaultCode */

/** Why a text is not a short code, a closed list. */
export const Fault = Object.freeze({
  EMPTY: "empty",
  TOO_LONG: "too_long",
  WRONG_CHARACTER: "wrong_character",
  WRONG_LENGTH: "wrong_length",
  WRONG_CHECK: "wrong_check",
  TWO_READINGS: "two_readings",
});

/** The short code was mistyped; `reason` says how. */
export class BadCode extends Error {
  /** @param {FaultCode} reason */
  constructor(reason) {
    super(`not a short code: ${reason}`);
    this.name = "BadCode";
    this.reason = reason;
  }
}

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CHARACTERS = 12;
const TEXT_MAX_CHARACTERS = 64;
// Between the characters: a dash of any kind, a dot, an underscore, and what nobody sees, which pages and mails add to what is copied.
const SEPARATORS =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: scanners add these
  // biome-ignore lint/suspicious/noMisleadingCharacterClass: each is left out by itself
  /[\x00-\x20\x7f-\xa0\u00ad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufe0e\ufe0f\ufeff_.\-\u2010-\u2015\u2212]/g;

// Each character stands for the one below it. Cyrillic letters stand for what they look like, or for the Latin letters on the same
// keys: a Russian layout types ЛЙ for KQ.
const CROCKFORD_ALIKE = ["OIL", "011"];
const CYRILLIC_ALIKE = ["АВЕКМНОРСТУХ", "ABEKMHOPCTYX"];
const SAME_KEY = ["ЙЦУКЕНГШЩЗФЫВАПРОЛДЯЧСМИТЬ", "QWERTYUIOPASDFGHJKLZXCVBNM"];

/**
 * A typed code in its stored form. Throws `BadCode`.
 *
 * Cyrillic letters can be meant in two ways. The check character says in which; if it fits both, nothing is guessed.
 *
 * @param {string} text
 */
export function normalise(text) {
  if (text.length > TEXT_MAX_CHARACTERS) throw new BadCode(Fault.TOO_LONG);
  const meant = readings(text.replace(SEPARATORS, "").toUpperCase());
  const codes = meant.filter((each) => !fault(each));
  if (codes.length !== 1) throw new BadCode(fault(meant[0]) ?? Fault.TWO_READINGS);
  return codes[0];
}

/**
 * A stored code in groups of four, as people read it.
 *
 * @param {string} code
 */
export function grouped(code) {
  return code.replace(/(.{4})(?=.)/g, "$1-");
}

/** What may be meant, each once. A Russian layout types no Latin letter, so a text with one was not typed in it. @param {string} typed */
function readings(typed) {
  const layouts = /[A-Z]/.test(typed) ? [CYRILLIC_ALIKE] : [CYRILLIC_ALIKE, SAME_KEY];
  return [...new Set(layouts.map((each) => replaced(replaced(typed, each), CROCKFORD_ALIKE)))];
}

/** @param {string} text @param {string[]} alike */
function replaced(text, [seen, meant]) {
  return text.replace(/./gsu, (each) => meant[seen.indexOf(each)] ?? each);
}

/**
 * @param {string} plain
 * @returns {FaultCode | null}
 */
function fault(plain) {
  if (!plain) return Fault.EMPTY;
  if (![...plain].every((character) => ALPHABET.includes(character))) return Fault.WRONG_CHARACTER;
  if (plain.length !== CHARACTERS) return Fault.WRONG_LENGTH;
  return sum(plain) ? Fault.WRONG_CHECK : null;
}

/** @param {string} characters */
function sum(characters) {
  return [...characters].reduce((total, character) => timesAlpha(total) ^ ALPHABET.indexOf(character), 0);
}

/**
 * Multiply by x in GF(2)[x] / (x^5 + x^2 + 1).
 *
 * @param {number} value
 */
function timesAlpha(value) {
  return (value << 1) ^ (value & 16 ? 0b100101 : 0);
}
