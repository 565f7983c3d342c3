import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { SAME_SCAN_MS, Sightings } from "../../../static/clerk/knowledge/sightings.js";

describe("a code seen again", () => {
  test("within seconds is the same scan, as long as it stays in sight", () => {
    const sightings = new Sightings();
    assert.equal(sightings.isNew("a", 0), true);
    for (let at = 1000; at < 20_000; at += 1000) assert.equal(sightings.isNew("a", at), false);
  });
  test("is a new scan after it was out of sight", () => {
    const sightings = new Sightings();
    sightings.isNew("a", 0);
    assert.equal(sightings.isNew("a", SAME_SCAN_MS), true);
  });
  test("is a new scan if it is another code", () => {
    const sightings = new Sightings();
    sightings.isNew("a", 0);
    assert.equal(sightings.isNew("b", 1), true);
  });
});
