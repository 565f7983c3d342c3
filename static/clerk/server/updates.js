/** New versions of the app: fetched in the background, started only when the clerk agrees and no coupon is open. */
import { t } from "../view/strings.js";
import { button, el } from "../view/view.js";

const LOOK_EVERY_MS = 30 * 60_000;
const LATER_MS = 1_000;

/** @param {() => boolean} isIdle whether the page may be reloaded now */
export async function keepUpdated(isIdle) {
  if (!navigator.serviceWorker?.controller) return; // this browser has none, so start.js has gone on without
  navigator.serviceWorker.addEventListener("controllerchange", () => reload(isIdle));
  const registration = await navigator.serviceWorker.ready;
  registration.addEventListener("updatefound", () => follow(registration, isIdle));
  follow(registration, isIdle);
  setInterval(() => registration.update().catch(() => undefined), LOOK_EVERY_MS); // offline: the next check follows
}

/**
 * Waits until the page is idle: another tab may have started the new version, whose files the worker serves from then on. Until then the
 * page loads none but the reader of the camera's pictures, if that has to be started anew, and what it reads is judged like any scan.
 * @param {() => boolean} isIdle
 */
function reload(isIdle) {
  if (isIdle()) location.reload();
  else setTimeout(() => reload(isIdle), LATER_MS);
}

/** @param {ServiceWorkerRegistration} registration @param {() => boolean} isIdle */
function follow(registration, isIdle) {
  offer(registration.waiting, isIdle);
  registration.installing?.addEventListener("statechange", () => offer(registration.waiting, isIdle));
}

/** @param {ServiceWorker | null} worker @param {() => boolean} isIdle */
function offer(worker, isIdle) {
  if (!worker || document.querySelector(".update-bar")) return;
  const begin = () => void (isIdle() && worker.postMessage("begin"));
  document.body.append(
    el(
      "aside",
      { class: "update-bar", role: "status" },
      el("span", {}, t("A new version is ready")),
      button(t("Update now"), begin, { class: "button-small" }),
    ),
  );
}
