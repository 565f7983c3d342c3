/** The lock screen: choose the clerk, then type the PIN on large keys. */
import { LANGUAGES, otherLanguage, t, tn } from "../view/strings.js";
import { button, el, heading, icon } from "../view/view.js";

/** @import { Counter, Screen } from "./counter.js" */

const PIN_DIGITS_MIN = 4;
const PIN_DIGITS_MAX = 8;

/**
 * @param {Screen & {name: "locked"}} screen
 * @param {{clerks: {id: string, name: string}[], place: string, counter: Counter, onLook: () => unknown,
 *   onLanguage: (language: string) => unknown}} parts
 */
export function lockScreen(screen, { clerks, place, counter, onLook, onLanguage }) {
  const clerk = clerks.find(({ id }) => id === screen.chosen);
  if (clerk) return pinScreen(screen, clerk, counter);
  return el(
    "section",
    { class: "screen" },
    icon("people", "icon-xl"),
    heading(clerks.length ? t("Choose your name") : t("No clerks yet")),
    place && el("p", { class: "muted text-l lock-place" }, place),
    !clerks.length && el("p", { class: "text-l" }, t("A manager adds the store's clerks and their PINs.")),
    clerks.length
      ? el(
          "div",
          { class: "people" },
          ...clerks.map(({ id, name }) => button(name, () => counter.choose(id), { class: "button-large", icon: "person" })),
        )
      : el("div", { class: "screen-actions" }, button(t("Look again"), onLook, { icon: "sync", class: "button-primary" })),
    button(LANGUAGES[otherLanguage()], () => onLanguage(otherLanguage()), { icon: "globe", class: "button-quiet" }),
  );
}

/** @param {Screen & {name: "locked"}} screen @param {{id: string, name: string}} clerk @param {Counter} counter */
function pinScreen({ problem, waitSeconds, busy }, clerk, counter) {
  let pin = "";
  const dots = el("p", { class: "pin-dots", role: "status", "aria-label": tn("{n} digit entered", "{n} digits entered", 0) });
  const open = button(t("Unlock"), () => submit(), { class: "button-primary button-large button-block", disabled: true });
  const show = (/** @type {string} */ digits) => {
    pin = digits.slice(0, PIN_DIGITS_MAX);
    dots.replaceChildren(
      ...Array.from({ length: Math.max(PIN_DIGITS_MIN, pin.length) }, (_, place) =>
        el("span", { class: place < pin.length ? "is-filled" : "" }),
      ),
    );
    dots.setAttribute("aria-label", tn("{n} digit entered", "{n} digits entered", pin.length));
    open.disabled = Boolean(busy) || pin.length < PIN_DIGITS_MIN;
  };
  const submit = () => void (pin.length >= PIN_DIGITS_MIN && counter.unlock(pin));
  const press = (/** @type {KeyboardEvent} */ event) => {
    if (/^[0-9]$/.test(event.key)) show(pin + event.key);
    else if (event.key === "Backspace") show(pin.slice(0, -1));
    else if (event.key === "Enter" && event.target === event.currentTarget) submit();
    else return;
    event.preventDefault();
  };
  const key = (/** @type {string} */ digit) => button(digit, () => show(pin + digit), { class: "key", disabled: busy });
  const erase = el(
    "button",
    { type: "button", class: "button key", "aria-label": t("Delete the last digit"), onclick: () => show(pin.slice(0, -1)) },
    icon("backspace"),
  );
  show("");
  const screen = el(
    "section",
    { class: "screen screen-pin", tabindex: -1, onkeydown: press },
    heading(t("PIN of {name}", { name: clerk.name })),
    dots,
    el("p", { class: "error text-l", role: "alert" }, ...(problem ? problemWords(problem, waitSeconds) : [])),
    el("div", { class: "keypad" }, ..."123456789".split("").map(key), el("span", {}), key("0"), erase),
    open,
    button(t("Someone else"), () => counter.choose(undefined), { class: "button-quiet" }),
  );
  return screen;
}

/** @param {string} problem @param {number} [waitSeconds] */
function problemWords(problem, waitSeconds) {
  if (problem === "offline") return [t("No connection, so the PIN can't be checked. Try again in a moment.")];
  if (problem === "wrong_pin") return [t("This PIN is not right. Try again.")];
  if (problem === "too_many") return waitWords(waitSeconds ?? 60);
  return [t("That did not work. Try again.")];
}

/** Counts the wait down on the screen. A screen reader hears only the start and the end. @param {number} seconds */
function waitWords(seconds) {
  const over = performance.now() + seconds * 1000;
  const heard = el("span", { class: "visually-hidden" }, t("Too many tries. Wait {n} s.", { n: seconds }));
  const seen = el("span", { "aria-hidden": "true" }, t("Too many tries. Wait {n} s.", { n: seconds }));
  const ticking = setInterval(() => {
    const left = Math.ceil((over - performance.now()) / 1000);
    if (left > 0) {
      seen.textContent = t("Too many tries. Wait {n} s.", { n: left });
      return;
    }
    clearInterval(ticking);
    for (const words of [seen, heard]) words.textContent = t("You can try again now.");
  }, 1000);
  return [heard, seen];
}
