import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { SAME_SCAN_MS, Sightings } from "../../../static/clerk/knowledge/sightings.js";

describe("the same code seen again", () => {
  test("within seconds is the same scan, for as long as it stays in sight", () => {
    const sightings = new Sightings();
    assert.equal(sightings.isNew("a", 0), true);
    for (let at = 1000; at < 20_000; at += 1000) assert.equal(sightings.isNew("a", at), false);
  });
  test("after it was out of sight is a new one", () => {
    const sightings = new Sightings();
    sightings.isNew("a", 0);
    assert.equal(sightings.isNew("a", SAME_SCAN_MS), true);
  });
  test("another code is always new", () => {
    const sightings = new Sightings();
    sightings.isNew("a", 0);
    assert.equal(sightings.isNew("b", 1), true);
  });
});
