/** What a verdict tells the clerk: state, word, reason, and what the customer can do now. Pure. */
import { NOT_A_COUPON, RECOVERING, TOO_MANY } from "../knowledge/check.js";
import { Verdict, toDate } from "../domain/rules.js";
import { date, dayAndMonth, t, time } from "../view/strings.js";

/**
 * @typedef {"yes" | "already" | "no" | "ask" | "risk"} State
 * @typedef {{now: number, zone: string, clerk: string | null, device: string, store: string, closed?: boolean,
 *   lastDay?: number, from?: string | null}} Where
 * @typedef {{state: State, word: string, because: string, advice: string}} Explanation
 */

/** @type {Record<string, (details: Record<string, any>, where: Where) => Explanation>} */
const EXPLAIN = {
  at_risk: (details, where) => ({
    state: "risk",
    word: t("Give at risk"),
    because: t("There is no connection, so this coupon may have been given already."),
    advice: details.holder?.device
      ? t(
          "{name} can give it without that risk, as of {time}. Here it counts against this tablet's allowance.",
          holderAndTime(details, where),
        )
      : t("The campaign allows a few such gifts. This one counts against this tablet's allowance."),
  }),
  offline: (details, where) =>
    details.holder ? lastKnownHolder(details, where) : details.unknownCampaign ? unknownCampaign() : noConnection(),
  [RECOVERING]: () => ({
    state: "ask",
    word: t("Not just now"),
    because: t("The shop's server is being restored, and nobody knows yet whether this coupon has been given."),
    advice: t("Do not give the gift. Try again later, or ask the customer to come another time."),
  }),
  [TOO_MANY]: ({ retry_after: seconds }) => ({
    state: "ask",
    word: t("Scan it, or wait"),
    because: t("Many wrong codes were typed on this tablet."),
    advice: t("Scan the QR of the coupon. The next code can be typed in {n} s.", { n: seconds ?? 0 }),
  }),
  [Verdict.GOOD]: () => ({ state: "yes", word: t("Valid coupon"), because: t("Not given yet."), advice: "" }),
  [Verdict.ALREADY_REDEEMED]: (details, where) => ({
    state: "already",
    word: t("Already given"),
    because: details.redeemed_at ? givenSentence(details, where) : t("The shop's last list says that it was given."),
    advice: t("Do not give it again. A customer who did not get the gift can ask the shop that sent the coupon."),
  }),
  [Verdict.VOID]: () => declined(t("Voided"), t("The shop has voided this coupon."), t("The customer can ask the shop that sent it.")),
  [Verdict.COMPROMISED_KEY]: () =>
    declined(
      t("Withdrawn"),
      t("This coupon's key was withdrawn, so it is not good any more."),
      t("The shop gives a new coupon: the customer can ask the shop that sent it."),
    ),
  [Verdict.EXPIRED]: (_details, { lastDay, zone }) =>
    declined(
      t("Expired"),
      lastDay === undefined ? t("It is too late for this coupon.") : t("It was valid until {date}.", { date: date(toDate(lastDay), zone) }),
      t("The customer can ask the shop that sent it."),
    ),
  [Verdict.NOT_YET_VALID]: (_details, { from, zone }) =>
    declined(
      t("Not valid yet"),
      from ? t("It is valid from {date}.", { date: date(from, zone) }) : t("It is too early for this coupon."),
      t("The customer is welcome to come again then. The dates are on the coupon's page: open its QR with a phone's camera."),
    ),
  [Verdict.WRONG_STORE]: (_details, { closed }) =>
    closed
      ? declined(
          t("Not for this store"),
          t("The shop has closed this store: no gift is given here."),
          t("The coupon's page lists the stores that give it: the customer can open its QR with a phone's camera."),
        )
      : declined(
          t("Not for this store"),
          t("This coupon is good at other stores."),
          t("They are listed on the coupon's page: the customer can open its QR with a phone's camera."),
        ),
  [Verdict.UNKNOWN_COUPON]: () =>
    declined(
      t("Not our coupon"),
      t("This shop has not issued it, or the code was changed."),
      t("Type the code printed under the QR. If that does not work either, the customer can ask the shop that sent it."),
    ),
  [NOT_A_COUPON]: () =>
    declined(t("Not a coupon"), t("This code holds something else."), t("Scan the coupon's own QR, or type the code printed under it.")),
  [Verdict.HELD_ELSEWHERE]: (details) => ({
    state: "ask",
    word: askWord(details),
    because: t("{name} can give it.", { name: holderName(details) }),
    advice: details.holder?.online
      ? t("Bring the coupon to this tablet, or send the customer there.")
      : t("Send the customer there. It does not answer just now, so the gift can't be given here."),
  }),
};

/**
 * @param {string} code a Verdict, `not_a_coupon`, `unsure`, `offline`, `at_risk`, `recovering` or `too_many`
 * @param {Record<string, any>} details @param {Where} where
 */
export function explain(code, details, where) {
  return (EXPLAIN[code] ?? unconfirmed)(details, where);
}

/** @returns {Explanation} */
export const unconfirmed = () => ({
  state: "ask",
  word: t("Not confirmed"),
  because: t("There is no answer from the shop, so this coupon may have been given already."),
  advice: t("Do not give the gift. Try again in a moment."),
});

/** The word for a coupon that another till of this store, or another store, can give. @param {Record<string, any>} details */
const askWord = ({ holder }) => (holder?.store && !holder.device ? t("Ask another store") : t("Ask another tablet"));

/** Without a connection. It may last, so the customer can come another time. @returns {Explanation} */
const noConnection = () => ({
  ...unconfirmed(),
  advice: t("Do not give the gift. Try again in a moment, or ask the customer to come another time."),
});

/** Without a connection, and the campaign is not in the snapshot. @returns {Explanation} */
const unknownCampaign = () => ({
  state: "ask",
  word: t("Not confirmed"),
  because: t("There is no connection, and this tablet has not heard of the campaign yet."),
  advice: t("Do not give the gift. Bring the tablet online, then try again."),
});

/**
 * Without a connection: who could give it as of the last sync.
 * @param {Record<string, any>} details @param {Where} where @returns {Explanation}
 */
const lastKnownHolder = (details, where) => ({
  state: "ask",
  word: askWord(details),
  because: t("{name} can give it, as of {time}.", holderAndTime(details, where)),
  advice: t("Send the customer there. There is no connection, so the gift can't be given here."),
});

/** @param {Record<string, any>} details @param {Where} where */
const holderAndTime = (details, where) => ({ name: holderName(details), time: dayOrTime(details.as_of, where) });

/** The time of day, or the date if it was not today. @param {number} then @param {Where} where */
function dayOrTime(then, { now, zone }) {
  const day = dayAndMonth(then, zone);
  return day === dayAndMonth(now, zone) ? time(then, zone) : day;
}

/** The name of who can give a held coupon: the device if it is known, otherwise the store. @param {Record<string, any>} details */
export const holderName = ({ holder }) => holder?.device?.name ?? holder?.store?.name ?? t("Another tablet");

/** "Given 40 s ago, by you, on this tablet." @param {Record<string, any>} details @param {Where} where */
function givenSentence(details, where) {
  const given = t("Given {when}", { when: since(Date.parse(details.redeemed_at), where.now, where.zone) });
  return `${[given, byClerk(details, where), atTill(details, where)].filter(Boolean).join(", ")}.`;
}

/** @param {Record<string, any>} details @param {Where} where */
function byClerk({ clerk }, where) {
  if (!clerk) return "";
  return clerk.id === where.clerk ? t("by you") : clerk.name ? t("by {name}", { name: clerk.name }) : "";
}

/** @param {Record<string, any>} details @param {Where} where */
function atTill({ here, device, store }, where) {
  if (here || device?.id === where.device) return t("on this tablet");
  if (!device) return t("at another partner");
  return store.id === where.store
    ? t("at {device}", { device: device.name })
    : t("at {device}, {store}", { device: device.name, store: store.name });
}

/** "40 s ago"; after an hour, the time of day or the date. @param {number} then @param {number} now @param {string} zone */
export function since(then, now, zone) {
  const seconds = Math.max(0, Math.round((now - then) / 1000));
  if (seconds < 60) return t("{n} s ago", { n: seconds });
  if (seconds < 3600) return t("{n} min ago", { n: Math.floor(seconds / 60) });
  const day = (/** @type {number} */ at) => date(new Date(at).toISOString(), zone);
  return day(then) === day(now)
    ? t("today at {time}", { time: time(then, zone) })
    : t("on {date} at {time}", { date: day(then), time: time(then, zone) });
}

/** @param {string} word @param {string} because @param {string} advice @returns {Explanation} */
const declined = (word, because, advice) => ({ state: "no", word, because, advice });
