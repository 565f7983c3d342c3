/** The camera: sends frames to the reader's worker, one at a time, and reports the codes that it reads. */

/** @typedef {{text: string, at: number, ms: number}} Sighting  `at` is when the frame was captured (performance.now) */

/** @typedef {"insecure" | "blocked" | "missing" | "busy" | "broken"} Trouble */

const WIDTH = 1280;
const HEIGHT = 720;

/** Why there is no scanning: no HTTPS, no permission, no camera, another program uses it, or the reader did not start. */
export class NoCamera extends Error {
  /** @param {Trouble} why */
  constructor(why) {
    super(why);
    this.why = why;
  }
}

/** @type {Record<string, "blocked" | "missing" | "busy">} */
const TROUBLES = {
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
  #onGone;
  #reading = false;
  #generation = 0;
  #readAt = -Infinity;
  #pauseMs = 0;
  #broken = false;
  #chosen = "";
  /** @type {MediaStream | null} */
  #stream = null;

  /**
   * @param {HTMLVideoElement} video @param {(sighting: Sighting) => void} onSight
   * @param {() => unknown} [onGone] the camera was unplugged, or its permission was withdrawn
   */
  constructor(video, onSight, onGone) {
    this.#video = video;
    this.#onSight = onSight;
    this.#onGone = onGone;
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
    const stream = await open(this.#chosen);
    if (generation !== this.#generation) return void stop(stream); // stopped while the browser asked for permission
    this.#stream = stream;
    stream.getVideoTracks()[0]?.addEventListener("ended", () => this.#ended(generation));
    this.#video.srcObject = stream;
    await this.#play(generation);
    this.#watch(generation);
    if (this.#broken) throw new NoCamera("broken");
  }

  /** Uses this camera from the next start on; empty: the one at the back. @param {string} id as in MediaDeviceInfo.deviceId */
  choose(id) {
    this.#chosen = id;
  }

  stop() {
    this.#generation++;
    if (this.#stream) stop(this.#stream);
    this.#stream = null;
    this.#reading = false;
    this.#video.srcObject = null;
  }

  /** Sets the pause between two readings. @param {number} pauseMs */
  pace(pauseMs) {
    this.#pauseMs = pauseMs;
  }

  /** Switches the camera's light. @param {boolean} on @returns {Promise<boolean>} whether it is on now */
  async light(on) {
    try {
      await this.#track?.applyConstraints(/** @type {any} */ ({ advanced: [{ torch: on }] }));
      return on;
    } catch {
      return false; // some phones announce a light and then refuse to switch it
    }
  }

  /** @param {number} generation */
  #ended(generation) {
    if (generation !== this.#generation) return;
    this.stop();
    this.#onGone?.();
  }

  get #track() {
    return this.#stream?.getVideoTracks()[0];
  }

  /** @param {number} generation */
  async #play(generation) {
    try {
      await this.#video.play();
    } catch {
      // If it was stopped before it began, as by a lock, that is not a failure.
      if (generation === this.#generation) throw new NoCamera("busy");
    }
  }

  /** @param {number} generation */
  #watch(generation) {
    this.#video.requestVideoFrameCallback((now, { captureTime }) => {
      if (generation !== this.#generation) return;
      if (!this.#reading && now - this.#readAt >= this.#pauseMs) void this.#send(now, captureTime ?? now);
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

/** @param {HTMLVideoElement} video @returns {Promise<VideoFrame | ImageBitmap | null>} null: no frame, wait for the next */
async function capture(video) {
  try {
    return "VideoFrame" in window ? new VideoFrame(video) : await createImageBitmap(video);
  } catch {
    return null;
  }
}

/** The cameras of this device. Browsers tell their names only with the permission to use them. */
export async function cameras() {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return all.filter(({ kind, deviceId }) => kind === "videoinput" && deviceId).map(({ deviceId: id, label }) => ({ id, label }));
}

/** @param {string} chosen @returns {Promise<MediaStream>} of the camera at the back, if the chosen one is gone */
async function open(chosen) {
  if (!navigator.mediaDevices?.getUserMedia) throw new NoCamera("insecure");
  try {
    return await picture(chosen ? { deviceId: { exact: chosen } } : { facingMode: { ideal: "environment" } });
  } catch (error) {
    const why = TROUBLES[error instanceof DOMException ? error.name : ""] ?? "busy";
    if (chosen && why === "missing") return open("");
    throw new NoCamera(why);
  }
}

/** @param {MediaTrackConstraints} which */
const picture = (which) =>
  navigator.mediaDevices.getUserMedia({ audio: false, video: { ...which, width: { ideal: WIDTH }, height: { ideal: HEIGHT } } });

/** @param {MediaStream} stream */
function stop(stream) {
  for (const track of stream.getTracks()) track.stop();
}
