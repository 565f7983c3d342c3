import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { BadCode, Fault, grouped, normalise } from "../../../static/clerk/domain/codes.js";
import { vectors } from "../vectors.js";

const VECTORS = vectors("codes");

describe("it accepts check characters that were computed by hand", () => {
  for (const { code } of VECTORS.codes) test(code, () => assert.equal(normalise(code), code));
});

describe("it accepts a code as people type it", () => {
  for (const { name, text, code } of VECTORS.good) test(name, () => assert.equal(normalise(text), code));
});

describe("it refuses a mistyped code with its reason", () => {
  for (const { name, text, reason } of VECTORS.bad) {
    test(name, () =>
      assert.throws(
        () => normalise(text),
        (error) => error instanceof BadCode && error.reason === reason,
      ),
    );
  }
});

test("every reason has a vector", () => {
  const met = new Set(VECTORS.bad.map((/** @type {{reason: string}} */ each) => each.reason));
  assert.deepEqual(met, new Set(Object.values(Fault)));
});

test("a code is shown in groups of four", () => {
  assert.equal(grouped("7KQ2M4XZ9F3C"), "7KQ2-M4XZ-9F3C");
});
