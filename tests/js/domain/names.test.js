import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { nameIn } from "../../../static/clerk/domain/names.js";
import { vectors } from "../vectors.js";

describe("a text names a coupon, or nothing", () => {
  for (const { name, text, names } of vectors("names").names) test(name, () => assert.equal(nameIn(text), names));
});
