import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { codeHash, earlierCodeHash, Holds } from "../../../static/clerk/knowledge/holds.js";
import { emptyPast } from "../../../static/clerk/knowledge/state.js";

/** @import { Grant } from "../../../static/clerk/knowledge/holds.js" */

const CODE = "7KQ2M4XZ9F3C";
const OTHER = "000000000000";

/** @param {number} number @param {string} hash @param {number} [epoch] @returns {Grant} */
const grant = (number, hash, epoch = 4) => [1, number, epoch, hash, 65535];

/** @param {Grant[]} grants */
const holding = (...grants) => new Holds({ epoch: 9, grants });

describe("a typed code", () => {
  test("has the hash that the server makes: tests/holds/test_holds.py has the same", async () => {
    assert.equal(await codeHash("cpn_1_3201", CODE), "f509b3");
  });
  test("is found among many holds, and another is not", async () => {
    const many = Array.from({ length: 500 }, (_, number) => grant(number, "ffffff"));
    const holds = holding(...many, grant(3201, await codeHash("cpn_1_3201", CODE)));
    assert.equal((await holds.findTyped("dev_1", CODE))?.[1], 3201);
    assert.equal(await holds.findTyped("dev_1", OTHER), undefined);
  });
  test("is left to the server if two holds have its hash", async () => {
    const [one, two] = await Promise.all([1, 2].map(async (number) => grant(number, await codeHash(`cpn_1_${number}`, CODE))));
    assert.equal(await holding(one, two).findTyped("dev_1", CODE), undefined);
    assert.equal((await holding(one).findTyped("dev_1", CODE))?.[1], 1);
  });
  test("is not that of a lost coupon, whose code the server does not know", async () => {
    assert.equal(await holding(grant(1, "")).findTyped("dev_1", CODE), undefined);
  });
});

describe("holds from before the short hashes", () => {
  test("are still found by the long ones, and asked for again", async () => {
    const holds = holding(grant(3201, await earlierCodeHash("dev_1", CODE)));
    assert.equal((await holds.findTyped("dev_1", CODE))?.[1], 3201);
    assert.equal(holds.epoch, 0);
  });
  test("get the short ones with the same epoch, and then nothing is asked for again", async () => {
    const holds = holding(grant(3201, await earlierCodeHash("dev_1", CODE)));
    const told = /** @type {any} */ ([...grant(3201, await codeHash("cpn_1_3201", CODE)), "a proof", "a code proof"]);
    holds.believe([told], emptyPast());
    assert.deepEqual(holds.all, [told]);
    assert.equal(new Holds(holds.kept).epoch, 4);
    assert.equal((await holds.findTyped("dev_1", CODE))?.[1], 3201);
  });
  test("are never replaced by an older grant", () => {
    const holds = holding(grant(1, "ffffff", 5));
    holds.believe([grant(1, "eeeeee", 4)], emptyPast());
    assert.equal(holds.all[0][2], 5);
  });
});
