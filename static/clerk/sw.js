/**
 * The tablet's service worker. The server puts two lines before this text: self.VERSION, made from the hashes of the
 * files, and self.FILES, all that the page needs. A new version waits until the page sends "begin", so it never interrupts a coupon.
 */
/** @type {ServiceWorkerGlobalScope} */
const worker = /** @type {any} */ (self);
const { VERSION, FILES } = /** @type {{VERSION: string, FILES: string[]}} */ (/** @type {unknown} */ (self));
const PREFIX = "redeem-clerk-";
const CACHE = PREFIX + VERSION;

worker.addEventListener("install", (event) => event.waitUntil(fill()));
worker.addEventListener("activate", (event) => event.waitUntil(clear().then(() => worker.clients.claim())));
worker.addEventListener("message", ({ data }) => void (data === "begin" && worker.skipWaiting()));
worker.addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== location.origin) return;
  if (FILES.includes(pathname)) event.respondWith(answer(pathname, event.request));
  else if (event.request.destination === "image") event.respondWith(picture(event.request));
});

async function fill() {
  const cache = await caches.open(CACHE);
  await cache.addAll(FILES.map((path) => new Request(path, { cache: "reload" })));
}

async function clear() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(PREFIX) && name !== CACHE).map((name) => caches.delete(name)));
}

/** @param {string} path @param {Request} request */
async function answer(path, request) {
  const cache = await caches.open(CACHE);
  return (await cache.match(path)) ?? fetch(request);
}

/** A picture of an offer, from the page's cache if it is there. @param {Request} request */
async function picture(request) {
  return (await caches.match(request)) ?? fetch(request);
}
