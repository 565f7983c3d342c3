/** The tablet's settings and state: what support asks a clerk to read out when something is wrong. */
import { cameras } from "../scanning/camera.js";
import { clockFault } from "../knowledge/clock.js";
import { since } from "./explain.js";
import { openSheet } from "./sheets.js";
import { currentLanguage, duration, LANGUAGES, t, time } from "../view/strings.js";
import { button, el, icon } from "../view/view.js";

/** @import { Settings } from "../storage/store.js" */
/** @import { Sync } from "../server/sync.js" */

/**
 * @typedef {{isReady: boolean, isPersisted: boolean, version: string | null}} App  `isReady`: all files are cached for offline work;
 *   `isPersisted`: the browser will not clear the tablet's storage
 * @typedef {{sync: Sync, now: number, zone: string, settings: Settings, saveSettings: (changes: Settings) => unknown,
 *   syncNow: () => Promise<unknown>, changeLanguage: (language: string) => unknown}} SettingsContext
 */

const CACHE = "redeem-clerk-";
const VERSION_CHARACTERS = 8;

/** @param {SettingsContext} context */
export async function settingsSheet(context) {
  const [available, app] = await Promise.all([cameras(), appState()]);
  const facts = el("dl", { class: "facts settings-facts" }, ...factsOf(context, app));
  const syncButton = button(t("Sync now"), () => syncAndRefresh(), { class: "button-block settings-sync", icon: "sync" });
  const syncAndRefresh = async () => {
    syncButton.disabled = true;
    await context.syncNow();
    facts.replaceChildren(...factsOf({ ...context, now: Date.now() }, app));
    syncButton.disabled = false;
  };
  const close = button(t("Close"), () => sheet.close(), { class: "button-block sheet-close" });
  const choices = el(
    "div",
    { class: "settings-choices" },
    languageChoice(context),
    soundChoice(context),
    available.length > 1 && cameraChoice(available, context),
  );
  const sheet = openSheet(t("Settings"), el("div", { class: "stack stack-s" }, choices, syncButton, facts, close));
  sheet.classList.add("sheet-wide");
}

/** @param {SettingsContext} context */
function languageChoice({ changeLanguage }) {
  const options = Object.entries(LANGUAGES).map(([code, name]) =>
    el("option", { value: code, lang: code, selected: code === currentLanguage() }, name),
  );
  const select = el("select", { id: "settings-language", onchange: () => changeLanguage(select.value) }, ...options);
  return field("settings-language", t("Language"), select);
}

/** @param {SettingsContext} context */
function soundChoice({ settings, saveSettings }) {
  const names = { on: t("On"), off: t("Off") };
  const isOn = settings.sound !== false;
  const options = Object.entries(names).map(([value, name]) => el("option", { value, selected: (value === "on") === isOn }, name));
  const select = el("select", { id: "settings-sound", onchange: () => saveSettings({ sound: select.value === "on" }) }, ...options);
  return field("settings-sound", t("Sound"), select);
}

/** @param {{id: string, label: string}[]} available @param {SettingsContext} context */
function cameraChoice(available, { settings, saveSettings }) {
  const automatic = el("option", { value: "" }, t("The one at the back"));
  const options = available.map(({ id, label }, index) =>
    el("option", { value: id, selected: id === settings.camera }, label || t("Camera {n}", { n: index + 1 })),
  );
  const select = el("select", { id: "settings-camera", onchange: () => saveSettings({ camera: select.value }) }, automatic, ...options);
  return field("settings-camera", t("Camera"), select);
}

/** @param {string} id @param {string} label @param {HTMLElement} control */
const field = (id, label, control) => el("div", { class: "field" }, el("label", { for: id }, label), control);

/** @param {SettingsContext} context @param {App} app */
function factsOf({ sync, now, zone }, { isReady, isPersisted, version }) {
  const heard = sync.syncedAt === null ? t("not yet") : since(sync.syncedAt, now, zone);
  return [
    ...fact(t("Connection to the shop"), connection(sync, now, zone)),
    ...fact(t("Ready to work offline"), mark(isReady && sync.snapshot !== null, t("Yes"), t("Not yet: keep it online for a minute"))),
    ...fact(t("Last list from the shop"), heard),
    ...fact(t("Entries not sent yet"), String(sync.waiting)),
    ...(sync.quarantined ? fact(t("Entries that wait for a manager"), String(sync.quarantined)) : []),
    ...(sync.oldTrouble ? fact(t("Journal from before"), mark(false, "", t("The shop does not take it. Call a manager."))) : []),
    ...fact(t("Coupons reserved for this tablet"), String(sync.holds.size)),
    ...fact(t("Tablet's clock"), mark(!clockFault(sync, now), t("Right"), clockSentence(sync, now))),
    ...fact(t("Storage"), mark(isPersisted, t("Kept for good"), t("The browser may clear it when space runs out"))),
    ...fact(t("App version"), version ?? t("not kept here yet")),
  ];
}

/** @param {Sync} sync @param {number} now @param {string} zone */
function connection({ online, offlineSince }, now, zone) {
  if (online === null) return t("Being made");
  return mark(online, t("Yes"), t("None since {time}", { time: time(offlineSince ?? now, zone) }));
}

/** @param {Sync} sync @param {number} now */
function clockSentence(sync, now) {
  const fault = clockFault(sync, now);
  if (fault?.kind === "fast")
    return t("It is {time} fast. Without a connection coupons are judged by it: set it right.", { time: duration(fault.ms) });
  if (fault?.kind === "slow")
    return t("It is {time} slow. Without a connection coupons are judged by it: set it right.", { time: duration(fault.ms) });
  return t("It was set back. Without a connection coupons are judged by it: set it right.");
}

/** @param {string} term @param {Node | string} value */
const fact = (term, value) => [el("div", {}, el("dt", {}, term), el("dd", {}, value))];

/** @param {boolean} good @param {string} yes @param {string} no */
const mark = (good, yes, no) =>
  el(
    "span",
    { class: "settings-mark" },
    icon(good ? "check" : "alert", `icon-s ${good ? "is-yes" : "is-ask"}`),
    el("span", {}, good ? yes : no),
  );

/** @returns {Promise<App>} */
async function appState() {
  const [registration, isPersisted, names] = await Promise.all([
    navigator.serviceWorker?.getRegistration("/clerk/"),
    navigator.storage.persisted(),
    caches.keys(),
  ]);
  const kept = names.find((name) => name.startsWith(CACHE)); // the oldest: a newer version is not active yet
  return {
    isReady: Boolean(registration?.active && kept),
    isPersisted,
    version: kept?.slice(CACHE.length, CACHE.length + VERSION_CHARACTERS) ?? null,
  };
}
