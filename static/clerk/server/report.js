/**
 * The report to a server that was restored from a backup: which holds this tablet has, with the server's proof of each, and the
 * sealed copies of campaigns and keys that it has kept for the server, in parts.
 */

/** @import { Grant } from "../knowledge/holds.js" */

/** @typedef {{generation: number, claimed: number}} Begun  to which generation of the ledger, and how many holds are reported so far */

const CLAIMS_PER_REQUEST = 5000;
/** As many as the server accepts at once, and as much as one copy may be. */
const COPIES_PER_REQUEST = 200;
const COPIES_CHARACTERS = 300_000;

export class Report {
  /** @type {Begun | null} */
  #begun = null;
  #copies;

  /** @param {string[]} copies  those that the device was sent that this tablet was before: they are handed in at once */
  constructor(copies) {
    this.#copies = copies;
  }

  /** Whether nothing is left to send. */
  get isDone() {
    return !this.#begun && !this.#copies.length;
  }

  restart() {
    this.#begun = null;
  }

  /**
   * The members of the next request. Claims come with the last copies: before these, the server can't read what is younger than the backup.
   * @param {Grant[]} holds all of them
   */
  part(holds) {
    const copies = firstOf(this.#copies);
    const more = copies.length < this.#copies.length;
    return { ...(copies.length && { copies, more_copies: more }), ...(this.#begun && claimsOf(this.#begun, holds, more)) };
  }

  /** Notes that the server has the part. Says whether all copies are there now, and were not before. */
  noteSent() {
    const before = this.#copies.length;
    this.#copies = this.#copies.slice(firstOf(this.#copies).length);
    return before > 0 && !this.#copies.length;
  }

  /**
   * Takes the server's reply, and says whether a report begins. Only the server knows whether it has the report: a backup may be
   * restored twice. If it still lacks the report when all was sent, the next sync sends all of it again.
   * @param {{reported: boolean, generation: number}} reply @param {number} size how many holds there are
   * @param {string[]} copies all of them
   */
  begins({ reported, generation }, size, copies) {
    if (this.#copies.length) return false;
    const before = this.#begun;
    if (reported) this.#begun = null;
    else if (before?.generation === generation) this.#begun = nextOf(before, size);
    else [this.#begun, this.#copies] = [{ generation, claimed: 0 }, copies];
    return this.#begun !== null && before?.generation !== generation;
  }
}

/** @param {Begun} begun @param {number} size of all holds @returns {Begun | null} */
function nextOf({ generation, claimed }, size) {
  return claimed + CLAIMS_PER_REQUEST < size ? { generation, claimed: claimed + CLAIMS_PER_REQUEST } : null;
}

/** As many as go into a request, at least one if there is one. @param {string[]} copies */
function firstOf(copies) {
  let [count, characters] = [0, 0];
  while (count < Math.min(copies.length, COPIES_PER_REQUEST)) {
    characters += copies[count].length;
    if (count && characters > COPIES_CHARACTERS) break;
    count += 1;
  }
  return copies.slice(0, count);
}

/** @param {Begun} begun @param {Grant[]} all of the holds @param {boolean} wait for more copies */
function claimsOf({ generation, claimed }, all, wait) {
  const claims = wait ? [] : all.slice(claimed, claimed + CLAIMS_PER_REQUEST).map(claimOf);
  return { generation, claims, more_claims: wait || claimed + claims.length < all.length };
}

/** @param {Grant} grant  without a proof if it was sent before grants were signed */
const claimOf = ([campaign, number, epoch, , , proof]) => [campaign, number, epoch, ...(proof ? [proof] : [])];
