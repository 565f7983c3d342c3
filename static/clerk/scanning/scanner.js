/** The scanner: camera picture, typed codes, refusals and the sync line. It stays in place behind every other screen. */
import { Camera, NoCamera } from "./camera.js";
import { Sightings } from "./sightings.js";
import { t } from "../view/strings.js";
import { button, el, icon } from "../view/view.js";
import { keepAwake } from "./wake-lock.js";

/** @import { Trouble } from "./camera.js" */
/** @import { Sighting } from "./reader.js" */

/**
 * @typedef {{onScan: (text: string, capturedAt: number) => unknown, onType: () => unknown, onRefuse: () => unknown, onLock: () => unknown,
 *   onSync: () => unknown, onShift: () => unknown, onSettings: () => unknown}} ScannerActions
 */

/** @param {string} name @param {string} label @param {() => unknown} onPress */
const tool = (name, label, onPress) =>
  el(
    "button",
    { type: "button", class: "button button-quiet button-icon", "aria-label": label, title: label, onclick: onPress },
    icon(name),
  );

/** Pause between two readings while a verdict is shown: only to see whether its code is still in sight. */
const GLANCE_MS = 400;

/** @type {Record<Trouble, () => {icon: string, title: string, line: string}>} */
const CAMERA_HELP = {
  insecure: () => ({
    icon: "lock",
    title: t("The connection is not safe"),
    line: t("Cameras and keys work over HTTPS only. Open this page with https:// in front."),
  }),
  blocked: () => ({
    icon: "camera-off",
    title: t("The camera is blocked"),
    line: t("Allow the camera for this page: tap the lock or camera icon beside the address, choose Allow, then try again."),
  }),
  missing: () => ({
    icon: "camera-off",
    title: t("No camera found"),
    line: t("Connect a camera or a USB scanner, or type the code under the QR."),
  }),
  broken: () => ({
    icon: "camera-off",
    title: t("The camera can't read codes just now"),
    line: t("Use a USB scanner, or type the code under the QR. Opening Redeem again may help."),
  }),
  busy: () => ({
    icon: "camera-off",
    title: t("The camera is in use"),
    line: t("Another program has the camera. Close it, then try again."),
  }),
  stopped: () => ({
    icon: "camera-off",
    title: t("The camera has stopped"),
    line: t("It gives no picture. Close other programs that use it, or plug it in again. Meanwhile use a USB scanner or type the code."),
  }),
};

export class Scanner {
  #video = el("video", { class: "scanner-video", playsinline: true, muted: true, "aria-hidden": "true" });
  #hint = el("p", { class: "scanner-hint", role: "status" });
  #help = el("div", { class: "scanner-help", role: "alert", hidden: true });
  #place = el("span", { class: "strong scanner-place" });
  #clerk = el("span", { class: "truncate" });
  #syncText = el("span", {});
  #syncDot = el("span", { class: "dot" });
  #torch = button(t("Light"), () => this.#switchTorch(), { icon: "torch", class: "button-quiet" });
  #sightings = new Sightings();
  #lit = false;
  /** @type {string | undefined} what happened to the coupon before, in words */
  #note;
  #starting = false;
  #awake = false;
  #listening = false;
  #camera = new Camera(
    this.#video,
    (sighting) => this.#sighted(sighting),
    (trouble) => (trouble ? this.#giveUp(trouble) : this.#again()),
  );
  #actions;

  /** @param {ScannerActions} actions */
  constructor(actions) {
    this.#actions = actions;
    this.#torch.hidden = true;
    this.element = this.#build();
  }

  /** @param {{place: string, clerk: string, sync: string, state: string}} words */
  label({ place, clerk, sync, state }) {
    this.#place.textContent = place;
    this.#clerk.textContent = clerk;
    this.#syncText.textContent = sync;
    this.#syncDot.className = `dot ${state}`;
  }

  /** Scans codes, or with `on` false only notes which code is in sight. @param {boolean} on @param {string} [hint] */
  listen(on, hint) {
    this.#listening = on;
    this.element.inert = !on;
    this.#camera.pace(on ? 0 : GLANCE_MS);
    this.#note = hint;
    if (on) this.#prompt();
  }

  /** Tells the clerk something while codes are read. @param {string} words */
  note(words) {
    if (this.#listening) this.#say(words);
  }

  /** Switches to this camera; empty: the one at the back. @param {string} id */
  useCamera(id) {
    this.#camera.choose(id);
    if (this.#camera.running || this.#starting) this.#again();
  }

  /** Restarts with the camera that is there now. */
  #again() {
    this.sleep();
    if (document.visibilityState === "visible") void this.wake();
  }

  /** @param {Trouble} trouble */
  #giveUp(trouble) {
    this.sleep();
    this.#torch.hidden = true;
    this.#showHelp(trouble);
    this.#prompt();
  }

  /** Starts the camera, or says why it can't. @returns {Promise<void>} */
  async wake() {
    void keepAwake(true);
    this.#awake = true;
    if (this.#camera.running || this.#starting) return;
    this.#starting = true;
    if (this.#help.hidden) this.#say(t("Starting the camera"));
    try {
      await this.#camera.start();
      if (this.#camera.running) this.#help.hidden = true;
    } catch (error) {
      if (!(error instanceof NoCamera)) throw error;
      this.#showHelp(error.why);
    }
    this.#starting = false;
    this.#torch.hidden = !this.#camera.hasTorch;
    if (this.#awake && !this.#camera.running && this.#help.hidden) return this.wake(); // it was put to sleep and woken while starting
    this.#prompt();
  }

  sleep() {
    void keepAwake(false);
    this.#awake = false;
    this.#lit = false;
    this.#torch.setAttribute("aria-pressed", "false");
    this.#camera.stop();
  }

  /** @param {Sighting} sighting */
  #sighted({ texts, at }) {
    const sight = this.#sightings.take(texts, at);
    if (!sight || !this.#listening) return;
    const { text, isNew, isCoupon } = sight;
    if (isNew) this.#actions.onScan(text, at);
    else
      this.#say(
        isCoupon ? t("Same coupon as before.") : t("Same code as before."),
        button(t("Show it again"), () => this.#actions.onScan(text, performance.now()), { class: "button-small" }),
      );
  }

  /** Shows the note on the last coupon, or else asks for the next one if there is a camera. */
  #prompt() {
    if (this.#note) return this.#say(this.#note);
    if (this.#help.hidden) return this.#say(t("Point the camera at the coupon's QR"));
    this.#hint.replaceChildren();
  }

  /** @param {string} words @param {HTMLElement} [action] */
  #say(words, action) {
    if (this.#hint.firstChild?.textContent === words) return; // a screen reader would repeat it with each frame
    this.#hint.replaceChildren(el("span", {}, words), ...(action ? [action] : []));
  }

  async #switchTorch() {
    this.#lit = await this.#camera.light(!this.#lit);
    this.#torch.setAttribute("aria-pressed", String(this.#lit));
  }

  /** @param {Trouble} why */
  #showHelp(why) {
    const { icon: name, title, line } = CAMERA_HELP[why]();
    this.#help.replaceChildren(
      icon(name, "icon-xl"),
      el("h2", {}, title),
      el("p", {}, line),
      button(t("Try again"), () => this.wake()),
    );
    this.#help.hidden = false;
  }

  #build() {
    const { onType, onRefuse, onLock, onSync, onShift, onSettings } = this.#actions;
    return el(
      "section",
      { class: "scanner" },
      el(
        "header",
        { class: "scanner-bar" },
        icon("store"),
        this.#place,
        tool("list", t("Today on this tablet"), onShift),
        tool("settings", t("Settings"), onSettings),
        el(
          "button",
          { type: "button", class: "button button-quiet button-small scanner-clerk", onclick: onLock, "aria-label": t("Lock") },
          icon("person"),
          this.#clerk,
          icon("lock", "icon-s"),
        ),
      ),
      el(
        "div",
        { class: "scanner-view" },
        this.#video,
        el("div", { class: "scanner-frame", "aria-hidden": "true" }),
        this.#help,
        this.#hint,
      ),
      el(
        "footer",
        { class: "scanner-foot" },
        el(
          "div",
          { class: "scanner-actions" },
          button(t("Type the code"), onType, { icon: "keypad" }),
          button(t("Could not give"), onRefuse, { icon: "ban", class: "button-quiet" }),
          this.#torch,
        ),
        el(
          "button",
          { type: "button", class: "sync-line", onclick: onSync, title: t("Sync now") },
          this.#syncDot,
          this.#syncText,
          icon("sync", "icon-s"),
        ),
      ),
    );
  }
}
