/**
 * Enrolment: the tablet makes a key that can't be exported, and registers its public half with a one-time link.
 *
 * The key is stored before it is sent: after a lost answer, the same key gets the same device.
 */
import { Refused } from "./api.js";
import { toBase64url } from "../domain/bytes.js";
import { ownerOf, ownerRecord } from "../storage/journal.js";

/** @import { Api } from "./api.js" */
/** @import { JournalFile, Opened } from "../storage/journal-file.js" */
/** @import { DeviceRecord, EnrolmentRecord, Store } from "../storage/store.js" */

const TIMEOUT_MS = 15_000;
const KEY_IS_KNOWN = "conflict";

/** The token of an enrolment link, `…/clerk/#enrol=TOKEN`; null for any other text. @param {string} text */
export const enrolmentToken = (text) => /#enrol=([\w.~-]+)$/.exec(text.trim())?.[1] ?? null;

/**
 * @param {string} token @param {{api: Api, store: Store, file: JournalFile, opened: Opened}} parts  `opened`: the file as it was opened
 * @returns {Promise<DeviceRecord>} Throws NoAnswer (try the same again) or Refused.
 */
export async function enrol(token, { api, store, file, opened }) {
  const { device, keys } = await registerOrResume(token, api, store);
  await begin(device.id, file, opened, device.proof);
  const record = { ...device, keys };
  await store.enrolled(record);
  return record;
}

/**
 * If the answer to another link was lost, tries that link first: the server may have enrolled this tablet with it.
 * @param {string} token @param {Api} api @param {Store} store
 */
async function registerOrResume(token, api, store) {
  const unanswered = await store.enrolment();
  if (unanswered && unanswered.token !== token) {
    try {
      return { device: await register(unanswered.token, unanswered.keys, api, store), keys: unanswered.keys };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  }
  return registerWithKnownKey(token, api, store);
}

/**
 * Registers the tablet's present key if it has one: a restored server may have lost the device, and only this key proves its entries.
 * If the server knows the key, as that of a revoked device, a new key is made.
 * @param {string} token @param {Api} api @param {Store} store
 */
async function registerWithKnownKey(token, api, store) {
  const { keys } = await resumeOrBegin(token, store);
  try {
    return { device: await register(token, keys, api, store), keys };
  } catch (error) {
    if (!(error instanceof Refused && error.code === KEY_IS_KNOWN)) throw error;
    const fresh = await keepEnrolment(token, await makeKeys(), store);
    return { device: await register(token, fresh.keys, api, store), keys: fresh.keys };
  }
}

/** @param {string} token @param {Store} store @returns {Promise<EnrolmentRecord>} */
async function resumeOrBegin(token, store) {
  const kept = await store.enrolment();
  if (kept?.token === token) return kept;
  const device = await store.device();
  return keepEnrolment(token, device?.keys ?? (await makeKeys()), store);
}

/** @param {string} token @param {CryptoKeyPair} keys @param {Store} store @returns {Promise<EnrolmentRecord>} */
async function keepEnrolment(token, keys, store) {
  const enrolment = { token, keys };
  await store.beginEnrolment(enrolment);
  return enrolment;
}

/**
 * @param {string} token @param {CryptoKeyPair} keys @param {Api} api @param {Store} store
 * @returns {Promise<{id: string, name: string, proof?: string}>}
 */
async function register(token, keys, api, store) {
  const publicKey = new Uint8Array(await crypto.subtle.exportKey("raw", keys.publicKey));
  try {
    const { device, proof } = await api.post(
      "/clerk/enrol",
      { v: 1, token, public_key: toBase64url(publicKey) },
      { timeoutMs: TIMEOUT_MS },
    );
    return { id: device.id, name: device.name, proof };
  } catch (error) {
    if (error instanceof Refused) await store.forgetEnrolment();
    throw error;
  }
}

/**
 * Begins the device's journal, unless the file is that journal already. Whatever else is in the file is set aside.
 * @param {string} deviceId @param {JournalFile} file @param {Opened} opened the file as it was opened @param {string} [proof] of the device
 */
async function begin(deviceId, file, { texts, damage }, proof) {
  if (!damage && ownerOf(texts) === deviceId) return;
  if (damage || texts.length) await file.retire();
  await file.append(ownerRecord(deviceId, proof));
}

/** @returns {Promise<CryptoKeyPair>} not extractable: the private half signs here and can't be copied */
const makeKeys = async () => /** @type {CryptoKeyPair} */ (await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]));
