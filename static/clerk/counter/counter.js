/**
 * What happens at the counter: one coupon from scan to hand-over, as a sequence of screens.
 *
 * The journal is written before the screen changes: "Hand over the gift" is shown only once the entry `gave` is durable. Each step
 * changes the screen before it awaits anything, so a second tap meets another screen and does nothing.
 */
import { NoAnswer, Refused } from "../server/api.js";
import { AT_RISK, find, findingOf, givenDetails, heldHere, OFFLINE, RECOVERING, UNSURE } from "../knowledge/check.js";
import { Deeds } from "./deeds.js";
import { Verdict } from "../domain/rules.js";
import { heldDetails } from "../knowledge/siblings.js";
import { unfinished, worksHere } from "../knowledge/state.js";

/** @import { Journal } from "../storage/journal.js" */
/** @import { Attempt, Past } from "../knowledge/state.js" */
/** @import { Sync } from "../server/sync.js" */
/** @import { Finding } from "../knowledge/check.js" */
/** @import { Former } from "../storage/old-journals.js" */
/** @import { Check } from "../domain/tokens.js" */
/** @import { Offer } from "../domain/rules.js" */

/**
 * @typedef {{name: "scan", note?: string}
 *   | {name: "locked", chosen?: string, problem?: string, waitSeconds?: number, busy?: boolean}
 *   | {name: "checking", finding: Finding}
 *   | {name: "verdict", code: string, finding: Finding, details: Record<string, any>, confirmed: boolean, pending?: boolean}
 *   | {name: "asking", attempt?: Attempt, finding: Finding}
 *   | {name: "fetching", finding: Finding, details: Record<string, any>}
 *   | {name: "unconfirmed", attempt: Attempt, finding: Finding}
 *   | {name: "given", attempt: Attempt, finding: Finding, undoUntil: number}
 *   | {name: "unfinished", attempt: Attempt, former?: Former}
 *   | {name: "undoing"}
 *   | {name: "undone", attempt: Attempt}
 *   | {name: "fault", code: string}} Screen
 * @typedef {{journal: Journal, sync: Sync, now: () => number, check: Check,
 *   unlock: (clerk: string, pin: string) => Promise<{offline?: true}>, pause: (ms: number) => Promise<void>,
 *   painted?: () => Promise<void>, former?: (past: Past) => Promise<Former | undefined>}} Parts  `former`: what the journal of the device
 *   that this tablet was before left unfinished; `painted` resolves when the current screen is painted; if that is a verdict, the request
 *   to the server waits for it, so that it does not delay the verdict
 */

const VERIFY_MS = 4_000;
const ASK_MS = 6_000;
/** How often, and how many times, to ask whether the holder of a coupon has released it. */
const FETCH_LOOKS = 30;
const FETCH_PAUSE_MS = 300;
const NOT_HANDED_OVER = "not_handed_over";
/** Screens that wait only for the clerk. */
const AT_REST = ["scan", "verdict", "unconfirmed", "given", "undone", "unfinished"];

export class Counter extends EventTarget {
  /** @type {Screen} */
  #screen = { name: "locked" };
  #parts;
  #deeds;

  /** @param {Parts} parts */
  constructor(parts) {
    super();
    this.#parts = parts;
    this.#deeds = new Deeds(parts, () => this.#show({ name: "fault", code: "storage" }));
    parts.sync.addEventListener("change", () => this.#syncChanged());
  }

  get screen() {
    return this.#screen;
  }

  /** The id of the clerk at work. */
  get clerk() {
    return this.#deeds.clerk;
  }

  /** Shows the interrupted coupon if there is one, otherwise the lock or the scanner. */
  async start() {
    this.#deeds.recallClerk();
    const attempt = unfinished(this.#parts.journal.past);
    if (!this.clerk) this.#show({ name: "locked" });
    else if (!attempt) await this.#askAboutFormer();
    else if (attempt.stage === "given") this.#show({ name: "unfinished", attempt });
    else await this.#settle(attempt, findingOf(attempt), "ask the clerk");
  }

  /** Asks about what the journal before this one left unfinished, or else shows the scanner. */
  async #askAboutFormer() {
    const { journal, former: left } = this.#parts;
    const former = left && (await left(journal.past));
    this.#show(former ? { name: "unfinished", attempt: former.attempt, former } : { name: "scan" });
  }

  // Who is at work.

  /** @param {string | undefined} clerk */
  choose(clerk) {
    if (this.#screen.name === "locked") this.#show({ name: "locked", chosen: clerk });
  }

  /** @param {string} pin */
  async unlock(pin) {
    const before = this.#screen;
    if (before.name !== "locked" || !before.chosen || before.busy) return;
    const clerk = before.chosen;
    this.#show({ name: "locked", chosen: clerk, busy: true });
    let how = {};
    try {
      how = await this.#parts.unlock(clerk, pin);
    } catch (error) {
      return void this.#show({ name: "locked", chosen: clerk, ...unlockProblem(error) });
    }
    await this.#deeds.write("unlock", { clerk, ...how });
    this.#deeds.clerk = clerk;
    await this.start();
  }

  /** Called by the clerk, or when the tablet was idle. An open attempt stays open: after the unlock its question is shown. */
  async lock() {
    if (!AT_REST.includes(this.#screen.name)) return;
    const clerk = this.clerk ?? undefined;
    this.#deeds.clerk = null;
    this.#show({ name: "locked" });
    await this.#deeds.write("lock", { clerk });
  }

  // One coupon.

  /** A scan only verifies. @param {string} text as scanned or typed */
  async scan(text) {
    const { journal, sync, now, check } = this.#parts;
    if (this.#screen.name !== "scan" || !sync.snapshot) return;
    /** @type {Screen} */
    const scanned = { name: "scan" };
    this.#screen = scanned; // looks the same, but lets this scan notice below if another step came first
    const finding = await find(text, {
      snapshot: sync.snapshot,
      past: journal.past,
      holds: sync.holds,
      sets: sync.sets,
      now: now(),
      check,
    });
    if (this.#screen !== scanned) return;
    const shown = this.#showFinding(finding);
    if (finding.ask) await this.#confirm(shown, finding, finding.ask);
    else await this.#deeds.noteDecline(finding.code, finding);
  }

  async give() {
    const shown = this.#screen;
    if (shown.name !== "verdict") return;
    const { finding } = shown;
    if (shown.code === AT_RISK) return this.#giveUnasked("gave-at-risk", finding, (past) => this.#deeds.mayRisk(finding, past));
    if (shown.code !== Verdict.GOOD) return;
    if (finding.held) return this.#giveUnasked("gave-held", finding, (past) => this.#deeds.holds(finding, past));
    if (!finding.coupon) return;
    this.#show({ name: "asking", finding });
    const about = { coupon: finding.coupon, short_code: shown.details.short_code };
    const asked = await this.#deeds.write("ask", about, (past) => !unfinished(past));
    if (asked) await this.#settle(this.#deeds.attempt(asked.n), finding);
    else await this.start(); // another coupon is unfinished: its question comes first
  }

  /** Tries again after no answer. The same entry is sent, so the server repeats its first answer. */
  async again() {
    const shown = this.#screen;
    if (shown.name === "unconfirmed") await this.#settle(shown.attempt, shown.finding);
    else if (shown.name === "verdict" && [OFFLINE, AT_RISK].includes(shown.code)) await this.#checkAgain(shown.finding);
    else if (shown.name === "verdict" && shown.code === RECOVERING) await this.#checkAgain({ ...shown.finding, code: UNSURE });
  }

  /** Waits for the holder to release the coupon. Each verify makes the server recall the hold. */
  async fetch() {
    const { screen } = this;
    if (screen.name !== "verdict" || screen.code !== Verdict.HELD_ELSEWHERE || !screen.finding.ask) return;
    const { finding, details } = screen;
    const shown = this.#show({ name: "fetching", finding, details });
    for (let looks = 0; looks < FETCH_LOOKS && this.#screen === shown; looks++) {
      const ruling = await this.#deeds.ask({ verify: finding.ask, timeoutMs: VERIFY_MS });
      if (this.#screen !== shown) return;
      if (ruling && ruling.code !== Verdict.HELD_ELSEWHERE) return void (await this.#showRuling(ruling, finding));
      await this.#parts.pause(FETCH_PAUSE_MS);
    }
    if (this.#screen === shown) this.#show(screen);
  }

  /** The clerk gives up while the answer is open: this attempt gives nothing, even if a yes comes later. */
  async drop() {
    const shown = this.#screen;
    if ((shown.name !== "asking" && shown.name !== "unconfirmed") || !shown.attempt) return;
    // No drop is written if `gave` was first; then the screen "given" comes.
    if (await this.#deeds.step("drop", shown.attempt)) this.#show({ name: "scan", note: "dropped" });
    this.#deeds.sendSoon();
  }

  /** "Next": the clerk is done with this coupon. */
  async next() {
    const shown = this.#screen;
    if (!["verdict", "checking", "fetching", "given", "undone"].includes(shown.name)) return;
    this.#show({ name: "scan" });
    if (shown.name === "given") await this.#deeds.step("done", shown.attempt);
    this.#deeds.sendSoon();
  }

  /** @param {Attempt} attempt @param {string} reason */
  async undo(attempt, reason) {
    const before = this.#screen;
    if (before.name === "undoing" || !this.mayUndo(attempt)) return;
    const undoing = this.#show({ name: "undoing" }); // at once: "Hand over the gift" must not stay while a slow disk writes
    const undone = await this.#deeds.step("undo", attempt, { reason });
    if (this.#screen === undoing) this.#show(undone ? { name: "undone", attempt } : before);
    this.#deeds.sendSoon();
  }

  /** @param {Attempt} attempt */
  mayUndo(attempt) {
    return this.#deeds.mayUndo(attempt);
  }

  /** Notes a refusal: a person did not give the gift. @param {string} reason @param {string} [coupon] */
  async refuse(reason, coupon) {
    const shown = this.#show({ name: "scan" });
    await this.#deeds.write("refusal", { coupon, reason });
    if (this.#screen === shown) this.#show({ name: "scan", note: "refused" });
    this.#deeds.sendSoon();
  }

  /**
   * The clerk's answer to "Was the gift handed over?" Of a gift of a former journal it is only passed on: a manager decides. There it may
   * be null: the clerk does not know.
   * @param {boolean | null} handedOver
   */
  async finish(handedOver) {
    const shown = this.#screen;
    if (shown.name !== "unfinished") return;
    const { attempt, former } = shown;
    this.#show({ name: "asking", ...(!former && { attempt }), finding: findingOf(attempt) });
    if (former) await this.#deeds.say(former, handedOver);
    else if (!handedOver) await this.#deeds.step(attempt.stage === "asking" ? "drop" : "undo", attempt, { reason: NOT_HANDED_OVER });
    else for (const kind of ["gave", "done"]) await this.#deeds.step(kind, attempt); // `step` skips an entry that is already there
    await this.start();
    this.#deeds.sendSoon();
  }

  /** @param {string} [campaign] @param {string} [language] @returns {Offer | undefined} */
  offer(campaign, language = "en") {
    const offers = this.#deeds.terms(campaign)?.offer;
    return offers && (offers[language] ?? offers.en ?? Object.values(offers)[0]);
  }

  // Giving without an answer from the server.

  /**
   * The entry in the journal is the gift. If it is no longer allowed (the hold was released, the limit is reached), the coupon is
   * checked again.
   * @param {string} kind @param {Finding} finding @param {(past: Past) => boolean} allowed
   */
  async #giveUnasked(kind, finding, allowed) {
    const { coupon, typed, id = "" } = finding;
    this.#show({ name: "asking", finding });
    const given = await this.#deeds.write(
      kind,
      { ...(coupon ? { coupon } : { typed, id }), ...this.#deeds.evidenceOf(kind, finding) },
      (past) => this.#deeds.mayGiveUnasked(id, past) && allowed(past),
    );
    if (!given) return this.#checkAgain({ ...finding, held: undefined, ask: coupon ?? typed });
    this.#showGiven(this.#deeds.attempt(given.n), finding);
    this.#deeds.sendSoon();
  }

  /** @param {Finding} finding */
  async #checkAgain(finding) {
    const checking = this.#show({ name: "checking", finding });
    if (finding.ask) await this.#confirm(checking, finding, finding.ask);
  }

  /** Shows that the coupon can be given once its hold has arrived, and locks out a clerk who no longer works at this store. */
  #syncChanged() {
    const shown = this.#screen;
    if (shown.name === "scan" && this.clerk && !worksHere(this.#parts.sync.snapshot, this.clerk)) return void this.lock();
    if (shown.name !== "fetching" && (shown.name !== "verdict" || shown.code !== Verdict.HELD_ELSEWHERE)) return;
    const { finding, details } = shown;
    const { sync, journal } = this.#parts;
    const held = heldHere(finding.id ?? "", { holds: sync.holds, sets: sync.sets, past: journal.past });
    if (held)
      this.#show({ name: "verdict", code: Verdict.GOOD, finding: { ...finding, code: Verdict.GOOD, held }, details, confirmed: true });
  }

  // Showing results.

  /**
   * Shows the tablet's own finding at once. While the server is unreachable, a coupon that needs it is not shown as valid, and
   * "Give at risk" is not offered until this request too has had no answer.
   * @param {Finding} finding
   */
  #showFinding(finding) {
    const pending = Boolean(finding.ask); // the server is being asked
    const isOffline = pending && this.#parts.sync.online === false;
    const code = isOffline ? this.#deeds.codeOffline(finding) : finding.code;
    if (finding.code === UNSURE || code === AT_RISK) return this.#show({ name: "checking", finding });
    const details = isOffline ? this.#detailsOffline(finding) : givenDetails(finding.attempt);
    return this.#show({ name: "verdict", code, finding, details, confirmed: !pending, pending });
  }

  /** What the tablet knows about a coupon without the server. @param {Finding} finding */
  #detailsOffline(finding) {
    return {
      ...(finding.unknownCampaign && { unknownCampaign: true }),
      ...givenDetails(finding.attempt),
      ...heldDetails(this.#parts.sync, finding.id),
    };
  }

  /** Replaces the tablet's own finding with the server's. @param {Screen} shown @param {Finding} finding @param {string} ask */
  async #confirm(shown, finding, ask) {
    if (shown.name === "verdict") await this.#parts.painted?.();
    if (this.#screen !== shown) return;
    const ruling = await this.#deeds.ask({ verify: ask, timeoutMs: VERIFY_MS });
    if (this.#screen !== shown) return;
    if (ruling?.code) return this.#showRuling(ruling, finding);
    const code = this.#deeds.codeOffline(finding);
    this.#show({ name: "verdict", code, finding, details: this.#detailsOffline(finding), confirmed: false });
    await this.#deeds.noteDecline(code, finding);
  }

  /** @param {Record<string, any>} ruling @param {Finding} finding */
  async #showRuling(ruling, finding) {
    const { code, token, ...details } = ruling;
    const known = {
      ...finding,
      coupon: finding.coupon ?? token,
      id: details.coupon ?? finding.id,
      campaign: details.campaign ?? finding.campaign,
    };
    this.#show({
      name: "verdict",
      code,
      finding: { ...known, code, lastDay: details.last_day ?? known.lastDay },
      details,
      confirmed: true,
    });
    if (code === Verdict.HELD_ELSEWHERE && details.holder?.online) await this.fetch();
    else await this.#deeds.noteDecline(code, known);
  }

  /**
   * Gets the answer to an open `ask` and closes it. A yes counts only while the `ask` is open: `gave` never follows a `drop`.
   * @param {Attempt} attempt @param {Finding} finding
   * @param {"ask the clerk"} [onYes] after an interruption, when only the clerk knows whether the gift was handed over
   */
  async #settle(attempt, finding, onYes) {
    const shown = this.#show({ name: "asking", attempt, finding });
    await this.#deeds.ask({ timeoutMs: ASK_MS });
    if (this.#screen !== shown) return;
    const answer = this.#parts.sync.answers.get(attempt.ask);
    if (!answer) return this.#show({ name: "unconfirmed", attempt, finding });
    if (answer.code !== "redeemed") return this.#declined(attempt, finding, answer);
    if (onYes) return this.#show({ name: "unfinished", attempt });
    if (await this.#deeds.step("gave", attempt)) this.#showGiven(attempt, finding);
    this.#deeds.sendSoon();
  }

  /** @param {Attempt} attempt @param {Finding} finding @param {{code: string} & Record<string, any>} answer */
  async #declined(attempt, finding, { code, ...details }) {
    await this.#deeds.step("drop", attempt);
    this.#show({ name: "verdict", code, finding, details, confirmed: true });
    this.#deeds.sendSoon();
  }

  /** @param {Attempt} attempt @param {Finding} finding */
  #showGiven(attempt, finding) {
    return this.#show({ name: "given", attempt, finding, undoUntil: this.#deeds.undoUntil(attempt) });
  }

  /** @template {Screen} S @param {S} screen @returns {S} */
  #show(screen) {
    this.#screen = screen;
    this.dispatchEvent(new Event("screen"));
    return screen;
  }
}

/** @param {unknown} error */
function unlockProblem(error) {
  if (error instanceof NoAnswer) return { problem: OFFLINE };
  if (error instanceof Refused) return { problem: error.code, waitSeconds: error.waitSeconds };
  throw error;
}
