import assert from "node:assert/strict";
import { test } from "node:test";

import { Refused } from "../../../static/clerk/server/api.js";
import { enrol, enrolmentToken } from "../../../static/clerk/server/enrolment.js";
import { ownerOf, ownerRecord, proofOf } from "../../../static/clerk/storage/journal.js";

const { subtle } = globalThis.crypto;
const OLD = "dev_01M7ZZZZZZZZZZZZZZZZZZZZZZ";

/** A tablet that enrols, perhaps as another device than it was. @param {CryptoKeyPair} [keys] that it has */
function makeTablet(keys) {
  const file = {
    records: keys ? [ownerRecord(OLD), "an entry"] : [],
    retired: /** @type {string[][]} */ ([]),
    append: async (/** @type {string} */ text) => void file.records.push(text),
    retire: async () => void file.retired.push(file.records.splice(0)),
  };
  /** @type {any} */
  const kept = { device: keys && { id: OLD, name: "Till 1", keys } };
  const store = {
    device: async () => kept.device,
    enrolment: async () => kept.enrolment,
    beginEnrolment: async (/** @type {any} */ enrolment) => void (kept.enrolment = enrolment),
    forgetEnrolment: async () => void delete kept.enrolment,
    enrolled: async (/** @type {any} */ device) => void Object.assign(kept, { device, enrolment: undefined }),
  };
  return { file, kept, store };
}

/** A server that knows some keys. @param {string[]} known as base64url */
function server(known = []) {
  const heard = /** @type {string[]} */ ([]);
  const tokens = /** @type {string[]} */ ([]);
  const post = async (/** @type {string} */ _path, /** @type {any} */ { public_key, token }) => {
    heard.push(public_key);
    tokens.push(token);
    if (known.includes(public_key)) throw new Refused(409, "conflict");
    return { device: { id: `dev_${heard.length}`, name: "Till 2" }, proof: "what the server sealed" };
  };
  return { heard, tokens, post };
}

/** @param {ReturnType<typeof makeTablet>} tablet @param {ReturnType<typeof server>} api @param {string} [token] */
const enrolAt = (tablet, api, token = "a link's token") =>
  enrol(token, /** @type {any} */ ({ api, store: tablet.store, file: tablet.file, records: tablet.file.records }));

const makeKeys = async () => /** @type {CryptoKeyPair} */ (await subtle.generateKey("Ed25519", false, ["sign", "verify"]));
/** @param {CryptoKeyPair} keys */
const told = async (keys) => Buffer.from(await subtle.exportKey("raw", keys.publicKey)).toString("base64url");

test("a new tablet makes a key and begins its journal", async () => {
  const tablet = makeTablet();
  const device = await enrolAt(tablet, server());
  assert.equal(device.id, "dev_1");
  assert.equal(tablet.kept.device.proof, "what the server sealed");
  assert.deepEqual([ownerOf(tablet.file.records), proofOf(tablet.file.records)], ["dev_1", "what the server sealed"]);
});

test("enrolled anew it keeps its key, which proves what it wrote as the device that the server has lost", async () => {
  const keys = await makeKeys();
  const [tablet, api] = [makeTablet(keys), server()];
  await enrolAt(tablet, api);
  assert.deepEqual(api.heard, [await told(keys)]);
  assert.deepEqual(tablet.file.retired, [[ownerRecord(OLD), "an entry"]]);
});

test("a server that knows the key, as a revoked device's, gets another", async () => {
  const keys = await makeKeys();
  const [tablet, api] = [makeTablet(keys), server([await told(keys)])];
  const device = await enrolAt(tablet, api);
  assert.equal(api.heard.length, 2);
  assert.equal(api.heard[1], await told(device.keys));
  assert.equal(tablet.kept.device.keys, device.keys);
});

test("a key that was sent is sent again after a lost answer", async () => {
  const tablet = makeTablet();
  const deaf = { heard: [], tokens: [], post: () => Promise.reject(new Error("no answer")) };
  await assert.rejects(enrolAt(tablet, deaf));
  const sent = await told(tablet.kept.enrolment.keys);
  const api = server();
  await enrolAt(tablet, api);
  assert.deepEqual(api.heard, [sent]);
});

test("before another link the one whose answer was lost is tried: the tablet may be that device already", async () => {
  const keys = await makeKeys();
  const [tablet, api] = [makeTablet(keys), server()];
  const deaf = { heard: [], tokens: [], post: () => Promise.reject(new Error("no answer")) };
  await assert.rejects(enrolAt(tablet, deaf));
  const device = await enrolAt(tablet, api, "another link's token");
  assert.deepEqual([api.tokens, device.keys], [["a link's token"], keys]);
});

test("if that link has become void, the other one counts", async () => {
  const tablet = makeTablet();
  const deaf = { heard: [], tokens: [], post: () => Promise.reject(new Error("no answer")) };
  await assert.rejects(enrolAt(tablet, deaf));
  const api = server([await told(tablet.kept.enrolment.keys)]);
  const device = await enrolAt(tablet, api, "another link's token");
  assert.deepEqual([api.tokens, device.id], [["a link's token", "another link's token"], "dev_2"]);
});

test("an enrolment link is known by its fragment alone", () => {
  assert.equal(enrolmentToken("https://gift.example/clerk/#enrol=abc.DEF-_1"), "abc.DEF-_1");
  assert.equal(enrolmentToken("https://gift.example/clerk/?enrol=abc"), null);
  assert.equal(enrolmentToken("0".repeat(183)), null);
});
