import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { MEASURED } from "../../../static/clerk/storage/records.js";
import { File, JOURNAL, LENGTHS, startWorker, storageOf } from "../../simulation/tablet/opfs.js";

/** @import { Opened } from "../../../static/clerk/storage/journal-file.js" */

/** @typedef {{call: (call: string, text?: string) => Promise<any>, opened: Opened, owner: {isDead: boolean}}} Tab */

const ROUNDS = 4_000;

/** The files of a tablet, and what was said to be in its journal. */
class Tablet {
  /** @type {Map<string, File>} */
  files = new Map();
  /** @type {string[]} flushed: the worker has answered */
  told = [];
  /** @type {string[]} of these the last may not have been answered */
  written = [];

  /** Opens the journal in a new tab. @returns {Promise<Tab>} */
  async open() {
    for (const file of this.files.values()) file.handle = null;
    const owner = { isDead: false };
    /** @type {any} */
    let answer;
    const inside = startWorker(
      storageOf(this.files, owner),
      (data) => (answer = data),
      () => undefined,
    );
    /** @param {string} name @param {string} [text] */
    const call = async (name, text) => {
      await inside({ data: { id: 1, call: name, text } });
      if (answer.error) throw new Error(answer.error);
      return answer.value;
    };
    return { call, opened: await call("open"), owner };
  }

  /** @param {number} many records that are written in one tab */
  async write(many) {
    const { call } = await this.open();
    for (let at = 0; at < many; at++) await this.append(call, `{"entry":${this.told.length},"by":"${"x".repeat((at * 37) % 90)}"}`);
    return this;
  }

  /** @param {(call: string, text: string) => Promise<any>} call @param {string} text */
  async append(call, text) {
    this.written = [...this.told, text];
    await call("append", text);
    this.told = this.written;
  }

  /** @param {string} name */
  file(name) {
    return /** @type {File} */ (this.files.get(name));
  }

  /** @param {string} name @param {(bytes: Uint8Array) => Uint8Array | void} change */
  alter(name, change) {
    const bytes = this.file(name).read();
    this.file(name).replace(change(bytes) ?? bytes);
  }

  /** A tablet with the same files. */
  copy() {
    const other = new Tablet();
    for (const [name, file] of this.files) {
      other.files.set(name, new File());
      other.file(name).replace(file.read());
    }
    return Object.assign(other, { told: this.told, written: this.written });
  }
}

/** Numbers from 0 to 1, the same ones for the same seed. @param {number} seed */
function drawn(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** @param {Uint8Array} bytes @param {number} bit */
const flip = (bytes, bit) => void (bytes[bit >> 3] ^= 1 << (bit & 7));

const sixRecords = async () => (await (await new Tablet().write(3)).write(3)).copy();

describe("a journal that is damaged says so:", () => {
  test("a bit flipped anywhere in it", async () => {
    const good = await sixRecords();
    for (let bit = 0; bit < good.file(JOURNAL).size * 8; bit++) {
      const tablet = good.copy();
      tablet.alter(JOURNAL, (bytes) => flip(bytes, bit));
      const { opened } = await tablet.open();
      assert.notEqual(opened.damage, null, `bit ${bit}`);
    }
  });

  test("cut anywhere", async () => {
    const good = await sixRecords();
    for (let size = 0; size < good.file(JOURNAL).size; size++) {
      const tablet = good.copy();
      tablet.alter(JOURNAL, (bytes) => bytes.slice(0, size));
      assert.equal((await tablet.open()).opened.damage, "short", `at ${size}`);
    }
  });

  test("read only in part", async () => {
    const tablet = await sixRecords();
    const { read } = File.prototype;
    const file = tablet.file(JOURNAL);
    const { size } = file;
    file.read = () => read.call(file).slice(0, size - 9);
    assert.equal((await tablet.open()).opened.damage, "short");
  });

  test("an older copy put back", async () => {
    const tablet = await new Tablet().write(3);
    const older = tablet.file(JOURNAL).read();
    await tablet.write(3);
    tablet.alter(JOURNAL, () => older);
    assert.equal((await tablet.open()).opened.damage, "short");
  });

  test("without an entry that was read once, although a power cut came before its length was kept", async () => {
    const tablet = await sixRecords();
    const lengths = tablet.file(LENGTHS).read();
    await tablet.write(1);
    tablet.alter(LENGTHS, () => lengths);
    assert.deepEqual((await tablet.open()).opened, { texts: tablet.told, damage: null });
    tablet.alter(JOURNAL, (bytes) => bytes.slice(0, -9));
    assert.equal((await tablet.open()).opened.damage, "short");
  });

  test("both lengths unreadable, or gone", async () => {
    for (const change of [(/** @type {Uint8Array} */ bytes) => bytes.fill(7), () => new Uint8Array()]) {
      const tablet = await sixRecords();
      tablet.alter(LENGTHS, change);
      assert.equal((await tablet.open()).opened.damage, "unreadable");
    }
  });

  test("and it is not touched, takes no entry, and is set aside byte for byte when the tablet is enrolled anew", async () => {
    const tablet = await sixRecords();
    tablet.alter(JOURNAL, (bytes) => flip(bytes, 8 * 60));
    const damaged = tablet.file(JOURNAL).read();
    const { call } = await tablet.open();
    await assert.rejects(call("append", "{}"), /damaged/);
    assert.deepEqual(tablet.file(JOURNAL).read(), damaged);
    await call("retire");
    const [name] = await call("earlier");
    assert.match(name, /^journal-damaged-/);
    assert.deepEqual(tablet.file(name).read(), damaged);
    assert.equal((await call("read", name)).length, tablet.told.length - 1); // all but the damaged record
    await call("append", '{"v":1}');
    assert.deepEqual((await tablet.open()).opened, { texts: ['{"v":1}'], damage: null });
  });
});

test("whatever bits are flipped and bytes are cut off, no entry that was flushed is missing unsaid", async () => {
  const good = await sixRecords();
  for (let round = 0; round < ROUNDS; round++) {
    const [chance, tablet] = [drawn(round), good.copy()];
    for (let faults = 1 + Math.floor(chance() * 3); faults > 0; faults--) {
      const name = chance() < 0.7 ? JOURNAL : LENGTHS;
      tablet.alter(name, (bytes) => {
        if (chance() < 0.3) return bytes.slice(0, Math.floor(chance() * bytes.length));
        return flip(bytes, Math.floor(chance() * bytes.length * 8));
      });
    }
    const { texts, damage } = (await tablet.open()).opened;
    assert.ok(damage !== null || texts.length >= tablet.told.length, `round ${round}`);
    assert.deepEqual(texts, tablet.told.slice(0, texts.length));
  }
});

describe("a journal that is only torn is not damaged:", () => {
  test("whatever kills and power cuts leave of what was not flushed, one after the other", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const chance = drawn(round);
      const tablet = new Tablet();
      for (let life = 0; life < 3; life++) {
        const { call, opened, owner } = await tablet.open();
        assert.equal(opened.damage, null, `round ${round}`);
        assert.ok(opened.texts.length >= tablet.told.length, `round ${round}`);
        assert.deepEqual(opened.texts, tablet.written.slice(0, opened.texts.length), `round ${round}`);
        tablet.told = tablet.written = opened.texts;
        dieLater(tablet, owner, Math.floor(chance() * 24));
        for (let at = 0; at < 6 && !owner.isDead; at++) {
          await tablet.append(call, `{"life":${life},"entry":${at},"by":"${"x".repeat(chance() * 90)}"}`).catch(() => undefined);
        }
        const isKilled = chance() < 0.5; // alone, what was written and not flushed is there for the next one, and the power may be cut then
        for (const file of isKilled ? [] : tablet.files.values()) file.losePower(() => [0, chance(), 1][Math.floor(chance() * 3)]);
      }
    }
  });

  test("a tail of zeros, as a disk may leave it", async () => {
    const tablet = await sixRecords();
    tablet.alter(JOURNAL, (bytes) => new Uint8Array([...bytes, ...new Uint8Array(64)]));
    assert.deepEqual((await tablet.open()).opened, { texts: tablet.told, damage: null });
  });

  test("a length that was being written", async () => {
    const tablet = await sixRecords();
    const lengths = tablet.file(LENGTHS).read();
    await tablet.write(1);
    tablet.alter(LENGTHS, () => lengths.fill(9, 4096, 4100)); // the seventh record is flushed, and its length is torn
    assert.deepEqual((await tablet.open()).opened, { texts: tablet.told, damage: null });
  });
});

describe("a file from before lengths were kept", () => {
  const old = async () => {
    const tablet = await sixRecords();
    tablet.alter(JOURNAL, (bytes) => void (bytes[15] = "1".charCodeAt(0)));
    tablet.files.delete(LENGTHS);
    return tablet;
  };

  test("opens, and is measured from then on", async () => {
    const tablet = await old();
    assert.deepEqual((await tablet.open()).opened, { texts: tablet.told, damage: null });
    await tablet.write(1);
    assert.deepEqual(tablet.file(JOURNAL).read().slice(0, MEASURED.length), MEASURED);
    tablet.alter(JOURNAL, (bytes) => bytes.slice(0, -1));
    assert.equal((await tablet.open()).opened.damage, "short");
  });

  test("has a torn tail, or damage before a whole record", async () => {
    const torn = await old();
    torn.alter(JOURNAL, (bytes) => bytes.slice(0, -3));
    assert.deepEqual((await torn.open()).opened, { texts: torn.told.slice(0, -1), damage: null });
    const damaged = await old();
    damaged.alter(JOURNAL, (bytes) => flip(bytes, 8 * 60));
    assert.equal((await damaged.open()).opened.damage, "unreadable");
  });
});

/**
 * The tab dies at one of the next changes or flushes of its files.
 * @param {Tablet} tablet @param {{isDead: boolean}} owner @param {number} after so many of them
 */
function dieLater(tablet, owner, after) {
  let left = after;
  for (const { handle } of tablet.files.values()) {
    if (!handle) continue;
    for (const name of /** @type {const} */ (["write", "truncate", "flush"])) {
      const real = /** @type {any} */ (handle)[name].bind(handle);
      Object.assign(handle, {
        [name]: (/** @type {any[]} */ ...about) => {
          if (left-- <= 0) owner.isDead = true;
          return real(...about);
        },
      });
    }
  }
}
