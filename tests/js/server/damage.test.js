import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { NoAnswer, Refused } from "../../../static/clerk/server/api.js";
import { fromBase64url } from "../../../static/clerk/domain/bytes.js";
import { handIn, handInSometime } from "../../../static/clerk/server/damage.js";
import { ownerRecord } from "../../../static/clerk/storage/journal.js";
import { MEASURED, writeRecord } from "../../../static/clerk/storage/records.js";
import { DEVICE } from "../tablet.js";

const KEY = /** @type {any} */ ({ id: DEVICE });

/** A damaged file with so many entries, of which the third can't be read. @param {number} many */
function damagedFile(many) {
  const texts = [
    ownerRecord(DEVICE),
    ...Array.from({ length: many }, (_, at) => JSON.stringify({ text: `entry ${at + 1}`, signature: "s" })),
  ];
  const records = texts.map(writeRecord);
  if (records.length > 3) records[3][20] ^= 1;
  const bytes = new Uint8Array([...MEASURED, ...records.flatMap((record) => [...record])]);
  return { device: DEVICE, damage: /** @type {const} */ ("unreadable"), bytes, proof: "sealed" };
}

/** A server that keeps the parts that come in order; `answers` says what happens to the next requests. */
function server(/** @type {("lost" | "reply lost" | "refused")[]} */ ...answers) {
  const kept = { bytes: /** @type {number[]} */ ([]), entries: new Set(), requests: /** @type {any[]} */ ([]) };
  const post = async (/** @type {string} */ _path, /** @type {any} */ body) => {
    const answer = answers.shift();
    kept.requests.push(body);
    if (answer === "lost") throw new NoAnswer("no network");
    if (answer === "refused") throw new Refused(429, "too_many");
    if (body.start === kept.bytes.length && body.bytes) {
      kept.bytes.push(...fromBase64url(body.bytes));
      for (const { text } of body.entries) kept.entries.add(text);
    }
    if (answer === "reply lost") throw new NoAnswer("no network");
    return { v: 1, kept: kept.bytes.length, refused: 0 };
  };
  return { kept, api: /** @type {any} */ ({ post }) };
}

describe("a damaged journal is handed in", () => {
  test("byte for byte, with every entry that can be read", async () => {
    const [file, { kept, api }] = [damagedFile(3_000), server()];
    await handIn(file, api, KEY);
    assert.deepEqual(Uint8Array.from(kept.bytes), file.bytes);
    assert.equal(kept.entries.size, 2_999);
    assert.ok(kept.requests.every(({ entries = [] }) => entries.length <= 200));
    assert.ok(kept.requests.every(({ bytes = "" }) => bytes.length <= 90_000));
  });

  test("although requests and replies are lost, from where the server has it", async () => {
    const [file, { kept, api }] = [damagedFile(700), server("lost", "reply lost", "lost")];
    assert.equal(await handInSometime(file, api, KEY, async () => undefined), true);
    assert.deepEqual(Uint8Array.from(kept.bytes), file.bytes);
    assert.equal(kept.entries.size, 699);
  });

  test("although nothing is left in it", async () => {
    const { kept, api } = server();
    await handIn({ ...damagedFile(0), bytes: new Uint8Array() }, api, KEY);
    assert.deepEqual([kept.requests.length, kept.requests[0].size], [1, 0]);
  });

  test("unless the server does not take it", async () => {
    assert.equal(await handInSometime(damagedFile(9), server("refused").api, KEY, async () => undefined), false);
  });
});
