/**
 * The gifts' pictures: kept, so that a clerk sees them without a network, also when the app has just been opened. The service worker
 * answers with them. One that is kept at another address than the shop's server does not come to a till at all.
 */

/** @import { Terms } from "../domain/rules.js" */

const PICTURES = "redeem-pictures";

/** Those of this store's campaigns, and no others. One that does not come is left as it was, and asked for the next time. @param {Terms[]} terms */
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
