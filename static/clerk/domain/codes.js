// Short codes, the same as the server's; tests/vectors/codes.json tests both. They are stored plain,
// `7KQ2M4XZ9F3C`, and shown grouped, `7KQ2-M4XZ-9F3C`.

/** @typedef {typeof Fault[keyof typeof Fault]} FaultCode */

/** Why a text is not a short code, a closed list. */
export const Fault = Object.freeze({
  EMPTY: "empty",
  TOO_LONG: "too_long",
  WRONG_CHARACTER: "wrong_character",
  WRONG_LENGTH: "wrong_length",
  WRONG_CHECK: "wrong_check",
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

// Look-alikes: Crockford's three, and the capitals of a Cyrillic keyboard. Each stands for the character below it.
const LOOKS = "OILАВЕКМНОРСТУХ";
const MEANS = "011ABEKMH0PCTYX";

/**
 * A typed code in its stored form. Throws `BadCode`.
 *
 * @param {string} text
 */
export function normalise(text) {
  if (text.length > TEXT_MAX_CHARACTERS) throw new BadCode(Fault.TOO_LONG);
  const plain = text
    .replace(SEPARATORS, "")
    .toUpperCase()
    .replace(/./gsu, (seen) => MEANS[LOOKS.indexOf(seen)] ?? seen);
  const reason = fault(plain);
  if (reason) throw new BadCode(reason);
  return plain;
}

/**
 * A stored code in groups of four, as people read it.
 *
 * @param {string} code
 */
export function grouped(code) {
  return code.replace(/(.{4})(?=.)/g, "$1-");
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
