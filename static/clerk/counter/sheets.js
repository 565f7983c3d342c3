/** Sheets over a screen: a typed code, a reason. Native dialogs, so focus and Escape work as usual. */
import { BadCode, Fault, normalise } from "../domain/codes.js";
import { digitsIn } from "../domain/names.js";
import { GAP_MS } from "../scanning/wedge.js";
import { t } from "../view/strings.js";
import { button, el, icon } from "../view/view.js";

/** Reasons of a refusal, as the journal records them: code, icon, words. */
const REFUSALS = () => [
  ["no_receipt", "receipt", t("Asked for a receipt")],
  ["system_down", "offline", t("System down")],
  ["out_of_stock", "gift", t("Out of stock")],
  ["unknown_campaign", "campaign", t("Did not know the campaign")],
  ["other", "more", t("Something else")],
];

const UNDO_REASONS = () => [
  ["mistake", "undo", t("Given by mistake")],
  ["returned", "back", t("Customer gave it back")],
  ["wrong_gift", "gift", t("Wrong gift")],
  ["not_handed_over", "cross", t("Not handed over")],
  ["other", "more", t("Something else")],
];

/** @param {(reason: string) => unknown} onReason */
export const refusalSheet = (onReason) => reasonSheet(t("Why was it not given?"), REFUSALS(), t("Back"), onReason);

/** @param {(reason: string) => unknown} onReason */
export const undoSheet = (onReason) => reasonSheet(t("Why undo it?"), UNDO_REASONS(), t("Keep it"), onReason);

/** @param {(code: string) => unknown} onCode */
export function codeSheet(onCode) {
  const problem = el("p", { class: "error", role: "alert" });
  const input = el("input", {
    id: "typed-code",
    class: "code-input",
    autocomplete: "off",
    autocapitalize: "characters",
    spellcheck: "false",
    maxlength: 512,
    "aria-describedby": "typed-code-hint",
    oninput: () => checkSoon(),
    placeholder: "7KQ2-M4XZ-9F3S",
  });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let scanning;
  // A scanner may write into the field without a final Enter.
  const checkSoon = () => {
    clearTimeout(scanning);
    scanning = setTimeout(() => sheet.open && digitsIn(input.value) && check(), GAP_MS);
  };
  const check = () => {
    const text = input.value.trim();
    const wrong = mistake(text);
    input.setAttribute("aria-invalid", String(wrong !== ""));
    problem.textContent = wrong;
    if (wrong) return input.focus();
    sheet.close();
    onCode(text);
  };
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    check();
  };
  const form = el(
    "form",
    { class: "form", novalidate: true, onsubmit: submit },
    el(
      "div",
      { class: "field" },
      el("label", { for: "typed-code" }, t("Code under the QR")),
      input,
      el("span", { class: "hint", id: "typed-code-hint" }, t("Twelve letters and digits")),
      problem,
    ),
    button(t("Check the coupon"), check, { class: "button-primary button-large button-block", icon: "search" }),
    button(t("Back"), () => sheet.close(), { class: "button-quiet" }),
  );
  const sheet = openSheet(t("Type the code"), form);
  input.focus();
}

/** What is wrong with a typed code, or "". A longer text is a pasted or scanned token, which the scan checks. @param {string} text */
function mistake(text) {
  if (text.length > 64) return "";
  try {
    normalise(text);
    return "";
  } catch (error) {
    if (!(error instanceof BadCode)) throw error;
    if (error.reason === Fault.TWO_READINGS) return t("These letters can mean two codes. Switch the keyboard to Latin letters.");
    const slip = error.reason === Fault.WRONG_CHECK || error.reason === Fault.WRONG_CHARACTER;
    return slip
      ? t("There is a typing mistake in this code. Compare it letter by letter.")
      : t("The code has twelve letters and digits. Some are missing or too many.");
  }
}

/** @param {string} title @param {string[][]} reasons @param {string} back @param {(reason: string) => unknown} onReason */
function reasonSheet(title, reasons, back, onReason) {
  const choose = (/** @type {string} */ reason) => {
    sheet.close();
    onReason(reason);
  };
  const rows = reasons.map(([reason, name, words]) =>
    el("button", { type: "button", class: "button button-block reason", onclick: () => choose(reason) }, icon(name), el("span", {}, words)),
  );
  const sheet = openSheet(
    title,
    el(
      "div",
      { class: "stack stack-s" },
      ...rows,
      button(back, () => sheet.close(), { class: "button-quiet" }),
    ),
  );
}

/** @param {string} title @param {HTMLElement} content */
export function openSheet(title, content) {
  const sheet = el("dialog", { class: "dialog sheet", "aria-label": title, onclose: () => sheet.remove() }, el("h2", {}, title), content);
  document.body.append(sheet);
  sheet.showModal();
  return sheet;
}

/** Closes all sheets: their screen is gone. */
export function closeSheets() {
  for (const sheet of document.querySelectorAll("dialog.sheet")) /** @type {HTMLDialogElement} */ (sheet).close();
}

/** Whether a sheet is open. */
export const hasSheet = () => document.querySelector("dialog.sheet[open]") !== null;
