import "fake-indexeddb/auto";
import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { StorageError } from "../../../static/clerk/storage/journal-file.js";
import { Store } from "../../../static/clerk/storage/store.js";

/** The connections that were opened. @type {IDBDatabase[]} */
const opened = [];
const open = IDBFactory.prototype.open;
IDBFactory.prototype.open = function (...which) {
  const request = open.apply(this, which);
  request.addEventListener("success", () => opened.push(request.result));
  return request;
};

/** What a browser does to clear up, or after a fault of its own. */
function closeAll() {
  for (const database of opened.splice(0)) database.close();
}

describe("a database that the browser closes under the page", () => {
  /** @type {Store} */
  let store;
  beforeEach(async () => {
    store = await Store.open();
    await store.changeSettings({ language: "ru" });
    closeAll();
  });

  test("is opened again to read", async () => assert.deepEqual(await store.settings(), { language: "ru" }));
  test("is opened again to write", async () => {
    await store.putAcknowledged(42);
    assert.equal(await store.acknowledged(), 42);
  });
  test("is opened again to forget", async () => {
    await store.forgetEnrolment();
    assert.equal(await store.enrolment(), undefined);
  });
  test("is opened again to begin as another device, which keeps the settings alone", async () => {
    await store.putAcknowledged(42);
    closeAll();
    const keys = /** @type {CryptoKeyPair} */ ({});
    await store.enrolled({ id: "dev_1", name: "Till 1", keys });
    assert.deepEqual([await store.device(), await store.acknowledged()], [{ id: "dev_1", name: "Till 1", keys }, 0]);
    assert.deepEqual(await store.settings(), { language: "ru" });
  });
  test("keeps for another device what the server has sealed for it", async () => {
    const keys = /** @type {CryptoKeyPair} */ ({});
    await store.putSnapshot(/** @type {any} */ ({ etag: "1", copies: ["keys", "a campaign"] }));
    await store.enrolled({ id: "dev_1", name: "Till 1", keys });
    assert.deepEqual([await store.copies(), await store.snapshot()], [["keys", "a campaign"], undefined]);
    await store.putSnapshot(/** @type {any} */ ({ etag: "2", copies: ["newer keys"] }));
    await store.enrolled({ id: "dev_2", name: "Till 1", keys });
    assert.deepEqual(await store.copies(), ["keys", "a campaign", "newer keys"]);
    await store.putCopies([]);
  });
  test("is opened again each time", async () => {
    for (const last of [1, 2, 3]) {
      closeAll();
      await store.putAcknowledged(last);
    }
    assert.equal(await store.acknowledged(), 3);
  });
  test("is a fault of storage if it can't be opened any more", async () => {
    const working = IDBFactory.prototype.open;
    IDBFactory.prototype.open = () => {
      throw new DOMException("no space", "UnknownError");
    };
    try {
      await assert.rejects(store.settings(), StorageError);
    } finally {
      IDBFactory.prototype.open = working;
    }
  });
});

test("another fault is not taken for a closed database", async () => {
  const store = await Store.open();
  const before = opened.length;
  const uncloneable = /** @type {any} */ ({ language: () => undefined });
  await assert.rejects(store.changeSettings(uncloneable), { name: "DataCloneError" });
  assert.equal(opened.length, before);
});
