/** The keys of the clerk's page. A scanner's are read, and none of them presses anything, whatever has the focus. */
import { GAP_MS, Wedge } from "./wedge.js";

/** @import { Taken } from "./wedge.js" */

/**
 * @typedef {{onScan: (text: string, at: number) => unknown, onUnreadable: () => unknown, isTypedInto: () => boolean}} KeyActions
 *   `isTypedInto`: whether digits mean something to the screen by themselves, as to that of the PIN
 */

/** What Enter and the blank press. */
const CONTROLS = "button, a[href], summary, select";

export class Keys {
  #wedge = new Wedge();
  #actions;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #press;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #rest;

  /** @param {KeyActions} actions */
  constructor(actions) {
    this.#actions = actions;
  }

  listen() {
    addEventListener("keydown", (event) => this.#down(event), { capture: true });
    addEventListener("keyup", (event) => this.#up(event), { capture: true });
  }

  /** @param {KeyboardEvent} event */
  #down(event) {
    if (event.repeat && isPress(event)) return keep(event); // a key that is held presses once
    const { key, code, timeStamp: at } = event;
    const taken = this.#wedge.take({ key, code, isChord: event.ctrlKey || event.metaKey }, at);
    clearTimeout(this.#rest);
    if (taken.whose === "scanner") clearTimeout(this.#press);
    if (event.target instanceof HTMLInputElement) return; // it reads by itself what is typed or scanned into it
    this.#rest = setTimeout(() => this.#tell(this.#wedge.rest(performance.now()), at), GAP_MS);
    if (this.#isPages(taken, event)) return;
    keep(event);
    if (taken.whose === "unknown" && isPress(event)) this.#pressSoon(/** @type {Element} */ (event.target));
    this.#tell(taken, at);
  }

  /** Some browsers press a button when the blank is let go. @param {KeyboardEvent} event */
  #up(event) {
    if (isPress(event)) keep(event);
  }

  /** Whether the page may have this key. @param {Taken} taken @param {KeyboardEvent} event */
  #isPages({ whose, isFast }, event) {
    if (whose === "page") return true;
    if (isPress(event)) return false;
    return (this.#actions.isTypedInto() && !isFast) || (whose === "unknown" && isNamed(event));
  }

  /** A first Enter may stand before what a scanner reads: it presses once it is plain that it does not. @param {Element} element */
  #pressSoon(element) {
    clearTimeout(this.#press);
    this.#press = setTimeout(() => element === document.activeElement && press(/** @type {HTMLElement} */ (element)), GAP_MS);
  }

  /** @param {{isFast: boolean, scanned?: string, isUnreadable?: boolean}} found @param {number} at */
  #tell({ isFast, scanned, isUnreadable }, at) {
    if (scanned && (isFast || !this.#actions.isTypedInto())) this.#actions.onScan(scanned, at);
    if (isUnreadable) this.#actions.onUnreadable();
  }
}

/** @param {KeyboardEvent} event */
function keep(event) {
  event.preventDefault();
  event.stopPropagation();
}

/** Whether this key would press what has the focus. @param {KeyboardEvent} event */
const isPress = (event) => [" ", "Enter"].includes(event.key) && event.target instanceof Element && event.target.matches(CONTROLS);

/** @param {KeyboardEvent} event */
const isNamed = ({ key }) => key === "Enter" || key === " ";

/** A list can't be clicked open by a script. @param {HTMLElement} element */
const press = (element) => (element instanceof HTMLSelectElement ? element.showPicker() : element.click());
