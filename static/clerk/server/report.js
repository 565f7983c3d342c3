/**
 * The report to a server that was restored from a backup: which holds this tablet has, with the server's proof of each, in parts. Pure.
 */

/** @import { Grant } from "../knowledge/holds.js" */

/** @typedef {{generation: number, claimed: number}} Reporting  to which generation of the ledger, and how many holds are reported so far */

const CLAIMS_PER_REQUEST = 5000;

/** The part of the report that comes next. @param {Reporting} reporting @param {Grant[]} all of the holds */
export function reportOf({ generation, claimed }, all) {
  const claims = all.slice(claimed, claimed + CLAIMS_PER_REQUEST).map(claimOf);
  return { generation, claims, more_claims: claimed + claims.length < all.length };
}

/**
 * What is left to report, null if nothing is. Only the server knows whether it has the report: a backup may be restored twice.
 * @param {Reporting | null} begun @param {{reported: boolean, generation: number}} reply @param {number} size how many holds there are
 * @returns {Reporting | null}
 */
export function nextReport(begun, { reported, generation }, size) {
  if (reported) return null;
  if (!begun || begun.generation !== generation) return { generation, claimed: 0 };
  const claimed = begun.claimed + CLAIMS_PER_REQUEST;
  // If the server still lacks the report, the next sync sends all of it again.
  return claimed < size ? { generation, claimed } : null;
}

/** @param {Grant} grant  without a proof if it was sent before grants were signed */
const claimOf = ([campaign, number, epoch, , , proof]) => [campaign, number, epoch, ...(proof ? [proof] : [])];
