/**
 * What a journal means: pure, no clock, no storage, no network.
 *
 * An attempt is one try to redeem, named by the number of its `ask`. Its stages, and the entries that change them:
 *
 *     ask → asking ──gave──→ given ──done──→ done
 *              └──drop──→ dropped  └──undo──→ undone ←──undo── done
 *     gave-held, gave-at-risk → given
 *
 * A `move` takes the tablet to another store: it releases all holds, and earlier gifts count for the store before.
 *
 * Any other entry changes no stage: a `gave` after a `drop` is ignored, here as on the server (docs/protocol.md, rule 3).
 */
import { localDay } from "../domain/rules.js";
import { couponId, read } from "../domain/tokens.js";

/** @import { Terms } from "../domain/rules.js" */
/** @import { PublishedKey } from "../domain/tokens.js" */

/**
 * @typedef {{v: 1, n: number, prev: string, at: number, kind: string, coupon?: string, clerk?: string, of?: number,
 *   reason?: string, code?: string, offline?: boolean, short_code?: string, id?: string, typed?: string, epoch?: number, store?: string,
 *   clock?: number | "back", list?: number, grant?: string, proof?: string, yes?: string, receipt?: Receipt,
 *   device?: string, entry?: number, handed_over?: boolean}} Entry  `at`: by the device's clock, ms since 1970; `clock`: how many ms that
 *   clock was known to be ahead, or "back" if it was set back; `list`: the server's time of the last list; `grant`,
 *   `proof`, `yes`, `receipt`: what the server signed, of a hold, its short code, a yes, and how far it had heard
 * @typedef {"asking" | "given" | "done" | "dropped" | "undone"} Stage
 * @typedef {{ask: number, coupon: string, id: string, stage: Stage, askedAt: number, givenAt?: number, clerk?: string,
 *   reason?: string, shortCode?: string, atRisk?: boolean, unasked?: boolean}} Attempt  `coupon`: the signed text, empty for a typed code;
 *   `id`: `cpn_…`; `unasked`: given without asking the server
 * @typedef {{last: number, lastAt: number, clerk: string | null, attempts: Map<number, Attempt>, open: Map<number, Attempt>,
 *   standing: Map<string, Attempt>, takenBack: Map<string, number>, released: Map<string, number>, allReleased: number,
 *   moved: number, said: Set<string>}} Past  `takenBack`: number of the newest `undo` or `drop`, by coupon id; `released`: the newest
 *   released epoch, by coupon id; `allReleased`: up to this epoch, all coupons; `moved`: number of the newest `move`; `said`: the asks of
 *   former journals of which the clerk has said what became of them, as `keyOf` names them
 * @typedef {{at: number | null, skewMs?: number, listAt?: number | null, receipt?: Receipt, recovering?: boolean, refused?: string}}
 *   LastContact  `at`: when the server last answered, by the device's clock; `skewMs`: server's time minus device's time; `listAt`: by
 *   the server's clock, when the last list was made; `recovering`: it waited for its devices after a restore; `refused`: why the device
 *   must be enrolled again, if it must
 * @typedef {{generation?: number, number: number, hash: string, at: number, proof: string}} Receipt  the server's signature that it had
 *   the journal up to this entry at that time, by its clock, and in which generation; receipts of 0.3 name none
 * @typedef {{etag: string, store: {id: string, name: string, partner: string, time_zone: string, closed?: boolean},
 *   partner: {id: string, name: string}, device: {id: string, name: string},
 *   campaigns: {id: string, number: number, name: string, terms: Terms}[], keys: PublishedKey[],
 *   clerks: {id: string, name: string, pin?: string}[], siblings?: {id: string, name: string}[], copies?: string[]}} Snapshot  what the
 *   server sent, so that the tablet can decide offline; `copies`: sealed by the server, to be handed in after a restore
 */

/** How long an idle tablet stays unlocked. */
export const IDLE_MS = 15 * 60_000;

/** @type {Record<string, Partial<Record<Stage, Stage>>>} */
const NEXT = {
  gave: { asking: "given" },
  drop: { asking: "dropped" },
  done: { given: "done" },
  undo: { given: "undone", done: "undone" },
};

/** @returns {Past} */
export const emptyPast = () => ({
  last: 0,
  lastAt: 0,
  clerk: null,
  attempts: new Map(),
  open: new Map(),
  standing: new Map(),
  takenBack: new Map(),
  released: new Map(),
  allReleased: 0,
  moved: 0,
  said: new Set(),
});

/** Adds the next entry to `past`. @param {Past} past @param {Entry} entry */
export function take(past, entry) {
  past.last = entry.n;
  past.lastAt = entry.at;
  if (entry.kind === "ask") takeAsk(past, entry);
  else if (entry.kind === "gave-held" || entry.kind === "gave-at-risk") takeGiven(past, entry);
  else if (entry.kind === "release") past.released.set(entry.id ?? "", Math.max(entry.epoch ?? 0, releasedEpoch(past, entry.id ?? "")));
  else if (entry.kind === "move") takeMove(past, entry);
  else if (entry.kind === "said") past.said.add(keyOf(entry.device ?? "", entry.entry ?? 0));
  else if (entry.kind === "unlock") past.clerk = entry.clerk ?? null;
  else if (entry.kind === "lock") past.clerk = null;
  else takeStep(past, entry);
}

/** Whether an entry of this kind may follow in the attempt's present stage. @param {Past} past @param {string} kind @param {number} ask */
export const mayFollow = (past, kind, ask) => nextStage(past.attempts.get(ask), kind) !== undefined;

/**
 * Whether this hold may be released now: once, and not while an `ask` for the coupon is open.
 * @param {Past} past @param {string} id of the coupon @param {number} epoch
 */
export const mayRelease = (past, id, epoch) => epoch > releasedEpoch(past, id) && !askingFor(past, id);

/** Whether the tablet may move to another store: no attempt is open. @param {Past} past */
export const mayMove = (past) => past.open.size === 0;

/** Whether a `move` is written that the server has not acknowledged. @param {Past} past @param {number} acknowledged */
export const isMoving = (past, acknowledged) => past.moved > acknowledged;

/** The oldest open attempt. @param {Past} past @returns {Attempt | undefined} */
export const unfinished = (past) => past.open.values().next().value;

/** Whether an `ask` for this coupon has no answer yet. @param {Past} past @param {string} id */
export const askingFor = (past, id) => [...past.open.values()].some((attempt) => attempt.stage === "asking" && attempt.id === id);

/**
 * Today's gifts at this store, including those taken back, newest first.
 * @param {Past} past @param {number} now @param {string} zone of the store
 */
export const givenToday = (past, now, zone) =>
  [...past.attempts.values()]
    .filter(({ ask, givenAt }) => ask > past.moved && givenAt !== undefined && localDay(givenAt, zone) === localDay(now, zone))
    .sort((a, b) => b.ask - a.ask);

/** The newest released epoch of this coupon. @param {Past} past @param {string} id */
export const releasedEpoch = (past, id) => Math.max(past.released.get(id) ?? 0, past.allReleased);

/**
 * How many standing gifts of a campaign were given at risk behind the entry up to which the server had heard.
 * @param {Past} past @param {string} campaign @param {number} heard
 */
export const risksTaken = (past, campaign, heard) =>
  [...past.standing.values()].filter(({ atRisk, ask, id }) => atRisk && ask > heard && campaignOf(id) === campaign).length;

/** @param {string} id of a coupon */
export const campaignOf = (id) => `cmp_${id.split("_")[1]}`;

/**
 * The number after which entries are sent. An open `ask` is sent again, so that the server repeats its answer.
 * @param {Past} past @param {number} acknowledged the last entry that the server is known to have
 */
export const sendAfter = (past, acknowledged) =>
  [...past.open.values()]
    .filter((attempt) => attempt.stage === "asking")
    .reduce((after, { ask }) => Math.min(after, ask - 1), acknowledged);

/** Names an ask of any device's journal. @param {string} device @param {number} ask */
export const keyOf = (device, ask) => `${device}/${ask}`;

/** How many entries are not acknowledged yet. @param {Past} past @param {number} acknowledged */
export const waiting = (past, acknowledged) => Math.max(0, past.last - acknowledged);

/** The clerk who unlocked this tablet, unless it was idle too long. @param {Past} past @param {number} now */
export const clerkAt = (past, now) => (now - past.lastAt < IDLE_MS ? past.clerk : null);

/**
 * Whether the clerk works at this tablet's store: they may have left, or the tablet may have moved.
 * @param {Snapshot | null} snapshot @param {string} clerk
 */
export const worksHere = (snapshot, clerk) => !snapshot || snapshot.clerks.some(({ id }) => id === clerk);

/** When the time for an undo ends, in ms since 1970. @param {Attempt} attempt @param {number} undoMinutes */
export const undoUntil = (attempt, undoMinutes) => (attempt.givenAt ?? 0) + undoMinutes * 60_000;

/** A coupon's id: campaign and number identify it, not the text of the token. @param {string} coupon */
const idOf = (coupon) => couponId(read(coupon));

/** @param {Past} past @param {Entry} entry */
function takeAsk(past, entry) {
  const { n: ask, coupon = "", at: askedAt, clerk, short_code: shortCode } = entry;
  /** @type {Attempt} */
  const attempt = { ask, coupon, id: idOf(coupon), stage: "asking", askedAt, clerk, shortCode };
  past.attempts.set(ask, attempt);
  past.open.set(ask, attempt);
}

/** @param {Past} past @param {Entry} entry */
function takeMove(past, { n, epoch = 0 }) {
  past.moved = n;
  past.allReleased = Math.max(past.allReleased, epoch);
}

/** Takes a gift that needed no answer: the entry itself is the attempt. @param {Past} past @param {Entry} entry */
function takeGiven(past, entry) {
  const { n: ask, coupon = "", at, clerk, id = idOf(coupon) } = entry;
  /** @type {Attempt} */
  const attempt = {
    ask,
    coupon,
    id,
    stage: "given",
    askedAt: at,
    givenAt: at,
    clerk,
    shortCode: entry.short_code ?? entry.typed,
    unasked: true,
  };
  if (entry.kind === "gave-at-risk") attempt.atRisk = true;
  past.attempts.set(ask, attempt);
  past.open.set(ask, attempt);
  past.standing.set(id, attempt);
}

/** @param {Past} past @param {Entry} entry */
function takeStep(past, entry) {
  const attempt = past.attempts.get(entry.of ?? 0);
  const stage = nextStage(attempt, entry.kind);
  if (!attempt || !stage) return;
  attempt.stage = stage;
  if (stage === "given") attempt.givenAt = entry.at;
  if (entry.reason) attempt.reason = entry.reason;
  if (stage === "given") past.standing.set(attempt.id, attempt);
  if (stage === "undone" && past.standing.get(attempt.id) === attempt) past.standing.delete(attempt.id);
  if (stage === "undone" || stage === "dropped") past.takenBack.set(attempt.id, entry.n);
  if (stage !== "given") past.open.delete(attempt.ask);
}

/** @param {Attempt | undefined} attempt @param {string} kind */
const nextStage = (attempt, kind) => attempt && NEXT[kind]?.[attempt.stage];
