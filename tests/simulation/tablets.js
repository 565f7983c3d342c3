/**
 * The tablets of the simulation: the real modules, driven by lines of JSON, one reply for each command. Nothing here has its own
 * clock, network or randomness: the world decides the time, which message arrives, and who is killed when.
 */
import { createInterface } from "node:readline";

import { chance, pass, settled } from "./tablet/still.js";
import { Disk } from "./tablet/disk.js";
import { Tab } from "./tablet/tab.js";
import { couponIdOf } from "../../static/clerk/knowledge/holds.js";

/** @typedef {{tab: Tab, caller: import("./tablet/tab.js").Caller}} Waiting */

/** @type {Map<string, Disk>} by tablet */
let disks = new Map();
/** @type {Map<string, Tab>} by the tablet's name and a number: `t0/1` */
let tabs = new Map();
/** @type {Map<number, Waiting>} by request */
let waiting = new Map();
/** @type {object[]} requests that left, since the last reply */
let sent = [];
/** @type {string[]} uncaught errors */
let faults = [];
let lastRequest = 0;

const fault = (/** @type {any} */ error) => void faults.push(String(error?.stack ?? error));
globalThis.reportError = fault;
process.on("unhandledRejection", fault);

/** @type {Record<string, (command: any) => any>} the commands of the world */
const COMMANDS = {
  /** Begins a new world. */
  begin() {
    for (const tab of tabs.values()) tab.die();
    [disks, tabs, waiting, sent, lastRequest] = [new Map(), new Map(), new Map(), [], 0];
  },
  pass: () => undefined,
  open({ tab: name, skew }) {
    const disk = diskOf(name);
    disk.remember();
    const tab = new Tab(disk, skew, (request, caller) => send(name, tab, request, caller));
    tabs.set(name, tab);
    tab.start().catch(fault);
  },
  /** Kills a tab. `part`, 0 to 1, of the write under way reaches the disk. */
  kill({ tab, part = 0 }) {
    tabs.get(tab)?.die(part);
    tabs.delete(tab);
  },
  slow: ({ tab }) => tabOf(tab).worker.slow(),
  flush: ({ tab }) => tabOf(tab).worker.flush(),
  skew: ({ tab, skew }) => void (tabOf(tab).skewMs = skew),
  remember: ({ tablet }) => diskOf(tablet).remember(),
  forget: ({ tablet, what, back }) => diskOf(tablet).forget(what, back),
  /** Cuts the power of a tablet whose tabs are killed. `parts`, 0 to 1: how much of each change that was not flushed is on the disk. */
  lose_power: ({ tablet, parts }) => diskOf(tablet).losePower(() => parts.push(parts.shift()) && parts.at(-1)),
  damage: ({ tablet, how, where }) => diskOf(tablet).damage(how, where),
  /** The browser evicts the tablet's storage. */
  evict: ({ tablet }) => void disks.delete(tablet),
  enrol({ tab, token, seed }) {
    chance.seed = seed;
    tabOf(tab).enrol(token).catch(fault);
  },
  /** A tap on the screen, or a scan. */
  tap({ tab, verb, args = [] }) {
    const counter = /** @type {any} */ (tabOf(tab).till?.counter);
    Promise.resolve(counter[verb](...args)).catch(fault);
  },
  /** Undoes a gift; returns the attempt's state after the step. */
  undo({ tab, ask, reason }) {
    const { counter, journal } = tillOf(tab);
    const attempt = journal.past.attempts.get(ask);
    if (attempt) counter.undo(attempt, reason).catch(fault);
    return () => attempt && { stage: attempt.stage, may: counter.mayUndo(attempt) };
  },
  beat: ({ tab }) => void tabOf(tab).beat().catch(fault),
  ring: ({ tab }) => void tabOf(tab).ring().catch(fault),
  answer({ request, answer }) {
    waiting.get(request)?.caller.answer(answer);
    waiting.delete(request);
  },
  fail({ request }) {
    waiting.get(request)?.caller.fail();
    waiting.delete(request);
  },
  journals: ({ tablet }) => diskOf(tablet).journals(),
  /** What the tablet knows without the server. */
  knows({ tab }) {
    const { sync, journal } = tillOf(tab);
    const holds = sync.holds.all.map((grant) => [couponIdOf(grant), sync.holds.epochOf(couponIdOf(grant), journal.past)]);
    return { holds: holds.filter(([, epoch]) => epoch), position: sync.sets.position, acknowledged: sync.acknowledged };
  },
  /** @param {{tab: string, coupons: string[]}} command */
  listed: ({ tab, coupons }) => coupons.map((id) => tillOf(tab).sync.sets.stateOf(id)),
};

/**
 * @param {string} name @param {Tab} tab
 * @param {import("./tablet/tab.js").Request} request @param {import("./tablet/tab.js").Caller} caller
 */
function send(name, tab, { path, headers, body }, caller) {
  waiting.set(++lastRequest, { tab, caller });
  sent.push({ request: lastRequest, tab: name, path, headers, body: Buffer.from(body).toString("utf8") });
}

/** @param {string} name of a tablet or of a tab of it */
function diskOf(name) {
  const [tablet] = name.split("/");
  const disk = disks.get(tablet) ?? new Disk();
  disks.set(tablet, disk);
  return disk;
}

/** @param {string} name */
function tabOf(name) {
  const tab = tabs.get(name);
  if (!tab) throw new Error(`there is no tab ${name}`);
  return tab;
}

/** @param {string} name */
function tillOf(name) {
  const { till } = tabOf(name);
  if (!till) throw new Error(`${name} is not a till yet`);
  return till;
}

/** The state of each tab, and what it has shown since the last reply. */
const seen = () =>
  Object.fromEntries(
    [...tabs].map(([name, tab]) => [name, { device: tab.device, ...tab.screen, shown: tab.shown.splice(0), ...stateOf(tab) }]),
  );

/** @param {Tab} tab */
const stateOf = ({ till, worker }) => ({
  store: till?.sync.snapshot?.store.id,
  waiting: till?.sync.waiting,
  refused: till?.sync.refused,
  busy: worker.isBusy,
});

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  let value = null;
  try {
    pass(command.now);
    value = COMMANDS[command.do](command);
  } catch (error) {
    fault(error);
  }
  await settled();
  if (typeof value === "function") value = value();
  process.stdout.write(`${JSON.stringify({ value: value ?? null, sent, faults, tabs: seen() })}\n`);
  [sent, faults] = [[], []];
}
