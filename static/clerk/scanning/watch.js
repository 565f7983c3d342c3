/**
 * Notices that the camera gives no more pictures: it was muted by the system, paused, or taken by another program, and no event says so.
 * Pure: times are parameters.
 */

export const PICTURE_MS = 4_000;
/** Some cameras take so long for their first. */
export const FIRST_PICTURE_MS = 10_000;
/** What runs so long has worked: whatever stopped it counts anew. */
export const STEADY_MS = 60_000;
export const RESTARTS_MAX = 3;
/** A look that comes so late says that the page itself stood still, as in a tablet that slept. */
const LATE_MS = 3_000;

/** @typedef {"again" | "stopped"} Remedy  start the camera anew; or say that it has stopped, for that was in vain */

export class Watch {
  #startedAt = 0;
  #pictureAt = 0;
  #limitMs = FIRST_PICTURE_MS;
  #lookedAt = 0;
  #restarts = 0;

  /** The camera starts. @param {number} at ms */
  start(at) {
    this.#startedAt = at;
    this.#pictureAt = at;
    this.#lookedAt = at;
    this.#limitMs = FIRST_PICTURE_MS;
  }

  /** A picture came. @param {number} at ms */
  picture(at) {
    this.#pictureAt = at;
    this.#limitMs = PICTURE_MS;
  }

  /** Call it every second while the camera runs. @param {number} at ms @returns {Remedy | null} null: pictures come */
  look(at) {
    if (at - this.#lookedAt > LATE_MS) this.#pictureAt = at;
    this.#lookedAt = at;
    return at - this.#pictureAt > this.#limitMs ? this.stop(at) : null;
  }

  /** The camera stopped by itself. @param {number} at ms @returns {Remedy} */
  stop(at) {
    if (at - this.#startedAt > STEADY_MS) this.#restarts = 0;
    this.#restarts++;
    if (this.#restarts <= RESTARTS_MAX) return "again";
    this.#restarts = 0;
    return "stopped";
  }
}
