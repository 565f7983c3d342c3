import assert from "node:assert/strict";
import { test } from "node:test";

import { keepPictures } from "../../../static/clerk/server/pictures.js";

const SHOP = "https://shop.example";

/**
 * A browser with these cached pictures. A picture that is missing from `answers` can't be fetched.
 * @param {Record<string, string>} kept @param {Record<string, {ok: boolean}>} answers
 */
function browser(kept, answers) {
  /** @type {Map<string, any>} */
  const cache = new Map(Object.entries(kept));
  /** @type {string[]} */
  const asked = [];
  const made = {
    location: { href: `${SHOP}/clerk/`, origin: SHOP },
    caches: {
      open: async () => ({
        keys: async () => [...cache.keys()].map((url) => ({ url })),
        delete: async (/** @type {{url: string}} */ { url }) => cache.delete(url),
        put: async (/** @type {string} */ url, /** @type {any} */ answer) => cache.set(url, answer),
      }),
    },
    fetch: async (/** @type {string} */ url) => {
      asked.push(url);
      if (!answers[url]) throw new TypeError("no network");
      return answers[url];
    },
  };
  for (const [name, value] of Object.entries(made)) Object.defineProperty(globalThis, name, { value, configurable: true });
  return { cache, asked };
}

/** @param {...(string | null)} pictures @returns {any} */
const terms = (...pictures) => ({ offer: Object.fromEntries(pictures.map((picture, language) => [language, { title: "Cup", picture }])) });

test("the pictures of the given campaigns are cached, and no others", async () => {
  const cup = { ok: true };
  const { cache } = browser({ [`${SHOP}/old.png`]: "old" }, { [`${SHOP}/cup.png`]: cup });
  await keepPictures([terms("/cup.png", "/cup.png", null)]);
  assert.deepEqual([...cache], [[`${SHOP}/cup.png`, cup]]);
});

test("a picture that can't be fetched stays as it was", async () => {
  const { cache } = browser({ [`${SHOP}/cup.png`]: "before", [`${SHOP}/pie.png`]: "before" }, { [`${SHOP}/pie.png`]: { ok: false } });
  await keepPictures([terms("/cup.png"), terms("/pie.png")]);
  assert.deepEqual([...cache.values()], ["before", "before"]);
});

test("no request goes to another server", async () => {
  const { asked } = browser({}, {});
  await keepPictures([terms("https://elsewhere.example/cup.png", "//elsewhere.example/cup.png")]);
  assert.deepEqual(asked, []);
});
