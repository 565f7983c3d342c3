/** The line under the scanner: connection, age of the last list, entries not sent yet, and a wrong clock. Pure. */
import { clockFault } from "../knowledge/clock.js";
import { since } from "./explain.js";
import { dayAndMonth, duration, t, time } from "../view/strings.js";

/** @import { Sync } from "../server/sync.js" */

const DAY_MS = 86_400_000;

/**
 * @param {Sync} sync @param {number} now @param {string} zone
 * @returns {{sync: string, state: string}} the words, and the class of the dot
 */
export function syncLine(sync, now, zone) {
  const n = sync.waiting;
  if (sync.online === null) return { sync: t("Connecting · {n} waiting", { n }), state: "" };
  if (sync.refused && sync.online) return { sync: t("Not accepted by the shop · {n} waiting", { n }), state: "is-no" };
  const parts = sync.online
    ? [onlineWords(sync, now, zone), restoring(sync), withManager(sync)]
    : [offlineWords(sync, now, zone), listWords(sync, now, zone)];
  const clock = clockWords(sync, now);
  return {
    sync: [...parts, clock].filter(Boolean).join(" · "),
    state: sync.online && !sync.quarantined && !sync.recovering && !clock ? "is-yes" : "is-ask",
  };
}

/** @param {Sync} sync @param {number} now @param {string} zone */
const onlineWords = (sync, now, zone) =>
  t("Online · synced {when} · {n} waiting", { when: since(sync.syncedAt ?? now, now, zone), n: sync.waiting });

/** @param {Sync} sync */
const restoring = ({ recovering }) => (recovering ? t("the shop's server is being restored") : "");

/** @param {Sync} sync */
const withManager = ({ quarantined: n }) => (n ? t("{n} with a manager", { n }) : "");

/** @param {Sync} sync @param {number} now @param {string} zone */
const offlineWords = (sync, now, zone) =>
  t("Offline since {time} · {n} waiting", { time: time(sync.offlineSince ?? now, zone), n: sync.waiting });

/** How old the last list is: a time of day, or a date after 24 hours. @param {Sync} sync @param {number} now @param {string} zone */
function listWords({ syncedAt }, now, zone) {
  if (syncedAt === null) return "";
  return t("list of {time}", { time: now - syncedAt < DAY_MS ? time(syncedAt, zone) : dayAndMonth(syncedAt, zone) });
}

/** @param {Sync} sync @param {number} now */
function clockWords(sync, now) {
  const fault = clockFault(sync, now);
  if (fault?.kind === "fast") return t("clock {time} fast", { time: duration(fault.ms) });
  if (fault?.kind === "slow") return t("clock {time} slow", { time: duration(fault.ms) });
  return fault ? t("clock was set back") : "";
}
