/** The tablet's screen of one verdict, as a picture: what the server decided, drawn by the tablet's own screens. Nothing can be pressed. */
import { AT_RISK } from "../clerk/knowledge/check.js";
import { chooseLanguage } from "../clerk/view/strings.js";
import { verdictScreen } from "../clerk/counter/verdicts.js";

/** @import { Desk, VerdictScreen } from "../clerk/counter/verdicts.js" */
/** @import { Counter } from "../clerk/counter/counter.js" */

const told = JSON.parse(document.getElementById("told")?.textContent ?? "{}");
const where = { now: told.now, zone: told.zone, clerk: null, device: "", store: told.store, lastDay: told.last_day, from: told.from };
/** @type {VerdictScreen} */
const screen = {
  name: "verdict",
  code: told.code,
  finding: { code: told.code, campaign: told.campaign, lastDay: told.last_day, held: told.held ? 1 : undefined },
  details: told.details,
  confirmed: told.online && told.code !== AT_RISK,
};
const nothing = () => undefined;
/** @type {Desk} */
const desk = {
  counter: /** @type {Counter} */ (/** @type {unknown} */ (new Proxy({}, { get: () => nothing }))),
  zone: told.zone,
  offer: () => told.offer,
  where: () => where,
  undoFor: nothing,
  refuseFor: nothing,
};

chooseLanguage([told.language]);
const drawn = verdictScreen(screen, desk);
document.getElementById("stage")?.replaceChildren(drawn);
drawn.toggleAttribute("inert", true);
