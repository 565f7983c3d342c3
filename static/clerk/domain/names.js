/**
 * What a text may name a coupon by: its token as scanned, or its short code as typed. The server's twin is `redeem/domain/names.py`, and
 * both are held to `tests/vectors/names.json`.
 */
import { BadCode, normalise } from "./codes.js";
import { BadToken, read, write } from "./tokens.js";

/** @param {string} text */
export function readOrNull(text) {
  try {
    return read(text);
  } catch (error) {
    if (error instanceof BadToken) return null;
    throw error;
  }
}

/** @param {string} text */
export function normaliseOrNull(text) {
  try {
    return normalise(text);
  } catch (error) {
    if (error instanceof BadCode) return null;
    throw error;
  }
}

/** The digits of a coupon's token, null if the text has none. They are not verified. @param {string} text */
export function digitsIn(text) {
  const token = readOrNull(text);
  return token && write(token);
}

/** The coupon's digits, or its short code as it is stored; null if the text names no coupon. @param {string} text */
export const nameIn = (text) => digitsIn(text) ?? normaliseOrNull(text);
