import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { crc32, fromBase64url, toBase64url, utf8 } from "../../../static/clerk/domain/bytes.js";
import { HEADER, readRecords, RECORD_BYTES_MAX, writeRecord } from "../../../static/clerk/storage/records.js";

const TEXTS = ["{}", '{"kind":"ask","said":"привет"}', "x".repeat(1000)];
const FILE = new Uint8Array([...HEADER, ...TEXTS.flatMap((text) => [...writeRecord(text)])]);

test("the records of a file are read in order", () => {
  assert.deepEqual(readRecords(FILE), { texts: TEXTS, whole: FILE.length });
});

test("of a file cut short anywhere every whole record is read, and the start of the torn tail is known", () => {
  const ends = TEXTS.reduce((all, text) => all.concat(/** @type {number} */ (all.at(-1)) + writeRecord(text).length), [HEADER.length]);
  for (let length = 0; length < FILE.length; length++) {
    const { texts, whole } = readRecords(FILE.slice(0, length));
    const complete = ends.filter((end) => end <= length);
    assert.deepEqual(texts, TEXTS.slice(0, Math.max(0, complete.length - 1)));
    assert.equal(whole, complete.at(-1) ?? 0);
  }
});

test("a changed byte in a record is found", () => {
  for (let at = HEADER.length; at < FILE.length; at++) {
    const changed = FILE.slice();
    changed[at] ^= 1;
    assert.notDeepEqual(readRecords(changed).texts, TEXTS);
  }
});

test("a tail of zeros, as a disk may leave it, is not a record", () => {
  assert.equal(readRecords(new Uint8Array([...FILE, ...new Uint8Array(64)])).whole, FILE.length);
});

test("a file that is not a journal has no records", () => assert.deepEqual(readRecords(utf8("something else")), { texts: [], whole: 0 }));

test("an entry that is too large is refused", () => assert.throws(() => writeRecord("x".repeat(RECORD_BYTES_MAX + 1)), RangeError));

describe("bytes", () => {
  test("the CRC is the one of zip and PNG", () => assert.equal(crc32(utf8("123456789")), 0xcbf43926));
  test("base64url goes there and back without padding", () => {
    for (const text of ["", "a", "ab", "abc", "\xff\xfe\xfd"]) {
      const written = toBase64url(utf8(text));
      assert.match(written, /^[\w-]*$/);
      assert.deepEqual(fromBase64url(written), utf8(text));
    }
  });
});
