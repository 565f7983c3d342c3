/** The screens of one coupon: verdict, asking, not confirmed, hand over, taken back, unfinished. They only draw; the counter acts. */
import { AT_RISK, OFFLINE, RECOVERING } from "../knowledge/check.js";
import { campaignOf } from "../knowledge/state.js";
import { explain, holderName, unconfirmed } from "./explain.js";
import { LAST_DAY_MAX, toDate, Verdict } from "../domain/rules.js";
import { grouped } from "../domain/codes.js";
import { date, dayAndMonth, t, time } from "../view/strings.js";
import { button, el, heading, icon } from "../view/view.js";

/** @import { Counter, Screen } from "./counter.js" */
/** @import { Explanation, Where } from "./explain.js" */
/** @import { Offer } from "../domain/rules.js" */
/** @import { Attempt } from "../knowledge/state.js" */
/** @import { Child } from "../view/view.js" */

/**
 * @typedef {{counter: Counter, offer: (campaign?: string) => Offer | undefined, where: (lastDay?: number, campaign?: string) => Where,
 *   zone: string, undoFor: (attempt: Attempt) => void, refuseFor: (coupon?: string) => void}} ScreenContext
 * @typedef {Screen & {name: "verdict"}} VerdictScreen
 */

/** @param {VerdictScreen} screen @param {ScreenContext} context */
export function verdictScreen(screen, context) {
  const { code, finding, details } = screen;
  const explanation = explain(code, details, context.where(finding.lastDay, finding.campaign));
  const mayGive = code === Verdict.GOOD || code === AT_RISK;
  return verdict(explanation, {
    role: code === Verdict.GOOD ? "status" : "alert",
    note: noteOf(screen),
    body: explanation.state === "no" ? null : gift(context.offer(finding.campaign), screen, context),
    actions: mayGive ? goodActions(screen, context) : declineActions(screen, context),
  });
}

/** Who has confirmed the verdict. @param {VerdictScreen} screen */
function noteOf({ code, finding, confirmed, pending }) {
  if ([AT_RISK, OFFLINE, RECOVERING].includes(code)) return "";
  if (code !== Verdict.GOOD) return confirmed || pending ? "" : t("Not confirmed by the shop");
  if (finding.held) return t("Reserved for this tablet");
  return confirmed ? t("Confirmed by the shop") : t("Being confirmed");
}

/** @param {Screen & {name: "asking"}} screen @param {ScreenContext} context */
export function askingScreen({ attempt, finding }, context) {
  const words = {
    state: /** @type {const} */ ("wait"),
    word: t("Asking the shop"),
    because: t("Wait for the answer before you give the gift."),
    advice: "",
  };
  return verdict(words, {
    role: "status",
    body: gift(context.offer(finding.campaign)),
    actions: [attempt && big(t("Do not give"), () => context.counter.drop(), "cross")],
  });
}

export function checkingScreen(/** @type {ScreenContext} */ context) {
  const words = { state: /** @type {const} */ ("wait"), word: t("Checking"), because: "", advice: "" };
  return verdict(words, { role: "status", actions: [big(t("Back"), () => context.counter.next(), "back")] });
}

/** @param {Screen & {name: "fetching"}} screen @param {ScreenContext} context */
export function fetchingScreen({ finding, details }, { counter, offer }) {
  const words = {
    state: /** @type {const} */ ("wait"),
    word: t("Asking {name}", { name: holderName(details) }),
    because: t("This takes a moment."),
    advice: "",
  };
  return verdict(words, { role: "status", body: gift(offer(finding.campaign)), actions: [big(t("Back"), () => counter.next(), "back")] });
}

/** @param {Screen & {name: "unconfirmed"}} screen @param {ScreenContext} context */
export function unconfirmedScreen({ finding }, { counter, offer }) {
  return verdict(unconfirmed(), {
    role: "alert",
    body: gift(offer(finding.campaign)),
    actions: [primary(t("Try again"), () => counter.again(), "sync"), big(t("Do not give"), () => counter.drop(), "cross")],
  });
}

/** @param {Screen & {name: "given"}} screen @param {ScreenContext} context */
export function givenScreen({ attempt, finding }, context) {
  const at = time(attempt.givenAt ?? 0, context.zone);
  const words = {
    state: /** @type {const} */ ("yes"),
    word: t("Hand over the gift"),
    because: t("Given {time}", { time: at }),
    advice: "",
  };
  const undo = context.counter.mayUndo(attempt) && big(t("Undo it"), () => context.undoFor(attempt), "undo");
  return verdict(words, {
    role: "alert",
    shape: "gift",
    body: gift(context.offer(finding.campaign)),
    actions: [primary(t("Next"), () => context.counter.next(), "next"), undo],
  });
}

export function undoingScreen() {
  const words = { state: /** @type {const} */ ("wait"), word: t("Undoing"), because: t("This takes a moment."), advice: "" };
  return verdict(words, { role: "status", actions: [] });
}

/** @param {ScreenContext} context */
export function undoneScreen({ counter }) {
  const words = { state: /** @type {const} */ ("wait"), word: t("Undone"), because: t("The coupon can be used again."), advice: "" };
  return verdict(words, { role: "status", shape: "undo", actions: [primary(t("Next"), () => counter.next(), "next")] });
}

/** @param {Screen & {name: "unfinished"}} screen @param {ScreenContext} context */
export function unfinishedScreen({ attempt, former }, { counter, offer, zone }) {
  const at = attempt.givenAt ?? attempt.askedAt;
  const when = { day: dayAndMonth(at, zone), time: time(at, zone) };
  const asked = attempt.stage === "given" ? t("Given at {time}.", when) : t("Asked at {time}.", when);
  const words = {
    state: /** @type {const} */ ("ask"),
    word: t("Unfinished"),
    because: attempt.shortCode
      ? t("Coupon …{code}: was the gift handed over?", { code: attempt.shortCode.slice(-4) })
      : t("Was the gift handed over?"),
    advice: former
      ? t("That was on {day} at {time}, before this tablet was enrolled anew. A manager reads your answer and decides.", when)
      : asked,
  };
  const yes = primary(t("Yes, handed over"), () => counter.finish(true), "check");
  const no = big(t("No, not handed over"), () => counter.finish(false), "cross");
  const unknown = former && big(t("I don't know"), () => counter.finish(null), "next");
  return verdict(words, { role: "alert", body: gift(offer(campaignOf(attempt.id))), actions: [yes, no, unknown] });
}

/** @type {Record<string, string>} */
const SHAPES = { yes: "shape-yes", already: "shape-already", no: "shape-no", ask: "shape-ask", risk: "shape-risk", wait: "sync" };

/**
 * @param {Omit<Explanation, "state"> & {state: Explanation["state"] | "wait"}} words
 * @param {{role: string, shape?: string, note?: string, body?: HTMLElement | null, actions: Child[]}} parts
 */
function verdict({ state, word, because, advice }, { role, shape, note, body, actions }) {
  return el(
    "section",
    { class: `verdict is-${state}${body ? "" : " is-plain"}`, "data-state": state },
    el(
      "div",
      { class: "verdict-head", role },
      icon(shape ?? SHAPES[state], `verdict-shape${state === "wait" && !shape ? " is-turning" : ""}`),
      heading(word, "verdict-word"),
      because && el("p", { class: "verdict-because" }, because),
      advice && el("p", { class: "verdict-advice" }, advice),
      note && el("p", { class: "verdict-note" }, note),
    ),
    el("div", { class: "verdict-side" }, body, el("div", { class: "verdict-actions" }, ...actions)),
  );
}

/** Replaces a picture that did not load by an empty place, instead of the browser's broken image. @param {Event} event */
function leaveBlank({ currentTarget }) {
  if (currentTarget instanceof HTMLImageElement) currentTarget.replaceWith(el("div", { class: "picture" }));
}

/**
 * What the customer gets: picture, title and terms.
 * @param {Offer | undefined} offer @param {VerdictScreen} [screen] @param {ScreenContext} [context]
 */
function gift(offer, screen, context) {
  if (!offer) return null;
  const lastDay = screen?.code === Verdict.GOOD && screen.finding.lastDay !== LAST_DAY_MAX ? screen.finding.lastDay : undefined;
  // No code beside Give: one that came later with the server's answer would move the button under a finger.
  const code = screen?.code === Verdict.GOOD ? undefined : screen?.details.short_code;
  return el(
    "div",
    { class: "verdict-gift" },
    offer.picture && el("img", { class: "picture", src: offer.picture, alt: "", onerror: leaveBlank }),
    el("h2", {}, offer.title),
    offer.description && el("p", { class: "text-l" }, offer.description),
    offer.terms && el("p", { class: "verdict-terms" }, offer.terms),
    (lastDay !== undefined || code) &&
      el(
        "p",
        { class: "muted row" },
        lastDay !== undefined && context && el("span", {}, t("Valid until {date}", { date: date(toDate(lastDay), context.zone) })),
        code && el("span", { class: "code" }, grouped(code)),
      ),
  );
}

/** @param {VerdictScreen} screen @param {ScreenContext} context */
function goodActions({ finding }, { counter, refuseFor }) {
  return [
    primary(t("Give the gift"), () => counter.give(), "gift"),
    big(t("Not giving it"), () => refuseFor(finding.coupon), "ban"),
    big(t("Back"), () => counter.next(), "back"),
  ];
}

/** @param {VerdictScreen} screen @param {ScreenContext} context */
function declineActions({ code, finding, details }, { counter, undoFor }) {
  const attempt = code === Verdict.ALREADY_REDEEMED ? finding.attempt : undefined;
  const undo = attempt && counter.mayUndo(attempt) && big(t("Undo it"), () => undoFor(attempt), "undo");
  const fetch = code === Verdict.HELD_ELSEWHERE && details.holder?.online && primary(t("Bring it here"), () => counter.fetch(), "sync");
  const again = fetch || ([OFFLINE, RECOVERING].includes(code) && primary(t("Try again"), () => counter.again(), "sync"));
  const next = again ? big(t("Do not give"), () => counter.next(), "cross") : primary(t("Next"), () => counter.next(), "next");
  return [again, next, undo];
}

/** @param {string} label @param {() => unknown} onPress @param {string} name */
const primary = (label, onPress, name) => button(label, onPress, { class: "button-large button-block verdict-primary", icon: name });

/** @param {string} label @param {() => unknown} onPress @param {string} name */
const big = (label, onPress, name) => button(label, onPress, { class: "button-block verdict-second", icon: name });
