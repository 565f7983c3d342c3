/** The clerk's page: shows the counter's screens, passes scans, keys and taps to the counter, and syncs regularly. */
import { AT_RISK, OFFLINE, RECOVERING } from "../knowledge/check.js";
import { Counter } from "./counter.js";
import { lockScreen } from "./lock.js";
import { Scanner } from "../scanning/scanner.js";
import { enrolScreen, faultScreen } from "./setup.js";
import { closeSheets, codeSheet, hasSheet, refusalSheet, undoSheet } from "./sheets.js";
import { Verdict } from "../domain/rules.js";
import { settingsSheet } from "./settings.js";
import { signal, switchSound } from "../view/sound.js";
import { explain } from "./explain.js";
import { shiftSheet } from "./shift.js";
import { campaignOf, givenToday, IDLE_MS } from "../knowledge/state.js";
import { currentLanguage, t } from "../view/strings.js";
import { BELL_EVERY_MS, SYNC_EVERY_MS } from "../server/sync.js";
import { syncLine } from "./sync-line.js";
import {
  askingScreen,
  checkingScreen,
  fetchingScreen,
  givenScreen,
  unconfirmedScreen,
  undoingScreen,
  undoneScreen,
  unfinishedScreen,
  verdictScreen,
} from "./verdicts.js";
import { Keys } from "../scanning/keys.js";
import { nameIn } from "../domain/names.js";
import { NoAnswer, Refused } from "../server/api.js";

/** @import { Screen, Parts } from "./counter.js" */
/** @import { Signal } from "../view/sound.js" */
/** @import { Settings } from "../storage/store.js" */

/**
 * @typedef {{enrolAgain: (token: string) => unknown, changeLanguage: (language: string) => unknown, settings: Settings,
 *   saveSettings: (changes: Settings) => unknown}} PageActions  `enrolAgain` makes this tablet a new device;
 *   `settings`: those at the start, of which `saveSettings` stores a change
 */

const TICK_MS = 1_000;

export class Page {
  #counter;
  #parts;
  #stage;
  #actions;
  #keys = new Keys({
    onScan: (text, at) => this.#scanByUsb(text, at),
    onUnreadable: () => this.#scanner.note(t("This scanner's keys can't be read here. Tap “Type the code”, then scan again.")),
    isTypedInto: () => this.#counter.screen.name === "locked",
  });
  #overlay = document.createElement("div");
  #capturedAt = 0;
  #tappedAt = 0;
  #subject = "";
  #scanned = "";
  #listening = false;
  #touchedAt = performance.now();
  #scanner = new Scanner({
    onScan: (text, capturedAt) => this.#scan(text, capturedAt),
    onType: () => codeSheet((code) => this.#scan(code, performance.now())),
    onRefuse: () => refusalSheet((reason) => this.#counter.refuse(reason)),
    onLock: () => this.#counter.lock(),
    onSync: () => this.#syncNow(),
    onShift: () => this.#showShift(),
    onSettings: () => this.#showSettings(),
  });

  /**
   * @param {Parts} parts @param {HTMLElement} stage
   * @param {PageActions} actions
   */
  constructor(parts, stage, actions) {
    this.#parts = parts;
    this.#stage = stage;
    this.#actions = actions;
    this.#scanner.useCamera(actions.settings.camera ?? "");
    this.#counter = new Counter(parts);
  }

  /** Whether an update may reload the page now: not during a coupon, nor while a sheet is open. After a fault that is what helps. */
  get idle() {
    return ["scan", "locked", "fault"].includes(this.#counter.screen.name) && !hasSheet();
  }

  async start() {
    this.#stage.replaceChildren(this.#scanner.element, this.#overlay);
    this.#counter.addEventListener("screen", () => this.#render());
    this.#parts.sync.addEventListener("change", () => this.#syncChanged());
    addEventListener("online", () => this.#syncNow());
    addEventListener("keydown", () => (this.#touchedAt = performance.now()), { capture: true });
    this.#keys.listen();
    addEventListener("click", ({ timeStamp }) => (this.#tappedAt = timeStamp), { capture: true });
    addEventListener("pointerdown", () => (this.#touchedAt = performance.now()));
    document.addEventListener("visibilitychange", () => this.#visibilityChanged());
    setInterval(() => this.#tick(), TICK_MS);
    setInterval(() => this.#syncNow(), SYNC_EVERY_MS);
    setInterval(() => this.#listenToBell(), BELL_EVERY_MS);
    this.#render();
    await Promise.all([this.#counter.start(), this.#syncNow()]);
  }

  /** @param {string} text @param {number} capturedAt */
  async #scan(text, capturedAt) {
    this.#capturedAt = capturedAt;
    this.#scanned = nameIn(text) ?? text;
    this.#touchedAt = performance.now();
    await this.#counter.scan(text);
  }

  /**
   * A clerk with a USB scanner has no hand free for "Next", so a scan also leaves a screen that needs no decision. A second scan of
   * the coupon on the screen is ignored, and so is any scan while a decision is open. On a locked tablet it only ends what was typed.
   * @param {string} text @param {number} at
   */
  async #scanByUsb(text, at) {
    const { screen } = this.#counter;
    if (screen.name === "locked") return this.#counter.choose(screen.chosen);
    if (screen.name !== "scan" && (text === this.#scanned || !isFinished(screen) || hasSheet())) return;
    await this.#counter.next();
    await this.#scan(text, at);
  }

  #render() {
    const { screen } = this.#counter;
    const content = this.#content(screen);
    this.#scanner.listen(screen.name === "scan", screen.name === "scan" ? wordsOfNote(screen.note) : undefined);
    this.#label();
    const subject = screen.name === "verdict" ? `verdict ${screen.code}` : "";
    const isSame = Boolean(subject) && subject === this.#subject;
    if (isSame && content) this.#updateWords(content);
    else this.#replaceScreen(content);
    this.#subject = subject;
    if (!isSame) this.#makeSound(screen);
    if (screen.name === "verdict") this.#measure();
    if (screen.name === "given") this.#measureTap();
    if (screen.name === "locked") this.#scanner.sleep();
    else if (document.visibilityState === "visible") void this.#scanner.wake();
  }

  /** @param {HTMLElement | null} content */
  #replaceScreen(content) {
    closeSheets();
    this.#overlay.replaceChildren(...(content ? [content] : []));
    const focused = content?.matches("[tabindex]") ? content : content?.querySelector("h1");
    /** @type {HTMLElement | null | undefined} */ (focused)?.focus();
  }

  /**
   * Updates a verdict that the server has confirmed. Only the words change: the buttons stay, because a finger may be on one, and an
   * open sheet stays open.
   * @param {HTMLElement} content
   */
  #updateWords(content) {
    const [now, then] = [content, this.#overlay].map((each) => each.querySelectorAll(".verdict-head > :not(h1), .verdict-gift"));
    if (now.length !== then.length) return this.#replaceScreen(content);
    for (const [index, element] of then.entries()) element.replaceWith(now[index]);
  }

  /** @param {Screen} screen @returns {HTMLElement | null} */
  #content(screen) {
    const context = this.#screenContext();
    switch (screen.name) {
      case "scan":
        return this.#refusedScreen();
      case "locked":
        return (
          this.#refusedScreen() ??
          lockScreen(screen, {
            clerks: this.#parts.sync.snapshot?.clerks ?? [],
            place: this.#place,
            counter: this.#counter,
            onLook: () => this.#syncNow(),
            onLanguage: this.#actions.changeLanguage,
          })
        );
      case "checking":
        return checkingScreen(context);
      case "verdict":
        return verdictScreen(screen, context);
      case "asking":
        return askingScreen(screen, context);
      case "fetching":
        return fetchingScreen(screen, context);
      case "unconfirmed":
        return unconfirmedScreen(screen, context);
      case "given":
        return givenScreen(screen, context);
      case "undoing":
        return undoingScreen();
      case "undone":
        return undoneScreen(context);
      case "unfinished":
        return unfinishedScreen(screen, context);
      case "fault":
        return faultScreen(screen.code);
    }
  }

  #refusedScreen() {
    if (!this.#parts.sync.mustEnrol) return null;
    return enrolScreen({ onToken: this.#actions.enrolAgain, lostKey: false, revoked: true });
  }

  #screenContext() {
    const counter = this.#counter;
    return {
      counter,
      zone: this.#zone,
      offer: (/** @type {string | undefined} */ campaign) => counter.offer(campaign, currentLanguage()),
      where: (/** @type {number | undefined} */ lastDay, /** @type {string | undefined} */ campaign) => this.#whereShown(lastDay, campaign),
      undoFor: (/** @type {import("../knowledge/state.js").Attempt} */ attempt) => undoSheet((reason) => counter.undo(attempt, reason)),
      refuseFor: (/** @type {string | undefined} */ coupon) => refusalSheet((reason) => counter.refuse(reason, coupon)),
    };
  }

  #showSettings() {
    const { sync, now } = this.#parts;
    const { settings, changeLanguage } = this.#actions;
    const saveSettings = (/** @type {Settings} */ changes) => this.#changeSettings(changes);
    return settingsSheet({ sync, now: now(), zone: this.#zone, settings, saveSettings, changeLanguage, syncNow: () => this.#syncNow() });
  }

  /** @param {Settings} changes */
  #changeSettings(changes) {
    this.#actions.settings = { ...this.#actions.settings, ...changes };
    if (changes.sound !== undefined) switchSound(changes.sound);
    if (changes.camera !== undefined) this.#scanner.useCamera(changes.camera);
    return this.#actions.saveSettings(changes);
  }

  #showShift() {
    const { journal, sync, now } = this.#parts;
    const { zone, offer, undoFor, counter } = this.#screenContext();
    shiftSheet(givenToday(journal.past, now(), zone), {
      zone,
      titleOf: ({ id }) => offer(campaignOf(id))?.title,
      clerkName: (clerk) => sync.snapshot?.clerks.find(({ id }) => id === clerk)?.name,
      mayUndo: (attempt) => counter.mayUndo(attempt),
      onUndo: undoFor,
    });
  }

  /** @param {number} [lastDay] @param {string} [campaign] */
  #whereShown(lastDay, campaign) {
    const { snapshot } = this.#parts.sync;
    const from = snapshot?.campaigns.find(({ id }) => id === campaign)?.terms.windows.redeem?.from;
    return {
      now: this.#parts.now(),
      zone: this.#zone,
      clerk: this.#counter.clerk,
      device: snapshot?.device.id ?? "",
      store: snapshot?.store.id ?? "",
      closed: snapshot?.store.closed ?? false,
      lastDay,
      from,
    };
  }

  get #zone() {
    return this.#parts.sync.snapshot?.store.time_zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  }

  /** The names of the store and of this device. */
  get #place() {
    const { snapshot } = this.#parts.sync;
    return snapshot ? `${snapshot.store.name} · ${snapshot.device.name}` : "";
  }

  #label() {
    const { sync, now } = this.#parts;
    const clerk = sync.snapshot?.clerks.find(({ id }) => id === this.#counter.clerk);
    this.#scanner.label({ place: this.#place, clerk: clerk?.name ?? "", ...syncLine(sync, now(), this.#zone) });
  }

  /** @param {Screen} screen */
  #makeSound(screen) {
    const made = soundOf(screen);
    if (made) signal(made);
  }

  /** Adds a performance entry: from the captured frame to the painted verdict. */
  #measure() {
    const start = this.#capturedAt;
    if (!start) return;
    this.#capturedAt = 0;
    measurePainted("frame to verdict", start);
  }

  /** Adds a performance entry: from the tap on Give to the painted "Hand over the gift". */
  #measureTap() {
    measurePainted("tap to given", this.#tappedAt);
  }

  #syncChanged() {
    const isOpen = hasSheet() && !this.#parts.sync.mustEnrol; // keep a sheet that the clerk is reading
    if (["scan", "locked"].includes(this.#counter.screen.name) && !isOpen && this.#changesScreen()) this.#render();
    this.#label();
  }

  /** Whether a sync changed what the lock shows: the clerks, or a refusal of this tablet. */
  #changesScreen() {
    const known = `${this.#parts.sync.snapshot?.etag} ${this.#parts.sync.refused}`;
    const changed = this.#overlay.dataset.known !== known;
    this.#overlay.dataset.known = known;
    const { screen } = this.#counter;
    return changed && !(screen.name === "locked" && screen.chosen && !this.#parts.sync.refused);
  }

  #visibilityChanged() {
    if (document.visibilityState === "hidden") return this.#scanner.sleep();
    if (this.#counter.screen.name !== "locked") void this.#scanner.wake();
    void this.#syncNow();
  }

  #tick() {
    if (performance.now() - this.#touchedAt > IDLE_MS) this.#counter.lock();
    this.#label();
  }

  #syncNow() {
    return ignoringNoAnswer(() => this.#parts.sync.run());
  }

  /** Asks the server whether another device waits for a coupon held here, and if so syncs at once. */
  async #listenToBell() {
    const { sync } = this.#parts;
    if (!sync.online || sync.refused || this.#listening || document.visibilityState === "hidden") return;
    this.#listening = true;
    await ignoringNoAnswer(async () => {
      if (await sync.rings()) await sync.run();
    });
    this.#listening = false;
  }
}

/** Adds a performance entry from `start` to the next paint. @param {string} name @param {number} start as performance.now gives it */
function measurePainted(name, start) {
  requestAnimationFrame(() => setTimeout(() => performance.measure(name, { start }), 0));
}

/** Ignores NoAnswer and Refused: the sync line shows them. @param {() => Promise<unknown>} work */
async function ignoringNoAnswer(work) {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof NoAnswer) && !(error instanceof Refused)) throw error;
  }
}

/** @param {Screen} screen @returns {Signal | null} */
function soundOf(screen) {
  if (screen.name === "given") return "given";
  if (screen.name === "unconfirmed" || screen.name === "unfinished") return "ask";
  if (screen.name !== "verdict") return null;
  return explain(screen.code, { redeemed_at: new Date(0).toISOString() }, { now: 0, zone: "UTC", clerk: null, device: "", store: "" })
    .state;
}

/** Whether this screen needs no decision from the clerk. @param {Screen} screen */
const isFinished = (screen) => screen.name === "given" || screen.name === "undone" || (screen.name === "verdict" && isDecline(screen.code));

/** @param {string} code */
const isDecline = (code) => ![Verdict.GOOD, AT_RISK, OFFLINE, RECOVERING, Verdict.HELD_ELSEWHERE].includes(code);

/** @param {string} [note] */
function wordsOfNote(note) {
  if (note === "dropped") return t("Not given. The coupon stays valid.");
  if (note === "refused") return t("Noted. Thank you.");
  return undefined;
}
