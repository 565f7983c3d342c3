/**
 * The tablet's service worker. The server puts lines before this text: self.FILES, all that the page needs, with the SHA-256 that each
 * may have (a page has one in each language); self.HEADERS, with which each file is served; and self.VERSION, a hash of all this.
 * It installs all of these files or nothing: behind a balancer another version's server may answer. Until it has them, the worker before
 * it goes on with its own. It then waits until the page sends "begin", so it never interrupts a coupon.
 */
/** @type {ServiceWorkerGlobalScope} */
const worker = /** @type {any} */ (self);
/** @typedef {{VERSION: string, FILES: Record<string, string[]>, HEADERS: Record<string, string>}} Head */
const { VERSION, FILES, HEADERS } = /** @type {Head} */ (/** @type {unknown} */ (self));
const PREFIX = "redeem-clerk-";
const CACHE = PREFIX + VERSION;
const TRIES_MAX = 4;
const FETCH_MS_MAX = 120_000;

worker.addEventListener("install", (event) => event.waitUntil(fill()));
worker.addEventListener("activate", (event) => event.waitUntil(clear().then(() => worker.clients.claim())));
worker.addEventListener("message", ({ data }) => void (data === "begin" && worker.skipWaiting()));
worker.addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== location.origin) return;
  if (Object.hasOwn(FILES, pathname)) event.respondWith(answer(pathname));
  else if (event.request.destination === "image") event.respondWith(picture(event.request));
});

/** Nothing is put into the cache before all is there. Throws Error if a file can't be had. */
async function fill() {
  const files = await Promise.all(Object.keys(FILES).map(async (path) => ({ path, file: await fetchFile(path) })));
  const cache = await caches.open(CACHE);
  await Promise.all(files.map(({ path, file }) => cache.put(path, file)));
}

/**
 * Another server may answer the next time. Throws Error if none has this version's file.
 * @param {string} path @returns {Promise<Response>}
 */
async function fetchFile(path, triesLeft = TRIES_MAX) {
  try {
    return await fetchOnce(path);
  } catch (error) {
    if (triesLeft <= 1) throw error;
    return fetchFile(path, triesLeft - 1);
  }
}

/** The file with this version's headers, whoever served it. Throws Error. @param {string} path */
async function fetchOnce(path) {
  const got = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(FETCH_MS_MAX) });
  const body = await got.arrayBuffer();
  if (!got.ok || !FILES[path].includes(await sha256(body))) throw new Error(`${path} is not that of version ${VERSION}`);
  return new Response(body, { headers: { ...HEADERS, "Content-Type": got.headers.get("Content-Type") ?? "" } });
}

/** @param {ArrayBuffer} body @returns {Promise<string>} in hexadecimal */
async function sha256(body) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", body));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function clear() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(PREFIX) && name !== CACHE).map((name) => caches.delete(name)));
}

/** A file that the browser has thrown away is fetched, and only if it is this version's. @param {string} path */
async function answer(path) {
  const cache = await caches.open(CACHE);
  return (await cache.match(path)) ?? fetchFile(path);
}

/** A picture of an offer, from the page's cache if it is there. @param {Request} request */
async function picture(request) {
  return (await caches.match(request)) ?? fetch(request);
}
