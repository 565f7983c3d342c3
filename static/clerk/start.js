/**
 * The page's first script. It runs the app only from the service worker's cache: there all files are of one version. Files that come
 * straight from the network may be of two, while an update is under way on several servers. So the first visit waits for the worker.
 */
const AGAIN_MS = 3_000;
const PLACE = { scope: "/clerk/" };
const { serviceWorker } = navigator;

/** Gets the worker and with it the whole app. Once the worker has both, the page is opened anew, from its cache. */
async function fetchWhole() {
  const registration = await serviceWorker.register("/clerk/sw.js", PLACE).catch(report);
  const installing = registration?.installing;
  if (!installing || registration.active) return later();
  installing.addEventListener("statechange", () => void (installing.state === "redundant" && later()));
}

/** Some file was missing or of another version, or the page was loaded past a worker that is there: tries again in a while. */
async function later() {
  /** @type {HTMLElement} */ (document.getElementById("incomplete")).hidden = false;
  const registration = await serviceWorker.getRegistration(PLACE.scope);
  setTimeout(registration?.active ? () => location.reload() : fetchWhole, AGAIN_MS);
}

/** A version that can't start has nothing open: a newer one begins as soon as it is whole. @param {unknown} reason */
async function replace(reason) {
  report(reason);
  serviceWorker.addEventListener("controllerchange", () => location.reload());
  const registration = await serviceWorker.ready;
  const begin = () => registration.waiting?.postMessage("begin");
  registration.addEventListener("updatefound", () => registration.installing?.addEventListener("statechange", begin));
  begin();
  await registration.update().catch(report);
}

/** @param {unknown} reason */
function report(reason) {
  reportError(reason);
  return undefined;
}

function start() {
  if (!serviceWorker) return void import("./main.js"); // it says what this browser or this address lacks
  if (serviceWorker.controller) return void import("./main.js").catch(replace);
  serviceWorker.addEventListener("controllerchange", () => location.reload());
  void fetchWhole();
}

start();
