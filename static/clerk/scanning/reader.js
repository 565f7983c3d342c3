/**
 * The reader: a worker that finds codes in frames, one frame at a time. If it fails, or does not answer, it is started anew.
 *
 * The clock and the worker are parameters.
 */

/** A slow tablet compiles the reader for seconds, once; a frame it reads in less than one. */
export const READY_MS = 20_000;
export const ANSWER_MS = 5_000;
/** How often in a row it is started anew before it is called broken. */
export const FAILURES_MAX = 3;

/** @typedef {{texts: string[], at: number, ms: number}} Sighting  `at`: capture of the frame (performance.now); `ms`: of reading it */
/** @typedef {{ready?: true, failed?: true} & Partial<Sighting>} Answer */

export class Reader {
  #makeWorker;
  #now;
  #onRead;
  #onBroken;
  /** @type {Worker | null} */
  #worker = null;
  #isReady = false;
  #isReading = false;
  #waitsSince = 0;
  #failures = 0;

  /** @param {{makeWorker: () => Worker, now: () => number, onRead: (sighting: Sighting) => unknown, onBroken: () => unknown}} parts */
  constructor({ makeWorker, now, onRead, onBroken }) {
    this.#makeWorker = makeWorker;
    this.#now = now;
    this.#onRead = onRead;
    this.#onBroken = onBroken;
  }

  /** Whether it waits for a frame. */
  get isFree() {
    return this.#worker !== null && this.#isReady && !this.#isReading;
  }

  /** Starts it, unless it runs. */
  start() {
    if (this.#worker) return;
    const worker = this.#makeWorker();
    this.#worker = worker;
    this.#isReady = false;
    this.#isReading = false;
    this.#waitsSince = this.#now();
    worker.addEventListener("message", ({ data }) => worker === this.#worker && this.#answered(data));
    worker.addEventListener("error", () => worker === this.#worker && this.#failed());
  }

  /** @param {VideoFrame | ImageBitmap} frame which is closed @param {number} at */
  read(frame, at) {
    if (!this.isFree) return frame.close();
    this.#isReading = true;
    this.#waitsSince = this.#now();
    this.#worker?.postMessage({ frame, at }, [frame]);
  }

  /** Call it every second: notices that no answer comes. */
  look() {
    const waits = this.#now() - this.#waitsSince;
    if (this.#worker && !this.isFree && waits > (this.#isReady ? ANSWER_MS : READY_MS)) this.#failed();
  }

  /** @param {Answer} answer */
  #answered({ ready, failed, texts = [], at = 0, ms = 0 }) {
    if (failed) return this.#failed();
    if (ready) {
      this.#isReady = true;
      return;
    }
    this.#isReading = false;
    this.#failures = 0;
    this.#onRead({ texts, at, ms });
  }

  #failed() {
    this.#worker?.terminate();
    this.#worker = null;
    this.#failures++;
    if (this.#failures < FAILURES_MAX) return this.start();
    this.#failures = 0;
    this.#onBroken();
  }
}
