/** Keeps the screen on while codes are read, so that no customer waits for a dark tablet. */

/** @type {WakeLockSentinel | null} */
let lock = null;
let wanted = false;
let asking = false;

/** Browsers release the lock of a hidden page: call this again when it is visible. @param {boolean} on */
export async function keepAwake(on) {
  wanted = on;
  if (!on) return release();
  if (asking || (lock && !lock.released) || !("wakeLock" in navigator) || document.visibilityState === "hidden") return;
  asking = true; // every screen calls this, and nobody would release a second lock
  try {
    lock = await navigator.wakeLock.request("screen");
  } catch (error) {
    if (!(error instanceof DOMException)) throw error; // browsers refuse it, for example on a low battery
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
