/** IndexedDB for one tab: the interface of store.js over a plain object that outlives the tab. */

/** @import { Disk } from "./disk.js" */
/** @import { Store } from "../../../static/clerk/storage/store.js" */

/** A dead tab reads nothing and writes nothing. @param {Disk} disk @param {{isDead: boolean}} tab @returns {Store} */
export function storeOver(disk, tab) {
  const alive = async () => void (tab.isDead && (await new Promise(() => undefined)));
  const get = async (/** @type {string} */ name) => {
    await alive();
    return structuredClone(disk.memory[name]);
  };
  const put = async (/** @type {string} */ name, /** @type {any} */ value) => {
    await alive();
    disk.memory[name] = structuredClone(value);
  };
  const own = {
    acknowledged: async () => (await get("acknowledged")) ?? 0,
    copies: async () => (await get("copies")) ?? [],
    settings: async () => (await get("settings")) ?? {},
    beginEnrolment: (/** @type {any} */ enrolment) => put("enrolment", enrolment),
    forgetEnrolment: () => put("enrolment", undefined),
    enrolled: async (/** @type {any} */ device) => {
      await alive();
      const { settings, copies = [], snapshot } = disk.memory;
      disk.memory = { settings, copies: [...copies, ...(snapshot?.copies ?? [])], device: structuredClone(device) };
    },
  };
  const found = (/** @type {string} */ name) =>
    name.startsWith("put") ? (/** @type {any} */ value) => put(name[3].toLowerCase() + name.slice(4), value) : () => get(name);
  return /** @type {Store} */ (
    /** @type {unknown} */ (new Proxy(own, { get: (known, name) => Reflect.get(known, name) ?? found(String(name)) }))
  );
}
