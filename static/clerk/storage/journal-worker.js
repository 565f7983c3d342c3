/**
 * Writes the journal file. Its sync access handle is exclusive, which also ensures that only one tab writes.
 *
 * Messages: {id, call: "open" | "append" | "retire" | "retired" | "read", text?}; answers: {id, value} or {id, error}.
 * Nothing is deleted: bytes are copied to a file of their own before they are cut from the journal.
 */
import { HEADER, readRecords, writeRecord } from "./records.js";

const FILE = "journal.redeem";
const RETIRED = /^journal-retired-\d+\.redeem$/;
const OPEN_TRIES = 15;
const OPEN_PAUSE_MS = 100;

/** @type {FileSystemSyncAccessHandle | null} */
let handle = null;
let size = 0;

/** @type {Record<string, (text: string) => Promise<unknown>>} */
const calls = {
  open: async () => {
    const root = await navigator.storage.getDirectory();
    const file = await root.getFileHandle(FILE, { create: true });
    handle = await exclusively(file);
    return handle ? await load(handle) : null;
  },
  append: async (text) => append(opened(), writeRecord(text)),
  // The tablet becomes another device: keep the journal under another name, and begin an empty one.
  retire: async () => {
    const whole = readAll(opened());
    if (whole.length > HEADER.length) await setAside(whole, "retired");
    begin(opened());
  },
  retired: async () => {
    const names = [];
    for await (const name of (await navigator.storage.getDirectory()).keys()) if (RETIRED.test(name)) names.push(name);
    return names;
  },
  read: async (name) => {
    const file = await (await navigator.storage.getDirectory()).getFileHandle(name);
    return readRecords(new Uint8Array(await (await file.getFile()).arrayBuffer())).texts;
  },
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

/** @param {FileSystemSyncAccessHandle} file @returns {Promise<string[]>} */
async function load(file) {
  const bytes = readAll(file);
  const { texts, whole } = readRecords(bytes);
  if (whole < bytes.length) await setAside(bytes, "torn");
  if (!whole) begin(file);
  else cut(file, whole);
  return texts;
}

/** @param {FileSystemSyncAccessHandle} file @param {Uint8Array<ArrayBuffer>} record */
function append(file, record) {
  try {
    writeAll(file, record, size);
    size += record.length;
  } catch (error) {
    cut(file, size); // half a record would make the next one unreadable
    throw error;
  }
}

/** @param {FileSystemSyncAccessHandle} file */
function begin(file) {
  file.truncate(0);
  writeAll(file, HEADER, 0);
  size = HEADER.length;
}

/** @param {FileSystemSyncAccessHandle} file @param {number} length */
function cut(file, length) {
  file.truncate(length);
  file.flush();
  size = length;
}

/** @param {Uint8Array<ArrayBuffer>} bytes @param {string} why */
async function setAside(bytes, why) {
  const root = await navigator.storage.getDirectory();
  const copy = await root.getFileHandle(`journal-${why}-${Date.now()}.redeem`, { create: true });
  const target = await copy.createSyncAccessHandle();
  writeAll(target, bytes, 0);
  target.close();
}

/** @param {FileSystemSyncAccessHandle} file @returns {Uint8Array<ArrayBuffer>} */
function readAll(file) {
  const bytes = new Uint8Array(file.getSize());
  file.read(bytes, { at: 0 });
  return bytes;
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
