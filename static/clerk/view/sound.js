/** A sound and a vibration for each state. Sounds are synthesised, so there are no files that could be missing offline. */

/** @typedef {"yes" | "given" | "already" | "no" | "ask" | "risk"} Signal */

/**
 * Notes as [Hz, start, length] in seconds, and the vibration in ms. A rising sound is good, a falling one is not.
 * @type {Record<Signal, {notes: [number, number, number][], shake: number[]}>}
 */
// biome-ignore format: a table
const SIGNALS = {
  yes: { notes: [[880, 0, 0.09]], shake: [40] },
  given: { notes: [[660, 0, 0.1], [880, 0.1, 0.1], [1320, 0.2, 0.18]], shake: [60, 40, 120] },
  already: { notes: [[440, 0, 0.14], [440, 0.2, 0.14]], shake: [150, 80, 150] },
  no: { notes: [[440, 0, 0.16], [294, 0.17, 0.3]], shake: [300] },
  risk: { notes: [[880, 0, 0.09], [587, 0.12, 0.16]], shake: [40, 40, 120] },
  ask: { notes: [[587, 0, 0.12], [587, 0.2, 0.12], [587, 0.4, 0.12]], shake: [80, 60, 80, 60, 80] },
};

const VOLUME = 0.2;
/** A sound that comes later than this belongs to nothing on the screen any more. */
const LATE_MS = 500;

/** @type {AudioContext | null} */
let audio = null;

let isOn = true;

/** Whether there is a sound with each state; the vibration stays. @param {boolean} on */
export function switchSound(on) {
  isOn = on;
}

/** Starts audio. Browsers allow sound only after a touch or key, so this is called on each. A call or another program may take it away. */
export function wakeSound() {
  if (audio?.state !== "running") void resume();
}

/** Resolves once there is sound again, or it is plain that there is none now: the next touch tries again. */
async function resume() {
  if (!audio || audio.state === "closed") audio = new AudioContext();
  await audio.resume().catch(() => undefined);
}

/** @param {Signal} name */
export function signal(name) {
  const { notes, shake } = SIGNALS[name];
  if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(shake);
  if (!audio || !isOn) return;
  if (audio.state === "running") return play(notes);
  const wantedAt = performance.now();
  void resume().then(() => {
    if (performance.now() - wantedAt < LATE_MS) play(notes);
  });
}

/** @param {[number, number, number][]} notes */
function play(notes) {
  if (audio?.state === "running") for (const note of notes) playNote(audio, note);
}

/** @param {AudioContext} context @param {[number, number, number]} note */
function playNote(context, [frequency, start, length]) {
  const begin = context.currentTime + start;
  const gain = new GainNode(context, { gain: 0 });
  gain.gain.linearRampToValueAtTime(VOLUME, begin + 0.01);
  gain.gain.setValueAtTime(VOLUME, begin + length - 0.03);
  gain.gain.linearRampToValueAtTime(0, begin + length);
  const tone = new OscillatorNode(context, { frequency, type: "triangle" });
  tone.connect(gain).connect(context.destination);
  tone.start(begin);
  tone.stop(begin + length);
}
