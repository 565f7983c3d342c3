/** The tablet's app, run by start.js: opens the journal and the key in this one tab, then the clerk's page or enrolment. */
import { Api, NoAnswer, Refused } from "./server/api.js";
import { Page } from "./counter/page.js";
import { enrol, enrolmentToken } from "./server/enrolment.js";
import { JournalFile, StorageError } from "./storage/journal-file.js";
import { OldJournals } from "./storage/old-journals.js";
import { keepPictures } from "./server/pictures.js";
import { handInSometime } from "./server/damage.js";
import { BEHIND, openJournal } from "./server/opening.js";
import { Pins } from "./server/pins.js";
import {
  damagedScreen,
  elsewhereScreen,
  enrollingScreen,
  enrolProblemScreen,
  enrolScreen,
  faultScreen,
  insecureScreen,
} from "./counter/setup.js";
import { switchSound, wakeSound } from "./view/sound.js";
import { Store } from "./storage/store.js";
import { chooseLanguage, currentLanguage } from "./view/strings.js";
import { Sync } from "./server/sync.js";
import { checker } from "./domain/tokens.js";
import { unlocker } from "./server/unlocking.js";
import { keepUpdated } from "./server/updates.js";
import { loadIcons } from "./view/view.js";
import { verifyAsync } from "../vendor/noble-ed25519-3.2.0/index.js";

/** @import { DeviceKey } from "./server/api.js" */
/** @import { Damage } from "./storage/damage.js" */
/** @import { Journal, Signer } from "./storage/journal.js" */
/** @import { Opened } from "./storage/journal-file.js" */
/** @import { DeviceRecord } from "./storage/store.js" */

const NOTHING = { journal: null, damage: null };
const PAINT_MS_MAX = 100;
const HAND_IN_MS_MAX = 10_000;
const now = () => Date.now();
const pause = (/** @type {number} */ ms) => new Promise((/** @type {(value: void) => void} */ resolve) => setTimeout(resolve, ms));
/** Resolves after the next paint, or after PAINT_MS_MAX: a hidden page never paints. @returns {Promise<void>} */
const painted = () =>
  new Promise((resolve) => {
    requestAnimationFrame(() => setTimeout(resolve, 0));
    setTimeout(resolve, PAINT_MS_MAX);
  });
const api = new Api(fetch.bind(window), location.origin, now);
const check = checker(crypto.subtle, (publicKey, message, signature) => verifyAsync(signature, message, publicKey));
const stage = /** @type {HTMLElement} */ (document.getElementById("stage"));

/** @param {HTMLElement} screen */
function show(screen) {
  stage.replaceChildren(screen);
  /** @type {HTMLElement | null} */ (screen.querySelector("h1"))?.focus();
}

/** Whether an update may reload the page now: at any time, until there is a till. */
let isIdle = () => true;

async function start() {
  const safeAddress = location.href.replace(/^http:/, "https:"); // includes the enrolment token, which is valid there too
  const token = takeToken();
  if (!window.isSecureContext) return show(insecureScreen(safeAddress));
  if (!(await isCapable())) return show(faultScreen("old"));
  const file = new JournalFile();
  const opened = await file.open();
  if (!opened) return show(elsewhereScreen(() => location.reload()));
  const store = await Store.open();
  const { language, sound = true } = await store.settings();
  switchSound(sound);
  chooseLanguage(language ? [language] : navigator.languages);
  document.documentElement.lang = currentLanguage();
  await open({ store, file, opened }, token);
}

/** @typedef {{store: Store, file: JournalFile, opened: Opened}} Kept  what this tablet has stored */

/** @param {Kept} kept @param {string | null} token */
async function open(kept, token) {
  const [device, pending] = await Promise.all([kept.store.device(), kept.store.enrolment()]);
  const { journal, damage } = device ? await openJournal(signerOf(device), kept, kept.store, now) : NOTHING;
  if (device && journal && !damage && !(token && (await isRefused(device, journal, kept)))) return openTill(device, journal, kept);
  const chosen = token ?? pending?.token;
  if (device && damage) return stop(device, damage, chosen, kept);
  if (chosen) return enrolWith(chosen, kept);
  const onToken = (/** @type {string} */ scanned) => enrolWith(scanned, kept);
  // A journal without a key: IndexedDB was lost. The journal is kept, and sent to the server once the tablet is enrolled again.
  show(enrolScreen({ onToken, lostKey: kept.opened.texts.length > 0, revoked: false }));
}

/**
 * The journal is damaged: the tablet hands it in, and goes on only as another device.
 * @param {DeviceRecord} device @param {Damage} damage @param {string | undefined} token @param {Kept} kept
 */
async function stop(device, damage, token, kept) {
  const file = { device: device.id, damage, bytes: await kept.file.bytes(), proof: device.proof };
  const handedIn = handInSometime(file, api, keyOf(device), pause);
  // Without an answer the device that it becomes hands it in.
  const become = (/** @type {string} */ chosen) => {
    show(enrollingScreen());
    return Promise.race([handedIn, pause(HAND_IN_MS_MAX)]).then(() => enrolWith(chosen, kept));
  };
  if (token) return become(token);
  show(damagedScreen(become, handedIn));
}

/** @param {string} token @param {Kept} kept @returns {Promise<void>} */
async function enrolWith(token, kept) {
  show(enrollingScreen());
  try {
    await enrol(token, { api, ...kept });
    location.reload();
  } catch (error) {
    if (error instanceof NoAnswer) return show(enrolProblemScreen("no_answer", () => enrolWith(token, kept)));
    if (error instanceof Refused) return show(enrolProblemScreen(error.code, () => location.reload()));
    throw error;
  }
}

/** @param {DeviceRecord} device @param {Journal} journal @param {Kept} kept */
async function openTill(device, journal, kept) {
  const { page, sync } = await till(device, journal, kept);
  await sync.load();
  isIdle = () => page.idle;
  keepPicturesOf(sync);
  sync.addEventListener("change", () => sync.refused === BEHIND && location.reload()); // and then to stop
  void navigator.storage.persist?.(); // not awaited: some browsers ask the user first
  await page.start();
}

/** Caches the pictures of each new snapshot. A failure, such as a full disk, is ignored: nothing depends on pictures. @param {Sync} sync */
function keepPicturesOf(sync) {
  /** @type {string | undefined} */
  let etag;
  sync.addEventListener("change", () => {
    const { snapshot, online } = sync;
    if (!snapshot || !online || snapshot.etag === etag) return;
    etag = snapshot.etag;
    keepPictures(snapshot.campaigns.map(({ terms }) => terms)).catch(() => undefined);
  });
}

/** @param {DeviceRecord} device @param {Journal} journal @param {Kept} kept */
async function till(device, journal, kept) {
  const { store, file } = kept;
  const key = keyOf(device);
  const alone = (/** @type {() => Promise<any>} */ work) => navigator.locks.request("redeem-sync", work);
  const old = new OldJournals(file, store);
  const sync = new Sync({ api, key, journal, memory: store, now, alone, old });
  const former = (/** @type {import("./knowledge/state.js").Past} */ past) => old.unfinished(past, now());
  const unlock = unlocker({ api, key, pins: new Pins(store, now), clerks: () => sync.snapshot?.clerks ?? [] });
  const enrolAgain = (/** @type {string} */ token) => sync.end().then(() => enrolWith(token, kept));
  const changeLanguage = (/** @type {string} */ language) => store.changeSettings({ language }).then(() => location.reload());
  return {
    sync,
    page: new Page({ journal, sync, now, check, unlock, pause, painted, former }, stage, {
      enrolAgain,
      changeLanguage,
      settings: await store.settings(),
      saveSettings: (changes) => store.changeSettings(changes),
    }),
  };
}

/**
 * Whether the server no longer accepts this tablet. Only then does an enrolled tablet use a new enrolment link.
 * @param {DeviceRecord} device @param {Journal} journal @param {Kept} kept
 */
async function isRefused(device, journal, kept) {
  const { sync } = await till(device, journal, kept);
  try {
    await sync.run();
  } catch (error) {
    if (!(error instanceof NoAnswer) && !(error instanceof Refused)) throw error;
  }
  return sync.mustEnrol;
}

/** @param {DeviceRecord} device @returns {Signer} */
const signerOf = ({ id, keys }) => ({
  deviceId: id,
  sign: async (bytes) => new Uint8Array(await crypto.subtle.sign("Ed25519", keys.privateKey, bytes)),
});

/** @param {DeviceRecord} device @returns {DeviceKey} */
const keyOf = (device) => ({ id: device.id, sign: signerOf(device).sign, proof: device.proof });

/** Takes the one-time token and removes it from the address bar at once: browsers show, sync and remember addresses. */
function takeToken() {
  const token = enrolmentToken(location.hash);
  if (location.hash) history.replaceState(null, "", location.pathname);
  return token;
}

async function isCapable() {
  try {
    await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
    return "getDirectory" in navigator.storage && "locks" in navigator && "requestVideoFrameCallback" in HTMLVideoElement.prototype;
  } catch {
    return false; // no Ed25519: the caller shows which browsers have it
  }
}

/** IndexedDB reports a full disk as a QuotaExceededError. @param {unknown} reason */
const isStorageError = (reason) =>
  reason instanceof StorageError || (reason instanceof DOMException && reason.name === "QuotaExceededError");

chooseLanguage(navigator.languages);
addEventListener("pointerdown", wakeSound);
addEventListener("keydown", wakeSound, { capture: true }); // also a scanner's keys, which reach no element
addEventListener("hashchange", () => location.reload());
addEventListener("unhandledrejection", ({ reason }) => show(faultScreen(isStorageError(reason) ? "storage" : "broken")));
void keepUpdated(() => isIdle());
loadIcons().catch(() => undefined); // icons only repeat what the words say
void start();
