import assert from "node:assert/strict";
import { test } from "node:test";

import { Refused } from "../../../static/clerk/server/api.js";
import { enrol, enrolmentToken } from "../../../static/clerk/server/enrolment.js";
import { ownerOf, ownerRecord, proofOf } from "../../../static/clerk/storage/journal.js";

const { subtle } = globalThis.crypto;
const OLD = "dev_01M7ZZZZZZZZZZZZZZZZZZZZZZ";

/** A tablet that enrols. With keys, it was another device before. @param {CryptoKeyPair} [keys] */
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

/** A server that already knows some keys. @param {string[]} known as base64url */
function server(known = []) {
  const publicKeys = /** @type {string[]} */ ([]);
  const tokens = /** @type {string[]} */ ([]);
  const post = async (/** @type {string} */ _path, /** @type {any} */ { public_key, token }) => {
    publicKeys.push(public_key);
    tokens.push(token);
    if (known.includes(public_key)) throw new Refused(409, "conflict");
    return { device: { id: `dev_${publicKeys.length}`, name: "Till 2" }, proof: "what the server sealed" };
  };
  return { publicKeys, tokens, post };
}

/** @param {ReturnType<typeof makeTablet>} tablet @param {ReturnType<typeof server>} api @param {string} [token] */
const enrolAt = (tablet, api, token = "a link's token") =>
  enrol(token, /** @type {any} */ ({ api, store: tablet.store, file: tablet.file, opened: { texts: tablet.file.records, damage: null } }));

const makeKeys = async () => /** @type {CryptoKeyPair} */ (await subtle.generateKey("Ed25519", false, ["sign", "verify"]));
/** @param {CryptoKeyPair} keys */
const exported = async (keys) => Buffer.from(await subtle.exportKey("raw", keys.publicKey)).toString("base64url");

test("a new tablet makes a key and begins its journal", async () => {
  const tablet = makeTablet();
  const device = await enrolAt(tablet, server());
  assert.equal(device.id, "dev_1");
  assert.equal(tablet.kept.device.proof, "what the server sealed");
  assert.deepEqual([ownerOf(tablet.file.records), proofOf(tablet.file.records)], ["dev_1", "what the server sealed"]);
});

test("a tablet that is enrolled again keeps its key, which proves the entries of a device that the server has lost", async () => {
  const keys = await makeKeys();
  const [tablet, api] = [makeTablet(keys), server()];
  await enrolAt(tablet, api);
  assert.deepEqual(api.publicKeys, [await exported(keys)]);
  assert.deepEqual(tablet.file.retired, [[ownerRecord(OLD), "an entry"]]);
});

test("if the server knows the key, as that of a revoked device, a new key is made", async () => {
  const keys = await makeKeys();
  const [tablet, api] = [makeTablet(keys), server([await exported(keys)])];
  const device = await enrolAt(tablet, api);
  assert.equal(api.publicKeys.length, 2);
  assert.equal(api.publicKeys[1], await exported(device.keys));
  assert.equal(tablet.kept.device.keys, device.keys);
});

test("after a lost answer the same key is sent again", async () => {
  const tablet = makeTablet();
  const silent = { publicKeys: [], tokens: [], post: () => Promise.reject(new Error("no answer")) };
  await assert.rejects(enrolAt(tablet, silent));
  const sent = await exported(tablet.kept.enrolment.keys);
  const api = server();
  await enrolAt(tablet, api);
  assert.deepEqual(api.publicKeys, [sent]);
});

test("a link whose answer was lost is tried before another link", async () => {
  const keys = await makeKeys();
  const [tablet, api] = [makeTablet(keys), server()];
  const silent = { publicKeys: [], tokens: [], post: () => Promise.reject(new Error("no answer")) };
  await assert.rejects(enrolAt(tablet, silent));
  const device = await enrolAt(tablet, api, "another link's token");
  assert.deepEqual([api.tokens, device.keys], [["a link's token"], keys]);
});

test("if the server refuses that link, the other one is used", async () => {
  const tablet = makeTablet();
  const silent = { publicKeys: [], tokens: [], post: () => Promise.reject(new Error("no answer")) };
  await assert.rejects(enrolAt(tablet, silent));
  const api = server([await exported(tablet.kept.enrolment.keys)]);
  const device = await enrolAt(tablet, api, "another link's token");
  assert.deepEqual([api.tokens, device.id], [["a link's token", "another link's token"], "dev_2"]);
});

test("an enrolment link is recognised by its fragment", () => {
  assert.equal(enrolmentToken("https://gift.example/clerk/#enrol=abc.DEF-_1"), "abc.DEF-_1");
  assert.equal(enrolmentToken("https://gift.example/clerk/?enrol=abc"), null);
  assert.equal(enrolmentToken("0".repeat(183)), null);
});
