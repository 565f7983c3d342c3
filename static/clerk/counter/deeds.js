/**
 * What the counter does behind its screens: it writes to the journal, asks the server, and decides what this tablet may do alone.
 * Every entry names the clerk at work.
 */
import { NoAnswer, Refused } from "../server/api.js";
import { AT_RISK, heldHere, isCompromised, listedState, OFFLINE, TOO_MANY, UNSURE } from "../knowledge/check.js";
import { mayRisk } from "../knowledge/risks.js";
import { Verdict } from "../domain/rules.js";
import { askingFor, campaignOf, clerkAt, keyOf, mayFollow, undoUntil, unfinished } from "../knowledge/state.js";

/** @import { Journal } from "../storage/journal.js" */
/** @import { Attempt, Entry, Past } from "../knowledge/state.js" */
/** @import { Sync, SyncOptions, Ruling } from "../server/sync.js" */
/** @import { Finding } from "../knowledge/check.js" */
/** @import { Former } from "../storage/old-journals.js" */

export class Deeds {
  /** The id of the clerk at work. @type {string | null} */
  clerk = null;
  #journal;
  #sync;
  #now;
  #onFault;

  /**
   * @param {{journal: Journal, sync: Sync, now: () => number}} parts
   * @param {() => unknown} onFault called when the journal can't be written
   */
  constructor({ journal, sync, now }, onFault) {
    this.#journal = journal;
    this.#sync = sync;
    this.#now = now;
    this.#onFault = onFault;
  }

  // Writing.

  /**
   * @param {string} kind @param {Partial<Entry>} fields @param {(past: Past) => boolean} [allowed]
   * @returns {Promise<Entry | null>} null: not allowed any more
   */
  async write(kind, fields, allowed) {
    try {
      return await this.#journal.append(kind, { clerk: this.clerk ?? undefined, ...fields }, allowed);
    } catch (error) {
      this.#onFault();
      throw error;
    }
  }

  /**
   * Writes the next entry of an attempt, if its stage still allows it.
   * @param {string} kind @param {Attempt} attempt @param {Partial<Entry>} [fields]
   */
  step(kind, attempt, fields = {}) {
    const yes = kind === "gave" ? this.#sync.answers.get(attempt.ask)?.yes : undefined;
    return this.write(kind, { of: attempt.ask, ...(yes && { yes }), ...fields }, (past) => mayFollow(past, kind, attempt.ask));
  }

  /** Writes, once, what became of a former journal's gift. @param {Former} former @param {boolean | null} handedOver null: not known */
  say({ device, proof, attempt: { ask } }, handedOver) {
    const said = { device, entry: ask, handed_over: handedOver ?? undefined, proof };
    return this.write("said", said, (past) => !past.said.has(keyOf(device, ask)));
  }

  /**
   * What the entry of a gift that needs no answer shows: by which list it was judged, and the grant of the hold, or else up to where the
   * server had this journal.
   * @param {string} kind @param {Finding} finding @returns {Partial<Entry>}
   */
  evidenceOf(kind, { id = "", coupon }) {
    const list = this.#sync.listAt ?? undefined;
    if (kind === "gave-held") return { list, ...this.#sync.holds.evidenceOf(id, !coupon) };
    return { list, receipt: this.#sync.receipt ?? undefined };
  }

  /** Notes that a customer was declined. No answer from the server is not a decline. @param {string} code @param {Finding} finding */
  async noteDecline(code, { coupon }) {
    if (![Verdict.GOOD, OFFLINE, AT_RISK, TOO_MANY].includes(code)) await this.write("decline", { coupon, code });
  }

  /** @param {number | undefined} ask @returns {Attempt} */
  attempt(ask) {
    const attempt = this.#journal.past.attempts.get(ask ?? 0);
    if (!attempt) throw new Error(`no ask ${ask} in the journal`);
    return attempt;
  }

  // Asking.

  /** @param {SyncOptions} options @returns {Promise<Ruling | null>} null: no answer */
  async ask(options) {
    try {
      return await this.#sync.run({ urgent: true, ...options });
    } catch (error) {
      if (error instanceof NoAnswer || error instanceof Refused) return null;
      throw error;
    }
  }

  /** Syncs in the background: the clerk does not wait for it. */
  sendSoon() {
    void this.ask({ urgent: false });
  }

  // What this tablet may do.

  /** Takes over the clerk who was at work when the page was last open, unless the tablet was idle too long. */
  recallClerk() {
    this.clerk ??= clerkAt(this.#journal.past, this.#now());
  }

  /** Whether nothing in the journal forbids to give this coupon. @param {string} id @param {Past} past as of the moment of writing */
  mayGiveUnasked(id, past) {
    return !unfinished(past) && !past.standing.has(id) && !askingFor(past, id);
  }

  /** @param {Finding} finding @param {Past} past */
  holds({ id = "", keyId }, past) {
    const { holds, sets, snapshot } = this.#sync;
    return !this.#sync.mustEnrol && !isCompromised(snapshot, keyId) && heldHere(id, { holds, sets, past }) > 0;
  }

  /** @param {Finding} finding @param {Past} past */
  mayRisk(finding, past) {
    const { holds, sets, snapshot } = this.#sync;
    if (listedState(finding.id ?? "", { holds, sets, past }) || isCompromised(snapshot, finding.keyId)) return false;
    return mayRisk(finding, { terms: this.terms(finding.campaign), past, sync: this.#sync, now: this.#now() });
  }

  /** The code to show when the server does not answer. @param {Finding} finding */
  codeOffline(finding) {
    if (finding.code !== UNSURE && finding.code !== Verdict.GOOD) return finding.code;
    return finding.code === Verdict.GOOD && this.mayRisk(finding, this.#journal.past) ? AT_RISK : OFFLINE;
  }

  /** @param {Attempt} attempt */
  mayUndo(attempt) {
    return mayFollow(this.#journal.past, "undo", attempt.ask) && this.#now() < this.undoUntil(attempt);
  }

  /** @param {Attempt} attempt */
  undoUntil(attempt) {
    return undoUntil(attempt, this.terms(campaignOf(attempt.id))?.undo_minutes ?? 0);
  }

  /** @param {string} [campaign] */
  terms(campaign) {
    return this.#sync.snapshot?.campaigns.find((each) => each.id === campaign)?.terms;
  }
}
