/** New versions of the app: fetched in the background, started only when the clerk agrees and no coupon is open. */
import { t } from "../view/strings.js";
import { button, el } from "../view/view.js";

const LOOK_EVERY_MS = 30 * 60_000;
const LATER_MS = 1_000;

/** @param {() => boolean} isIdle whether the page may be reloaded now */
export async function keepUpdated(isIdle) {
  if (!("serviceWorker" in navigator)) return;
  const registration = await navigator.serviceWorker.register("/clerk/sw.js", { scope: "/clerk/" });
  let controlled = Boolean(navigator.serviceWorker.controller); // the first worker takes over a page that is already up to date
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (controlled) reload(isIdle);
    controlled = true;
  });
  registration.addEventListener("updatefound", () => follow(registration, isIdle));
  follow(registration, isIdle);
  setInterval(() => registration.update().catch(() => undefined), LOOK_EVERY_MS); // offline: the next check follows
}

/** Waits until the page is idle: another tab may have started the new version. @param {() => boolean} isIdle */
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
  if (!worker || !navigator.serviceWorker.controller || document.querySelector(".update-bar")) return;
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
