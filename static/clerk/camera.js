/** The camera: frames to the reader's worker, one at a time, and what it reads to the page. */

/** @typedef {{text: string, at: number, ms: number}} Sighting  `at` is when the frame was captured (performance.now) */

export const WIDTH = 1280;
export const HEIGHT = 720;

/** Why there is no picture: `insecure`, `blocked`, `missing`, `busy`. */
export class NoCamera extends Error {
  /** @param {"insecure" | "blocked" | "missing" | "busy"} why */
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
  /** @type {MediaStream | null} */
  #stream = null;

  /** @param {HTMLVideoElement} video @param {(sighting: Sighting) => void} onSight */
  constructor(video, onSight) {
    this.#video = video;
    this.#onSight = onSight;
    this.#worker.addEventListener("message", ({ data }) => this.#answered(data));
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
    await this.#video.play();
    this.#watch(generation);
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

  /** @param {boolean} on */
  async light(on) {
    await this.#track?.applyConstraints(/** @type {any} */ ({ advanced: [{ torch: on }] }));
  }

  get #track() {
    return this.#stream?.getVideoTracks()[0];
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
    const frame = "VideoFrame" in window ? new VideoFrame(this.#video) : await createImageBitmap(this.#video);
    if (generation !== this.#generation) return frame.close();
    this.#worker.postMessage({ frame, at }, [frame]);
  }

  /** @param {{ready?: boolean, text?: string | null, at: number, ms: number}} answer */
  #answered({ text, at, ms, ready }) {
    if (ready) return;
    this.#reading = false;
    if (text && this.#stream) this.#onSight({ text, at, ms });
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
