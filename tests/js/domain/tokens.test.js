import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { BadKey, BadToken, checker, couponId, fault, Fault, keyRing, read, write } from "../../../static/clerk/domain/tokens.js";
import { verifyAsync } from "../../../static/vendor/noble-ed25519-3.2.0/index.js";
import { vectors } from "../vectors.js";

/** @typedef {import("../../../static/clerk/domain/tokens.js").Check} Check */

const VECTORS = vectors("tokens");
const RING = keyRing(VECTORS.keys);
const TOKEN_BITS = 8 * 76;

/** @type {Check} */
const byNoble = (publicKey, message, signature) => verifyAsync(signature, message, publicKey, { zip215: false });
/** @type {Check} */
const byNobody = () => Promise.reject(new Error("the fallback was used"));

const CHECKS = { "by WebCrypto": checker(crypto.subtle, byNobody), "by the fallback": checker(undefined, byNoble) };

/**
 * @param {string} text
 * @param {Check} check
 */
async function reasonOf(text, check) {
  try {
    return await fault(read(text), RING, check);
  } catch (error) {
    assert.ok(error instanceof BadToken);
    return error.reason;
  }
}

for (const [how, check] of Object.entries(CHECKS)) {
  describe(`a good token is read and verified ${how}`, () => {
    for (const { name, text, key_id, campaign, number, last_day, digits } of VECTORS.good) {
      test(name, async () => {
        const token = read(text);
        assert.equal(await fault(token, RING, check), null);
        assert.deepEqual([token.keyId, token.campaign, token.number, token.lastDay], [key_id, campaign, number, last_day]);
        assert.equal(write(token), digits);
      });
    }
  });

  describe(`a bad token is refused with its reason ${how}`, () => {
    for (const { name, text, reason } of VECTORS.bad) {
      test(name, async () => assert.equal(await reasonOf(text, check), reason));
    }
  });
}

test("a token with any of its 608 bits flipped is refused", async () => {
  const good = BigInt(VECTORS.good[0].digits);
  const flipped = Array.from({ length: TOKEN_BITS }, (_, bit) => (good ^ (1n << BigInt(bit))).toString().padStart(183, "0"));
  const reasons = await Promise.all(flipped.map((text) => reasonOf(text, CHECKS["by WebCrypto"])));
  assert.equal(reasons.filter((reason) => reason !== null).length, TOKEN_BITS);
});

test("every reason has a vector", () => {
  const met = new Set(VECTORS.bad.map((/** @type {{reason: string}} */ each) => each.reason));
  assert.deepEqual(met, new Set(Object.values(Fault)));
});

describe("a bad key is refused when the ring is built", () => {
  for (const { name, public_key } of VECTORS.bad_keys) {
    test(name, () => {
      const published = { kid: 1, alg: "Ed25519", public_key, status: "active" };
      assert.throws(
        () => keyRing([published]),
        (error) => error instanceof BadKey && error.reason === "bad_public_key",
      );
    });
  }
});

describe("a ring is refused", () => {
  const [good] = VECTORS.keys;
  const rings = {
    repeated_key_id: [good, good],
    bad_key_id: [{ ...good, kid: 256 }],
    bad_status: [{ ...good, status: "retired" }],
    bad_public_key: [{ ...good, public_key: `${good.public_key.slice(0, -1)}*` }],
  };
  for (const [reason, published] of Object.entries(rings)) {
    test(reason, () => assert.throws(() => keyRing(published), { reason }));
  }
});

test("a browser without Ed25519 uses the fallback", async () => {
  const importKey = () => Promise.reject(new DOMException("Unrecognized name.", "NotSupportedError"));
  const old = /** @type {SubtleCrypto} */ (/** @type {unknown} */ ({ importKey }));
  assert.equal(await fault(read(VECTORS.good[0].text), RING, checker(old, byNoble)), null);
});

test("a key is imported once", async () => {
  let imports = 0;
  const counting = new Proxy(crypto.subtle, {
    get: (subtle, name) => {
      imports += name === "importKey" ? 1 : 0;
      return Reflect.get(subtle, name).bind(subtle);
    },
  });
  const check = checker(counting, byNobody);
  const token = read(VECTORS.good[0].text);
  await Promise.all([fault(token, RING, check), fault(token, RING, check)]);
  assert.equal(await fault(token, RING, check), null);
  assert.equal(imports, 1);
});

test("a coupon has the id that the server gives it", () => {
  assert.equal(couponId({ campaign: 7, number: 42 }), "cpn_7_42");
});
