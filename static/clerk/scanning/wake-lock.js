/** Keeps the screen on while codes are read: a tablet that goes dark between two customers makes the second one wait. */

/** @type {WakeLockSentinel | null} */
let lock = null;
let wanted = false;
let asking = false;

/** The browser lets go by itself when the page is hidden; ask again when it is seen. @param {boolean} on */
export async function keepAwake(on) {
  wanted = on;
  if (!on) return release();
  if (asking || (lock && !lock.released) || !("wakeLock" in navigator) || document.visibilityState === "hidden") return;
  asking = true; // each screen asks, and a second lock would be held by nobody
  try {
    lock = await navigator.wakeLock.request("screen");
  } catch (error) {
    if (!(error instanceof DOMException)) throw error; // a low battery is reason enough for a browser to say no
  } finally {
    asking = false;
  }
  if (!wanted) await release();
}

async function release() {
  const held = lock;
  lock = null;
  await held?.release();
}
