/**
 * The pictures of offers, cached for work without a network. The service worker serves them. Pictures on other hosts than the shop's
 * server are not loaded at all.
 */

/** @import { Terms } from "../domain/rules.js" */

const PICTURES = "redeem-pictures";

/**
 * Caches the pictures of these terms and removes all others. After a failed download the cached picture stays.
 * @param {Terms[]} terms
 */
export async function keepPictures(terms) {
  const wanted = new Set(terms.flatMap(pictures));
  const cache = await caches.open(PICTURES);
  for (const request of await cache.keys()) if (!wanted.has(request.url)) await cache.delete(request);
  for (const url of wanted) {
    const answer = await fetch(url, { cache: "no-cache" }).catch(() => null);
    if (answer?.ok) await cache.put(url, answer);
  }
}

/** @param {Terms} terms */
const pictures = ({ offer }) =>
  Object.values(offer)
    .map(({ picture }) => (picture ? new URL(picture, location.href) : null))
    .filter((url) => url?.origin === location.origin)
    .map((url) => /** @type {URL} */ (url).href);
