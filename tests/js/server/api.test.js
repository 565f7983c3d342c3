import assert from "node:assert/strict";
import { test } from "node:test";

import { Api, NoAnswer, Refused, signatureHeaders } from "../../../static/clerk/server/api.js";
import { sha256, toBase64, utf8 } from "../../../static/clerk/domain/bytes.js";
import { DEVICE, NOW, sign, tabletKey } from "../tablet.js";

const KEY = { id: DEVICE, sign };

/** @param {(request: RequestInit) => Response | Promise<Response>} answer */
const api = (answer) =>
  new Api(
    /** @type {any} */ ((/** @type {string} */ _url, /** @type {RequestInit} */ request) => Promise.resolve(answer(request))),
    "",
    () => NOW,
  );

test("a request is signed over method, path and the body's digest, as in RFC 9421", async () => {
  const body = utf8('{"v":1}');
  const headers = await signatureHeaders(KEY, "/clerk/sync", body, NOW);
  const parameters = `("@method" "@path" "content-digest");created=${NOW / 1000};keyid="${DEVICE}";alg="ed25519"`;
  assert.equal(headers["Content-Digest"], `sha-256=:${toBase64(await sha256(body))}:`);
  assert.equal(headers["Signature-Input"], `device=${parameters}`);
  const base = [
    '"@method": POST',
    '"@path": /clerk/sync',
    `"content-digest": ${headers["Content-Digest"]}`,
    `"@signature-params": ${parameters}`,
  ].join("\n");
  const signature = Buffer.from(headers.Signature.slice("device=:".length, -1), "base64");
  assert.ok(await crypto.subtle.verify("Ed25519", tabletKey, signature, utf8(base)));
});

test("a refusal has its code, and how long to wait", async () => {
  const refuse = () => Response.json({ code: "too_many" }, { status: 429, headers: { "Retry-After": "15" } });
  await assert.rejects(
    api(refuse).post("/clerk/unlock", {}, { timeoutMs: 1000 }),
    (error) => error instanceof Refused && error.code === "too_many" && error.waitSeconds === 15,
  );
});

test("an error that is not a problem document of ours counts as no answer", async () => {
  for (const answer of [
    new Response("<html>"),
    Response.json({ error: "proxy" }, { status: 407 }),
    Response.json({ code: "internal" }, { status: 503 }),
  ]) {
    await assert.rejects(api(() => answer).post("/clerk/sync", {}, { timeoutMs: 1000 }), NoAnswer);
  }
});

test("a request that hangs counts as no answer after its time-out", async () => {
  const hang = (/** @type {RequestInit} */ { signal }) =>
    /** @type {Promise<Response>} */ (new Promise((_, reject) => signal?.addEventListener("abort", () => reject(new Error("aborted")))));
  await assert.rejects(api(hang).post("/clerk/sync", {}, { timeoutMs: 5 }), NoAnswer);
});
