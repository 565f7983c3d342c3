/**
 * Is a journal file whole, torn or damaged? Pure.
 *
 * Torn is what a power cut or a kill leaves of the entry that was being written: nobody was told of it, and it may go. Damaged is
 * everything else. A damaged journal may lack a gift that was shown, so its tablet gives nothing more (docs/protocol.md, rule 10).
 */
import { hasHeader, HEADER, MEASURED, readRecords, salvage, startsWith } from "./records.js";

/** @import { Lengths } from "./lengths.js" */

/** @typedef {"unreadable" | "short" | "rewritten"} Damage  a part can't be read; the end is missing; entries are not those that were */

/** @typedef {{device: string, damage: Damage, bytes: Uint8Array<ArrayBuffer>, proof?: string}} DamagedFile  of the device that wrote it */

/** The journal can't be gone on with. */
export class DamagedJournal extends Error {
  /** @param {Damage} damage @param {string} [what] */
  constructor(damage, what = damage) {
    super(what);
    this.damage = damage;
  }
}

/**
 * @param {Uint8Array} bytes the whole file @param {Lengths} lengths what is known of its flushed length
 * @returns {{texts: string[], whole: number, damage: Damage | null}} the records before whatever is torn or damaged, and where that begins
 */
export function readJournal(bytes, lengths) {
  const { texts, whole } = readRecords(bytes);
  return { texts, whole, damage: findDamage(bytes, whole, lengths) };
}

/** @param {Uint8Array} bytes @param {number} whole @param {Lengths} lengths @returns {Damage | null} */
function findDamage(bytes, whole, { newest, areWhole }) {
  if (whole === 0 && isUnbegun(bytes, newest?.length)) return null;
  if (newest && bytes.length < newest.length) return "short";
  if (whole < (newest?.length ?? HEADER.length)) return "unreadable";
  if (!areWhole && !isTornLength(whole, newest?.length, bytes)) return "unreadable";
  return salvage(bytes, whole).next().done ? null : "unreadable"; // a torn entry is the last: the next one is written when it is flushed
}

/** Whether no record was ever written: of the header there may be a part. @param {Uint8Array} bytes @param {number} [known] */
const isUnbegun = (bytes, known = 0) =>
  known <= HEADER.length && bytes.length < HEADER.length && startsWith(HEADER, bytes) && !hasHeader(bytes);

/**
 * Whether a power cut explains that a length is unreadable. The record was flushed before it, so it is whole behind the other length. A
 * file from before lengths were kept has none.
 * @param {number} whole @param {number | undefined} known @param {Uint8Array} bytes
 */
const isTornLength = (whole, known, bytes) =>
  known === undefined ? !startsWith(bytes, MEASURED) : whole > known || (known <= HEADER.length && whole === bytes.length);
