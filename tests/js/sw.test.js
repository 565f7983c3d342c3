/** The service worker's install: all files of its version, or nothing, on a network that has two versions. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { runInNewContext } from "node:vm";

const SCRIPT = readFileSync(new URL("../../static/clerk/sw.js", import.meta.url), "utf8");
/** The control: a worker that takes what comes. */
const TRUSTING = SCRIPT.replace("|| !FILES[path].includes(await sha256(body))", "");
const POLICY = { "Content-Security-Policy": "default-src 'none'" };
/** @type {Record<string, string>} */
const NEW = { "/clerk/": "new page", "/clerk/static/main.js": "new main", "/clerk/static/reader.wasm": "new reader" };
const PATHS = Object.keys(NEW);
const sha256 = (/** @type {string} */ text) => createHash("sha256").update(text).digest("hex");

/** @typedef {() => Response | Promise<Response>} Answer */
const ok = (/** @type {string} */ text) => () => new Response(text, { headers: { "Content-Type": "text/plain", "X-From": "network" } });
const fault = () => new Response("fault", { status: 500 });
const gone = () => new Response("not found", { status: 404 });
const silence = () => Promise.reject(new DOMException("no answer", "TimeoutError"));

/**
 * A browser with this worker, a network and the old worker's cache.
 * @param {Record<string, Answer[]>} network what is answered for a path, one after the other; the last again and again
 */
function browser(network, { script = SCRIPT, version = "new" } = {}) {
  /** @type {Map<string, Map<string, Response>>} */
  const kept = new Map([["redeem-clerk-old", new Map(PATHS.map((path) => [path, new Response(`old ${path}`)]))]]);
  /** @type {Record<string, (event: any) => void>} */
  const handlers = {};
  /** @type {RequestInit[]} */
  const asked = [];
  const answers = new Map(PATHS.map((path) => [path, [...(network[path] ?? [ok(NEW[path])])]]));
  const self = {
    VERSION: version,
    FILES: Object.fromEntries(PATHS.map((path) => [path, [sha256("in another language"), sha256(NEW[path])]])),
    HEADERS: POLICY,
    clients: { claim: async () => undefined },
    addEventListener: (/** @type {string} */ name, /** @type {any} */ handler) => (handlers[name] = handler),
  };
  const caches = {
    keys: async () => [...kept.keys()],
    delete: async (/** @type {string} */ name) => kept.delete(name),
    open: async (/** @type {string} */ name) => {
      const files = kept.get(name) ?? new Map();
      kept.set(name, files);
      return {
        match: async (/** @type {string} */ path) => files.get(path)?.clone(),
        put: async (/** @type {string} */ path, /** @type {Response} */ file) => void files.set(path, file),
      };
    },
  };
  const fetch = async (/** @type {string} */ path, /** @type {RequestInit} */ options) => {
    asked.push(options);
    const left = answers.get(path) ?? [];
    return (left.length > 1 ? left.shift() : left[0])?.();
  };
  const location = { origin: "https://gift.example" };
  runInNewContext(script, { self, caches, fetch, location, crypto, URL, Response, AbortSignal });
  const during = async (/** @type {string} */ name) => {
    /** @type {Promise<unknown> | undefined} */
    let work;
    handlers[name]({ waitUntil: (/** @type {Promise<unknown>} */ promise) => (work = promise) });
    await work;
  };
  const open = async (/** @type {string} */ path) => {
    /** @type {Promise<Response> | undefined} */
    let answer;
    const request = { url: location.origin + path, method: "GET" };
    handlers.fetch({ request, respondWith: (/** @type {Promise<Response>} */ promise) => (answer = promise) });
    return answer;
  };
  const filesOf = async (/** @type {string} */ name) =>
    Object.fromEntries(await Promise.all([...(kept.get(name) ?? [])].map(async ([path, file]) => [path, await file.clone().text()])));
  return { install: () => during("install"), activate: () => during("activate"), open, filesOf, kept, asked };
}

test("all files of one version are kept, past every cache between, and the old ones go when it begins", async () => {
  const { install, activate, filesOf, kept, asked } = browser({});
  await install();
  assert.deepEqual(await filesOf("redeem-clerk-new"), NEW);
  assert.ok(kept.has("redeem-clerk-old"));
  assert.ok(asked.length === PATHS.length && asked.every(({ cache, signal }) => cache === "no-store" && signal));
  await activate();
  assert.deepEqual([...kept.keys()], ["redeem-clerk-new"]);
});

/** @type {Record<string, (path: string) => Answer>} */
const WRONG = {
  "another version's": (path) => ok(`old ${path}`),
  truncated: (path) => ok(NEW[path].slice(0, -1)),
  empty: () => ok(""),
  missing: () => gone,
  "a server's fault": () => fault,
  "too slow": () => silence,
};
for (const [name, answer] of Object.entries(WRONG))
  for (const path of PATHS)
    test(`if ${path} is ${name}, nothing is kept and the old version stays whole`, async () => {
      const { install, filesOf, kept } = browser({ [path]: [answer(path)] });
      await assert.rejects(install());
      assert.deepEqual([...kept.keys()], ["redeem-clerk-old"]);
      assert.equal(Object.keys(await filesOf("redeem-clerk-old")).length, PATHS.length);
    });

test("without the check another version's file is kept", async () => {
  assert.notEqual(TRUSTING, SCRIPT);
  const { install, filesOf } = browser({ "/clerk/": [ok("old page")] }, { script: TRUSTING });
  await install();
  assert.equal((await filesOf("redeem-clerk-new"))["/clerk/"], "old page");
});

test("a file is asked for again, since another server may answer", async () => {
  const { install, filesOf } = browser({ "/clerk/": [ok("old page"), gone, silence, ok(NEW["/clerk/"])] });
  await install();
  assert.deepEqual(await filesOf("redeem-clerk-new"), NEW);
});

test("an install that fails harms no cache of its own version", async () => {
  const { install, filesOf } = browser({ "/clerk/": [ok("new page")], "/clerk/static/main.js": [fault] }, { version: "old" });
  const before = await filesOf("redeem-clerk-old");
  await assert.rejects(install());
  assert.deepEqual(await filesOf("redeem-clerk-old"), before);
});

test("files are served with the headers of this version, whichever server they came from", async () => {
  const { install, open } = browser({});
  await install();
  const headers = [...((await open("/clerk/"))?.headers ?? [])];
  assert.deepEqual(headers, [
    ["content-security-policy", "default-src 'none'"],
    ["content-type", "text/plain"],
  ]);
});

test("a file that the browser has thrown away comes from the network only if it is of this version", async () => {
  const { open } = browser({ "/clerk/": [ok("old page")] });
  assert.equal(await (await open("/clerk/static/main.js"))?.text(), "new main");
  await assert.rejects(async () => open("/clerk/"));
});

test("what is not listed is left to the network", async () => {
  const { open } = browser({});
  assert.equal(await open("/clerk/sync"), undefined);
});
