/** The camera: frames to the reader's worker, one at a time, and what it reads to the page. */

/** @typedef {{text: string, at: number, ms: number}} Sighting  `at` is when the frame was captured (performance.now) */

/** @typedef {"insecure" | "blocked" | "missing" | "busy" | "broken"} Trouble */

export const WIDTH = 1280;
export const HEIGHT = 720;

/** Why nothing is scanned: no HTTPS, no leave, no camera, another program has it, or the reader did not start. */
export class NoCamera extends Error {
  /** @param {Trouble} why */
  constructor(why) {
    super(why);
    this.why = why;
  }
}

/** @type {Record<string, "blocked" | "missing" | "busy">} */
const WHY = {
  NotAllowedError: "blocked",
  SecurityError: "blocked",
  NotFoundError: "missing",
  OverconstrainedError: "missing",
  NotReadableError: "busy",
  AbortError: "busy",
};

export class Camera {
  #worker = new Worker(new URL("./camera-worker.js", import.meta.url), { type: "module" });
  #video;
  #onSight;
  #reading = false;
  #generation = 0;
  #readAt = -Infinity;
  #pauseMs = 0;
  #broken = false;
  /** @type {MediaStream | null} */
  #stream = null;

  /** @param {HTMLVideoElement} video @param {(sighting: Sighting) => void} onSight */
  constructor(video, onSight) {
    this.#video = video;
    this.#onSight = onSight;
    this.#worker.addEventListener("message", ({ data }) => this.#answered(data));
    this.#worker.addEventListener("error", () => (this.#broken = true));
  }

  get running() {
    return this.#stream !== null;
  }

  /** Whether the camera has a light to switch. */
  get hasTorch() {
    return Boolean(/** @type {any} */ (this.#track?.getCapabilities?.())?.torch);
  }

  /** Throws NoCamera. */
  async start() {
    if (this.#stream) return;
    const generation = ++this.#generation;
    const stream = await open();
    if (generation !== this.#generation) return void stop(stream); // stopped while the person was asked for leave
    this.#stream = stream;
    stream.getVideoTracks()[0]?.addEventListener("ended", () => this.stop());
    this.#video.srcObject = stream;
    await this.#play(generation);
    this.#watch(generation);
    if (this.#broken) throw new NoCamera("broken");
  }

  stop() {
    this.#generation++;
    if (this.#stream) stop(this.#stream);
    this.#stream = null;
    this.#reading = false;
    this.#video.srcObject = null;
  }

  /** How long to pause between two readings; while a verdict stands, a glance now and then is enough. @param {number} pauseMs */
  pace(pauseMs) {
    this.#pauseMs = pauseMs;
  }

  /** @param {boolean} on @returns {Promise<boolean>} whether it is lit now */
  async light(on) {
    try {
      await this.#track?.applyConstraints(/** @type {any} */ ({ advanced: [{ torch: on }] }));
      return on;
    } catch {
      return false; // some phones name a torch that they then refuse
    }
  }

  get #track() {
    return this.#stream?.getVideoTracks()[0];
  }

  /** @param {number} generation */
  async #play(generation) {
    try {
      await this.#video.play();
    } catch (error) {
      // Stopped before it began, as when the tablet is locked at once: that is no trouble.
      if (generation === this.#generation) throw new NoCamera("busy");
    }
  }

  /** @param {number} generation */
  #watch(generation) {
    this.#video.requestVideoFrameCallback((now, { captureTime }) => {
      if (generation !== this.#generation) return;
      if (!this.#reading && now - this.#readAt >= this.#pauseMs) this.#send(now, captureTime ?? now);
      this.#watch(generation);
    });
  }

  /** @param {number} now @param {number} at */
  async #send(now, at) {
    this.#reading = true;
    this.#readAt = now;
    const generation = this.#generation;
    const frame = await capture(this.#video);
    if (!frame || generation !== this.#generation) {
      this.#reading = false;
      return frame?.close();
    }
    this.#worker.postMessage({ frame, at }, [frame]);
  }

  /** @param {{ready?: boolean, broken?: boolean, text?: string | null, at: number, ms: number}} answer */
  #answered({ text, at, ms, ready, broken }) {
    if (broken) this.#broken = true;
    if (ready || broken) return;
    this.#reading = false;
    if (text && this.#stream) this.#onSight({ text, at, ms });
  }
}

/** @param {HTMLVideoElement} video @returns {Promise<VideoFrame | ImageBitmap | null>} null: this frame is gone, the next will do */
async function capture(video) {
  try {
    return "VideoFrame" in window ? new VideoFrame(video) : await createImageBitmap(video);
  } catch {
    return null;
  }
}

async function open() {
  if (!navigator.mediaDevices?.getUserMedia) throw new NoCamera("insecure");
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: false,
      video: { facingMode: { ideal: "environment" }, width: { ideal: WIDTH }, height: { ideal: HEIGHT } },
    });
  } catch (error) {
    throw new NoCamera(WHY[error instanceof DOMException ? error.name : ""] ?? "busy");
  }
}

/** @param {MediaStream} stream */
function stop(stream) {
  for (const track of stream.getTracks()) track.stop();
}
