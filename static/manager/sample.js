/** The tablet's screen of one verdict, drawn by the tablet's own code from the server's decision. Its buttons do nothing. */
import { AT_RISK } from "../clerk/knowledge/check.js";
import { chooseLanguage } from "../clerk/view/strings.js";
import { verdictScreen } from "../clerk/counter/verdicts.js";

/** @import { ScreenContext, VerdictScreen } from "../clerk/counter/verdicts.js" */
/** @import { Counter } from "../clerk/counter/counter.js" */

const sample = JSON.parse(document.getElementById("told")?.textContent ?? "{}");
const where = {
  now: sample.now,
  zone: sample.zone,
  clerk: null,
  device: "",
  store: sample.store,
  lastDay: sample.last_day,
  from: sample.from,
};
/** @type {VerdictScreen} */
const screen = {
  name: "verdict",
  code: sample.code,
  finding: { code: sample.code, campaign: sample.campaign, lastDay: sample.last_day, held: sample.held ? 1 : undefined },
  details: sample.details,
  confirmed: sample.online && sample.code !== AT_RISK,
};
const nothing = () => undefined;
/** @type {ScreenContext} */
const context = {
  counter: /** @type {Counter} */ (/** @type {unknown} */ (new Proxy({}, { get: () => nothing }))),
  zone: sample.zone,
  offer: () => sample.offer,
  where: () => where,
  undoFor: nothing,
  refuseFor: nothing,
};

chooseLanguage([sample.language]);
const drawn = verdictScreen(screen, context);
document.getElementById("stage")?.replaceChildren(drawn);
drawn.toggleAttribute("inert", true);
