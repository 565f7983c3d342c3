/** The camera: sends frames to the reader's worker, one at a time, and reports the codes that it reads. */

import { Reader } from "./reader.js";
import { Watch } from "./watch.js";

/** @import { Sighting } from "./reader.js" */
/** @import { Remedy } from "./watch.js" */

/** @typedef {"insecure" | "blocked" | "missing" | "busy" | "broken" | "stopped"} Trouble */

const LOOK_EVERY_MS = 1_000;
const WIDTH = 1280;
const HEIGHT = 720;

/** Why there is no scanning: no HTTPS, no permission, no camera, another program uses it, the reader fails, or no pictures come. */
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
  #reader;
  #watch = new Watch();
  #video;
  #onSight;
  #onTrouble;
  #capturing = false;
  #generation = 0;
  #readAt = -Infinity;
  #pauseMs = 0;
  #chosen = "";
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #looking;
  /** @type {MediaStream | null} */
  #stream = null;

  /**
   * @param {HTMLVideoElement} video @param {(sighting: Sighting) => unknown} onSight
   * @param {(trouble: Trouble | null) => unknown} onTrouble  the camera has stopped by itself: null says that it may be started anew, as
   *   when it was unplugged
   */
  constructor(video, onSight, onTrouble) {
    this.#video = video;
    this.#onSight = onSight;
    this.#onTrouble = onTrouble;
    this.#reader = new Reader({
      makeWorker: () => new Worker(new URL("./camera-worker.js", import.meta.url), { type: "module" }),
      now: () => performance.now(),
      onRead: (sighting) => this.#read(sighting),
      onBroken: () => this.#end("broken"),
    });
    this.#reader.start();
    // If that is in vain, no more pictures come, and the watch sees it.
    video.addEventListener("pause", () => this.running && video.play().catch(() => undefined));
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
    this.#reader.start();
    this.#video.srcObject = stream;
    this.#begin(generation); // at once: without a picture, a video never says that it plays
    await this.#play(generation);
  }

  /** Uses this camera from the next start on; empty: the one at the back. @param {string} id as in MediaDeviceInfo.deviceId */
  choose(id) {
    this.#chosen = id;
  }

  stop() {
    this.#generation++;
    if (this.#stream) stop(this.#stream);
    this.#stream = null;
    clearInterval(this.#looking);
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
    if (generation === this.#generation) this.#cure(this.#watch.stop(performance.now()));
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
  #begin(generation) {
    this.#capturing = false;
    this.#watch.start(performance.now());
    this.#looking = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#await(generation);
  }

  /** Waits for the next picture. @param {number} generation */
  #await(generation) {
    this.#video.requestVideoFrameCallback((now, { captureTime }) => {
      if (generation !== this.#generation) return;
      const isDue = now - this.#readAt >= this.#pauseMs && this.#reader.isFree;
      if (isDue && !this.#capturing) void this.#send(now, captureTime ?? now);
      if (!isDue) this.#watch.picture(performance.now());
      this.#await(generation);
    });
  }

  /** @param {number} now @param {number} at */
  async #send(now, at) {
    this.#capturing = true;
    this.#readAt = now;
    const generation = this.#generation;
    const frame = await capture(this.#video);
    if (generation !== this.#generation) return frame?.close();
    this.#capturing = false;
    if (!frame) return;
    this.#watch.picture(performance.now());
    this.#reader.read(frame, at);
  }

  /** @param {Sighting} sighting */
  #read(sighting) {
    if (sighting.texts.length && this.#stream) this.#onSight(sighting);
  }

  #look() {
    this.#reader.look();
    const remedy = this.running && this.#watch.look(performance.now());
    if (remedy) this.#cure(remedy);
  }

  /** @param {Remedy} remedy */
  #cure(remedy) {
    this.#end(remedy === "again" ? null : remedy);
  }

  /** @param {Trouble | null} trouble */
  #end(trouble) {
    this.stop();
    this.#onTrouble(trouble);
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
