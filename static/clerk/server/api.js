/**
 * Requests to the server, signed by the device as in RFC 9421: Ed25519 over method, path and the body's digest.
 *
 * There are two failures: `NoAnswer` (it is not known what happened, try again) and `Refused` (the server understood and said no).
 */
import { sha256, toBase64, utf8 } from "../domain/bytes.js";

/**
 * @typedef {{id: string, sign(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array>, proof?: string}} DeviceKey
 * @typedef {{timeoutMs: number, signal?: AbortSignal, key?: DeviceKey}} CallOptions
 * @typedef {{status: number, json: any, waitSeconds: number}} Reply
 */

export class NoAnswer extends Error {}

export class Refused extends Error {
  /** @param {number} status @param {string} code @param {number} [waitSeconds] how long to wait before another try */
  constructor(status, code, waitSeconds = 0) {
    super(`${status} ${code}`);
    this.status = status;
    this.code = code;
    this.waitSeconds = waitSeconds;
  }
}

export class Api {
  #fetch;
  #base;
  #now;

  /** @param {typeof globalThis.fetch} fetch @param {string} base origin of the server @param {() => number} now */
  constructor(fetch, base, now) {
    this.#fetch = fetch;
    this.#base = base;
    this.#now = now;
  }

  /**
   * @param {string} path @param {object} value @param {CallOptions} options
   * @returns {Promise<any>} the answer's JSON. Throws NoAnswer or Refused.
   */
  async post(path, value, options) {
    return this.#answer(await this.#call(path, value, options, readJson));
  }

  /**
   * @param {string} path @param {object} value @param {CallOptions} options
   * @returns {Promise<{bytes: Uint8Array<ArrayBuffer>, headers: Headers}>} Throws NoAnswer.
   */
  async postForBytes(path, value, options) {
    const { status, json } = await this.#call(path, value, options, readBytes);
    if (status !== 200) throw new NoAnswer(`status ${status}`);
    return json;
  }

  /** @param {string} path @param {object} value @param {CallOptions} options @param {(response: Response) => Promise<any>} read */
  async #call(path, value, { timeoutMs, signal, key }, read) {
    const body = utf8(JSON.stringify(value));
    const headers = { "Content-Type": "application/json", ...(key && (await signatureHeaders(key, path, body, this.#now()))) };
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), timeoutMs);
    signal?.addEventListener("abort", () => stop.abort(), { once: true });
    if (signal?.aborted) stop.abort();
    try {
      return await this.#send(path, { method: "POST", headers, body, signal: stop.signal, cache: "no-store", redirect: "error" }, read);
    } finally {
      clearTimeout(timer);
    }
  }

  /** @param {string} path @param {RequestInit} request @param {(response: Response) => Promise<any>} read @returns {Promise<Reply>} */
  async #send(path, request, read) {
    try {
      const response = await this.#fetch(this.#base + path, request);
      return { status: response.status, json: await read(response), waitSeconds: Number(response.headers.get("Retry-After")) };
    } catch (error) {
      // A time-out, no network, or a page of another server, such as a Wi-Fi log-in page with status 200.
      throw new NoAnswer(String(error));
    }
  }

  /** @param {Reply} reply */
  #answer({ status, json, waitSeconds }) {
    if (status >= 200 && status < 300) return json;
    if (status >= 500 || typeof json?.code !== "string") throw new NoAnswer(`status ${status}`);
    throw new Refused(status, json.code, waitSeconds);
  }
}

/** @param {Response} response */
const readJson = (response) => response.json();

/** @param {Response} response */
const readBytes = async (response) => ({ bytes: new Uint8Array(await response.arrayBuffer()), headers: response.headers });

/**
 * @param {DeviceKey} key @param {string} path @param {Uint8Array<ArrayBuffer>} body @param {number} now ms since 1970
 * @returns {Promise<Record<string, string>>}
 */
export async function signatureHeaders(key, path, body, now) {
  const digest = `sha-256=:${toBase64(await sha256(body))}:`;
  const parameters = `("@method" "@path" "content-digest");created=${Math.floor(now / 1000)};keyid="${key.id}";alg="ed25519"`;
  const base = `"@method": POST\n"@path": ${path}\n"content-digest": ${digest}\n"@signature-params": ${parameters}`;
  const signature = toBase64(await key.sign(utf8(base)));
  return { "Content-Digest": digest, "Signature-Input": `device=${parameters}`, Signature: `device=:${signature}:` };
}
