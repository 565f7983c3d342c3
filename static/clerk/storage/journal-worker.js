/**
 * Writes the journal file, and beside it its flushed length. Its sync access handle is exclusive, which also ensures that only one tab
 * writes.
 *
 * Messages: {id, call, text?}, the calls are those of journal-file.js; answers: {id, value} or {id, error}.
 * Nothing is deleted: bytes are copied to a file of their own before they are cut from the journal. A damaged file is left as it is.
 */
import { readJournal } from "./damage.js";
import { placeOf, readLengths, writeLength } from "./lengths.js";
import { HEADER, MEASURED, readRecords, salvage, startsWith, writeRecord } from "./records.js";

/** @import { Damage } from "./damage.js" */

const FILE = "journal.redeem";
const LENGTHS = "journal-lengths.redeem";
const SET_ASIDE = /^journal-(retired|damaged)-\d+\.redeem$/;
const OPEN_TRIES = 15;
const OPEN_PAUSE_MS = 100;

/** @type {FileSystemSyncAccessHandle | null} */
let handle = null;
/** @type {FileSystemSyncAccessHandle | null} */
let lengths = null;
let size = 0;
/** Of the length that was written last. */
let sequence = 0;
/** @type {Damage | null} */
let damage = null;

/** @type {Record<string, (text: string) => Promise<unknown>>} */
const calls = {
  open: async () => {
    const root = await navigator.storage.getDirectory();
    // Made before the journal, so that no power cut leaves a journal without them.
    const beside = await root.getFileHandle(LENGTHS, { create: true });
    const file = await root.getFileHandle(FILE, { create: true });
    handle = await exclusively(file);
    lengths = handle && (await exclusively(beside));
    return handle && lengths ? load(handle) : null;
  },
  append: async (text) => append(opened(), writeRecord(text)),
  // The tablet becomes another device: keep the journal under another name, and begin an empty one.
  retire: async () => {
    const whole = readAll(opened());
    if (whole.length > HEADER.length) await setAside(whole, damage ? "damaged" : "retired");
    begin(opened());
  },
  earlier: async () => {
    const names = [];
    for await (const name of (await navigator.storage.getDirectory()).keys()) if (SET_ASIDE.test(name)) names.push(name);
    return names;
  },
  // Every whole record, also behind damage.
  read: async (name) => {
    const bytes = await bytesOf(name);
    return [...salvage(bytes, readRecords(bytes).whole && HEADER.length)].map(({ text }) => text);
  },
  bytes: async (name) => (name === FILE ? readAll(opened()) : bytesOf(name)),
};

addEventListener("message", async ({ data: { id, call, text } }) => {
  try {
    postMessage({ id, value: await calls[call](text) });
  } catch (error) {
    postMessage({ id, error: String(error) });
  }
});

/**
 * Opens the file, or returns null if another tab has it. A page that was just closed may still hold it for a moment.
 * @param {FileSystemFileHandle} file
 */
async function exclusively(file) {
  for (let left = OPEN_TRIES; left > 0; left--) {
    try {
      return await file.createSyncAccessHandle();
    } catch (error) {
      if (!(error instanceof DOMException && error.name === "NoModificationAllowedError")) throw error;
      await new Promise((resolve) => setTimeout(resolve, OPEN_PAUSE_MS));
    }
  }
  return null;
}

/**
 * A torn tail is set aside and cut off. A damaged file is not touched.
 * @param {FileSystemSyncAccessHandle} file @returns {Promise<{texts: string[], damage: Damage | null}>}
 */
async function load(file) {
  const bytes = readAll(file);
  const kept = readLengths(readAll(measure()));
  const { texts, whole, damage: found } = readJournal(bytes, kept);
  sequence = kept.newest?.sequence ?? 0;
  damage = found;
  if (damage) return { texts, damage };
  // A kill may have left a length, and a whole record behind it, that were written and not flushed. They count from now on.
  measure().flush();
  if (whole < bytes.length) await setAside(bytes, "torn");
  if (!whole) begin(file);
  else cut(file, whole); // flushes, too
  if (!kept.newest) keepFirstLengths();
  else if (kept.newest.length !== size || !kept.areWhole) keepLength();
  else if (startsWith(bytes, HEADER)) writeAll(file, MEASURED, 0); // an opening ago they were there already, so they are to be there
  return { texts, damage };
}

/** @param {FileSystemSyncAccessHandle} file @param {Uint8Array<ArrayBuffer>} record */
function append(file, record) {
  if (damage) throw new Error("the journal is damaged");
  const before = size;
  try {
    writeAll(file, record, before);
    size += record.length;
    keepLength();
  } catch (error) {
    cut(file, before); // half a record would make the next one unreadable
    keepLength();
    throw error;
  }
}

/** @param {FileSystemSyncAccessHandle} file */
function begin(file) {
  size = HEADER.length;
  keepFirstLengths(); // first: with less in the file than its length says it would be damaged
  writeAll(file, HEADER, 0);
  cut(file, HEADER.length);
  damage = null;
}

/** @param {FileSystemSyncAccessHandle} file @param {number} length */
function cut(file, length) {
  file.truncate(length);
  file.flush();
  size = length;
}

/** Keeps the flushed length in the place of the older one. */
function keepLength() {
  const next = sequence + 1;
  writeAll(measure(), writeLength({ sequence: next, length: size }), placeOf(next));
  sequence = next;
}

/** Keeps the flushed length in both places. */
function keepFirstLengths() {
  keepLength();
  keepLength();
}

/** Of a file that was set aside. @param {string} name @returns {Promise<Uint8Array<ArrayBuffer>>} */
async function bytesOf(name) {
  const file = await (await navigator.storage.getDirectory()).getFileHandle(name);
  return new Uint8Array(await (await file.getFile()).arrayBuffer());
}

/** @param {Uint8Array<ArrayBuffer>} bytes @param {string} why */
async function setAside(bytes, why) {
  const root = await navigator.storage.getDirectory();
  const copy = await root.getFileHandle(`journal-${why}-${Date.now()}.redeem`, { create: true });
  const target = await copy.createSyncAccessHandle();
  writeAll(target, bytes, 0);
  target.close();
}

/** A read that stops early is a file that ends there. @param {FileSystemSyncAccessHandle} file @returns {Uint8Array<ArrayBuffer>} */
function readAll(file) {
  const bytes = new Uint8Array(file.getSize());
  let done = 0;
  for (let more = bytes.length; more > 0 && done < bytes.length; done += more) more = file.read(bytes.subarray(done), { at: done });
  return bytes.slice(0, done);
}

/** @param {FileSystemSyncAccessHandle} file @param {Uint8Array<ArrayBuffer>} bytes @param {number} at */
function writeAll(file, bytes, at) {
  if (file.write(bytes, { at }) !== bytes.length) throw new Error("only a part of the entry was written");
  file.flush();
}

function opened() {
  if (!handle) throw new Error("the journal is not open");
  return handle;
}

function measure() {
  if (!lengths) throw new Error("the journal is not open");
  return lengths;
}
