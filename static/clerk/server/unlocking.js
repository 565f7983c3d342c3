/** Unlocking the tablet: the server checks the PIN; without a network the tablet does, if it has stored that PIN. */
import { NoAnswer, Refused } from "./api.js";

/** @import { Api, DeviceKey } from "./api.js" */
/** @import { Pins } from "./pins.js" */
/** @import { Snapshot } from "../knowledge/state.js" */

const TIMEOUT_MS = 6_000;

/**
 * @param {{api: Api, key: DeviceKey, pins: Pins, clerks: () => Snapshot["clerks"]}} parts  `clerks`: those of the snapshot
 * @returns {(clerk: string, pin: string) => Promise<{offline?: true}>} Throws Refused (wrong, or too many tries) or NoAnswer.
 */
export const unlocker =
  ({ api, key, pins, clerks }) =>
  async (clerk, pin) => {
    let answer;
    try {
      answer = await api.post("/clerk/unlock", { v: 1, clerk, pin }, { timeoutMs: TIMEOUT_MS, key });
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      const mark = clerks().find(({ id }) => id === clerk)?.pin;
      return unlockOffline(pins, { clerk, pin, mark }, error);
    }
    await pins.remember(clerk, pin, answer.pin);
    return {};
  };

/**
 * @param {Pins} pins @param {{clerk: string, pin: string, mark: string | undefined}} tried @param {NoAnswer} noAnswer
 * @returns {Promise<{offline: true}>}
 */
async function unlockOffline(pins, { clerk, pin, mark }, noAnswer) {
  const { answer, waitMs } = await pins.check(clerk, pin, mark);
  if (answer === "right") return { offline: true };
  if (answer === "wrong") throw new Refused(403, "wrong_pin");
  if (answer === "wait") throw new Refused(429, "too_many", Math.ceil(waitMs / 1000));
  throw noAnswer;
}
