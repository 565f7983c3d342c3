/** The list of today's gifts on this tablet, including those taken back. It comes from the journal, so it needs no network. */
import { grouped } from "../domain/codes.js";
import { openSheet } from "./sheets.js";
import { t, time } from "../view/strings.js";
import { button, el, icon } from "../view/view.js";

/** @import { Attempt } from "../knowledge/state.js" */

/**
 * @typedef {{zone: string, titleOf: (attempt: Attempt) => string | undefined, clerkName: (id?: string) => string | undefined,
 *   mayUndo: (attempt: Attempt) => boolean, onUndo: (attempt: Attempt) => unknown}} ShiftContext
 */

/** @param {Attempt[]} gifts newest first @param {ShiftContext} context */
export function shiftSheet(gifts, context) {
  const close = button(t("Close"), () => sheet.close(), { class: "button-block sheet-close" });
  const list = gifts.length ? el("ol", { class: "shift-list", role: "list" }, ...gifts.map((gift) => row(gift, context))) : nothing();
  const sheet = openSheet(
    t("Today on this tablet"),
    el("div", { class: "stack stack-s" }, el("p", { class: "muted" }, summary(gifts)), list, close),
  );
  sheet.classList.add("sheet-wide");
}

/** @param {Attempt[]} gifts */
function summary(gifts) {
  const undone = gifts.filter(isTakenBack).length;
  return t("Given: {given} · undone: {undone}", { given: gifts.length - undone, undone });
}

const nothing = () =>
  el("div", { class: "shift-empty" }, icon("gift", "icon-xl"), el("p", { class: "text-l" }, t("Nothing was given here today.")));

/** @param {Attempt} gift @param {ShiftContext} context */
function row(gift, { zone, titleOf, clerkName, mayUndo, onUndo }) {
  const back = isTakenBack(gift);
  const who = clerkName(gift.clerk);
  return el(
    "li",
    { class: `shift-row${back ? " is-back" : ""}` },
    el("span", { class: "shift-time" }, time(gift.givenAt ?? gift.askedAt, zone)),
    el(
      "div",
      { class: "shift-what" },
      el("span", { class: "strong" }, titleOf(gift) ?? t("A gift of a campaign that has ended")),
      el(
        "span",
        { class: "muted shift-about" },
        el("span", { class: "code" }, gift.shortCode ? grouped(gift.shortCode) : gift.id),
        who && el("span", {}, who),
      ),
    ),
    el(
      "span",
      { class: `badge ${back ? "is-quiet" : "is-yes"}` },
      icon(back ? "undo" : "check", "icon-s"),
      back ? t("undone") : t("given"),
    ),
    mayUndo(gift) && button(t("Undo it"), () => onUndo(gift), { class: "button-small shift-undo" }),
  );
}

/** @param {Attempt} gift */
const isTakenBack = ({ stage }) => stage === "undone";
