// The token: 76 signed bytes as 183 digits, the same as the server's. tests/vectors/tokens.json tests both.
// Pure: what checks signatures, WebCrypto or its fallback, is a parameter.

/**
 * @typedef {object} Token What a token says. It is not verified until `fault` finds nothing wrong with it.
 * @property {number} keyId
 * @property {number} campaign
 * @property {number} number
 * @property {number} lastDay
 * @property {Uint8Array<ArrayBuffer>} payload The 12 bytes that are signed.
 * @property {Uint8Array<ArrayBuffer>} signature 64 bytes.
 */
/** @typedef {"active" | "verify_only" | "compromised"} KeyStatus */
/** @typedef {{kid: number, publicKey: Uint8Array<ArrayBuffer>, status: KeyStatus}} PublicKey */
/** @typedef {ReadonlyMap<number, PublicKey>} KeyRing */
/** @typedef {{kid: number, alg: string, public_key: string, status: string}} PublishedKey As /.well-known/redeem-keys.json lists it. */
/** @typedef {Uint8Array<ArrayBuffer>} Bytes */
/** @typedef {(publicKey: Bytes, message: Bytes, signature: Bytes) => Promise<boolean>} Check */
/** @typedef {typeof Fault[keyof typeof Fault]} FaultCode */

/** Why a text is not a token of this shop, a closed list. */
export const Fault = Object.freeze({
  TOO_LONG: "too_long",
  NO_DIGITS: "no_digits",
  UNKNOWN_VERSION: "unknown_version",
  BAD_CAMPAIGN: "bad_campaign",
  UNKNOWN_KEY: "unknown_key",
  COMPROMISED_KEY: "compromised_key",
  WRONG_SIGNATURE: "wrong_signature",
});

/** The text is not a token of this shop; `reason` says why. */
export class BadToken extends Error {
  /** @param {FaultCode} reason */
  constructor(reason) {
    super(`not a coupon of this shop: ${reason}`);
    this.name = "BadToken";
    this.reason = reason;
  }
}

/** A published key can't be used, so no key ring is built. */
export class BadKey extends Error {
  /** @param {"bad_key_id" | "bad_public_key" | "bad_status" | "repeated_key_id"} reason */
  constructor(reason) {
    super(`a signing key can't be used: ${reason}`);
    this.name = "BadKey";
    this.reason = reason;
  }
}

const VERSION = 1;
const TOKEN_BYTES = 76;
const PAYLOAD_BYTES = 12;
const DIGITS = 183;
const TEXT_MAX_CHARACTERS = 2048; // a link with what shops and mailers hang on to it
const CAMPAIGN_LIMIT = 2 ** 31;
const DOMAIN = new TextEncoder().encode("redeem-coupon-v1\0");

// A scanner's keyboard, a link or a person may put anything before and after a coupon's digits, so only the digits count: the signature
// decides. A symbology id (]Q1, which a Russian layout types as ъЙ1), an ECI as literal text (\000026) and an encoded character (%20) end
// in digits that are not the coupon's. What nobody sees may stand between the digits: pages and mails put it where a line may break.
const ADDED = /\][A-Za-z][0-9A-Za-z]|[ъЪ][йЙ][0-9]|\\[0-9]{6}|%[0-9A-Fa-f]{2}/g;
const SOFT_BREAKS = /[\u00ad\u200b-\u200f\u2060\ufeff]/gu;

/**
 * Read what a scanner delivers, the one run of 183 digits in it, which may be there twice. The signature is not verified. Throws
 * `BadToken`.
 *
 * @param {string} text
 * @returns {Token}
 */
export function read(text) {
  const bytes = toBytes(digitsOf(text));
  const view = new DataView(bytes.buffer);
  if (view.getUint8(0) !== VERSION) throw new BadToken(Fault.UNKNOWN_VERSION);
  if (view.getUint32(2) >= CAMPAIGN_LIMIT) throw new BadToken(Fault.BAD_CAMPAIGN);
  return Object.freeze({
    keyId: view.getUint8(1),
    campaign: view.getUint32(2),
    number: view.getUint32(6),
    lastDay: view.getUint16(10),
    payload: bytes.slice(0, PAYLOAD_BYTES),
    signature: bytes.slice(PAYLOAD_BYTES),
  });
}

/**
 * The 183 digits of a token.
 *
 * @param {Token} token
 */
export function write(token) {
  const hex = [...token.payload, ...token.signature].map((byte) => byte.toString(16).padStart(2, "0"));
  return BigInt(`0x${hex.join("")}`)
    .toString()
    .padStart(DIGITS, "0");
}

/**
 * The coupon's id, `cpn_7_42`.
 *
 * @param {Pick<Token, "campaign" | "number">} token
 */
export function couponId(token) {
  return `cpn_${token.campaign}_${token.number}`;
}

/**
 * Why this token is refused, or null. Only of a token that a compromised key did sign, `COMPROMISED_KEY` is returned.
 *
 * @param {Token} token
 * @param {KeyRing} ring
 * @param {Check} check
 * @returns {Promise<FaultCode | null>}
 */
export async function fault(token, ring, check) {
  const key = ring.get(token.keyId);
  if (!key) return Fault.UNKNOWN_KEY;
  const message = new Uint8Array([...DOMAIN, ...token.payload]);
  if (!(await check(key.publicKey, message, token.signature))) return Fault.WRONG_SIGNATURE;
  return key.status === "compromised" ? Fault.COMPROMISED_KEY : null;
}

/**
 * The key ring of the published keys. Throws `BadKey` for a key that can't be used: with a key of small order, one signature would
 * fit many messages.
 *
 * @param {PublishedKey[]} published
 * @returns {KeyRing}
 */
export function keyRing(published) {
  /** @type {Map<number, PublicKey>} */
  const ring = new Map();
  for (const { kid, public_key: text, status } of published) {
    if (!Number.isInteger(kid) || kid < 0 || kid > 255) throw new BadKey("bad_key_id");
    if (ring.has(kid)) throw new BadKey("repeated_key_id");
    ring.set(kid, Object.freeze({ kid, publicKey: soundKey(text), status: knownStatus(status) }));
  }
  return ring;
}

/**
 * A check by WebCrypto, or by `fallback` where the browser has no Ed25519.
 *
 * @param {SubtleCrypto | undefined} subtle
 * @param {Check} fallback
 * @returns {Check}
 */
export function checker(subtle, fallback) {
  /** @type {WeakMap<Uint8Array, Promise<CryptoKey | null>>} */
  const imported = new WeakMap();
  return async (publicKey, message, signature) => {
    const key = imported.get(publicKey) ?? importKey(subtle, publicKey);
    imported.set(publicKey, key);
    const ready = await key;
    return subtle && ready ? subtle.verify("Ed25519", ready, signature, message) : fallback(publicKey, message, signature);
  };
}

/**
 * @param {SubtleCrypto | undefined} subtle
 * @param {Uint8Array<ArrayBuffer>} publicKey
 * @returns {Promise<CryptoKey | null>}
 */
async function importKey(subtle, publicKey) {
  if (!subtle) return null;
  try {
    return await subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]);
  } catch {
    return null; // no Ed25519 in this browser, or not a point of the curve: the fallback decides
  }
}

/** @param {string} text */
function digitsOf(text) {
  if (text.length > TEXT_MAX_CHARACTERS) throw new BadToken(Fault.TOO_LONG);
  const plain = text.replace(ADDED, " ");
  const runs = [text, plain, plain.replace(SOFT_BREAKS, "")].flatMap((each) => each.match(/[0-9]+/g) ?? []);
  const found = new Set(runs.filter((run) => run.length === DIGITS));
  if (found.size !== 1) throw new BadToken(Fault.NO_DIGITS);
  return [...found][0];
}

/** @param {string} digits */
function toBytes(digits) {
  const hex = BigInt(digits)
    .toString(16)
    .padStart(2 * TOKEN_BYTES, "0");
  return Uint8Array.from({ length: TOKEN_BYTES }, (_, place) => parseInt(hex.slice(2 * place, 2 * place + 2), 16));
}

// A key holds 255 bits of y. A y that is not below the field's prime is not canonical, and these five values of y belong to the
// eight points of small order.
const FIELD_PRIME = 2n ** 255n - 19n;
const SMALL_ORDER = new Set([
  0n,
  1n,
  FIELD_PRIME - 1n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
]);

/** @param {string} text */
function soundKey(text) {
  const key = fromBase64url(text);
  if (key?.length !== 32) throw new BadKey("bad_public_key");
  const y = key.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n) & (2n ** 255n - 1n);
  if (y >= FIELD_PRIME || SMALL_ORDER.has(y)) throw new BadKey("bad_public_key");
  return key;
}

/** @param {string} text */
function fromBase64url(text) {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return null;
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}

/**
 * @param {string} status
 * @returns {KeyStatus}
 */
function knownStatus(status) {
  if (status !== "active" && status !== "verify_only" && status !== "compromised") throw new BadKey("bad_status");
  return status;
}
