/** The screens before the clerk's page: enrolment, faults, and Redeem open in another tab. */
import { Camera, NoCamera } from "../scanning/camera.js";
import { enrolmentToken } from "../server/enrolment.js";
import { t } from "../view/strings.js";
import { button, el, heading, helpScreen, icon } from "../view/view.js";

/** @param {{onToken: (token: string) => unknown, lostKey: boolean, revoked: boolean}} parts */
export function enrolScreen({ onToken, lostKey, revoked }) {
  const scan = button(t("Scan the link"), () => screen.replaceWith(scanLinkScreen(onToken, screen)), {
    class: "button-primary button-large",
    icon: "camera",
  });
  const screen = helpScreen({
    icon: "device",
    title: lostKey || revoked ? t("Enrol this tablet anew") : t("Enrol this tablet"),
    lines: [
      lostKey
        ? t("The tablet has lost its key, so it can't prove who it is. What it recorded is kept. Ask a manager for a new enrolment link.")
        : revoked
          ? t("This tablet is not enrolled any more. What it recorded is kept. Ask a manager for a new enrolment link.")
          : t("A manager makes an enrolment link for this tablet. Open it here, or scan its QR."),
    ],
    steps: [
      t("In the office: Devices, then Enrol a tablet."),
      t("Open the link on this tablet, or scan it."),
      t("The link works once, for ten minutes."),
    ],
    actions: [scan],
  });
  return screen;
}

/**
 * The tablet's journal is damaged: it can't know what it has given.
 * @param {(token: string) => unknown} onToken @param {Promise<boolean>} handedIn  false: the shop does not take the journal
 */
export function damagedScreen(onToken, handedIn) {
  const progress = el("p", { class: "text-l measure", role: "status" }, t("Keep the tablet online: it hands in what it recorded."));
  const say = (/** @type {boolean} */ done) => {
    progress.textContent = done
      ? t("The shop has what this tablet recorded.")
      : t("The shop does not take what this tablet recorded. It stays on the tablet.");
  };
  void handedIn.then(say);
  const scan = button(t("Scan the link"), () => screen.replaceWith(scanLinkScreen(onToken, screen)), { icon: "camera" });
  const screen = helpScreen({
    icon: "alert",
    title: t("Call a manager"),
    lines: [
      t("This tablet's storage is damaged. It can't be sure what it has given, so nothing may be given on it."),
      t("What it recorded is kept. Leave its browser data as it is."),
    ],
    steps: [
      t("In the office: Devices. What this tablet may give stays reserved for it until a shop manager decides."),
      t("Enrol the tablet anew with a link from a manager."),
    ],
    actions: [progress, scan],
    role: "alert",
  });
  return screen;
}

export const enrollingScreen = () =>
  helpScreen({ icon: "key", title: t("Enrolling this tablet"), lines: [t("This takes a moment.")], role: "status" });

/** @type {Record<string, () => string>} */
const ENROL_PROBLEMS = {
  no_answer: () => t("No answer came. The link is still good: try again."),
  enrolment_used: () => t("This link was used by another tablet. Ask a manager for a new one."),
  enrolment_expired: () => t("This link is too old. Ask a manager for a new one."),
};

/** @param {string} code @param {() => unknown} onAgain */
export function enrolProblemScreen(code, onAgain) {
  const line = (ENROL_PROBLEMS[code] ?? (() => t("This link does not work. Ask a manager for a new one.")))();
  const label = code === "no_answer" ? t("Try again") : t("Back");
  return helpScreen({
    icon: "alert",
    title: t("The tablet is not enrolled"),
    lines: [line],
    actions: [button(label, onAgain, { class: "button-primary button-large" })],
    role: "alert",
  });
}

/** @param {() => unknown} onAgain */
export const elsewhereScreen = (onAgain) =>
  helpScreen({
    icon: "tabs",
    title: t("Redeem is open in another tab"),
    lines: [t("Only one tab may write this tablet's journal. Close the other one, then try again.")],
    actions: [button(t("Try again"), onAgain, { class: "button-primary button-large", icon: "sync" })],
    role: "alert",
  });

/** @type {Record<string, () => {icon: string, title: string, line: string}>} */
const FAULTS = {
  old: () => ({
    icon: "globe",
    title: t("This browser is too old"),
    line: t("Redeem needs a current Chrome, Edge, Safari or Firefox. Update the browser and open this page again."),
  }),
  storage: () => ({
    icon: "alert",
    title: t("Call a manager"),
    line: t(
      "The tablet can't save what happens here, so nothing may be given on it. Free some space, or end private browsing, then open Redeem again.",
    ),
  }),
  broken: () => ({
    icon: "alert",
    title: t("Call a manager"),
    line: t("Something went wrong on this tablet. Open Redeem again; nothing that was given is lost."),
  }),
};

/** @param {string} code */
export function faultScreen(code) {
  const { icon: name, title, line } = (FAULTS[code] ?? FAULTS.broken)();
  return helpScreen({
    icon: name,
    title,
    lines: [line],
    actions: [button(t("Open again"), () => location.reload(), { class: "button-primary button-large" })],
    role: "alert",
  });
}

/** @param {string} address of this page over HTTPS */
export const insecureScreen = (address) =>
  helpScreen({
    icon: "lock",
    title: t("The connection is not safe"),
    lines: [
      t("Cameras and keys work over HTTPS only. Open this page with https:// in front."),
      t("If it does not open there, ask a manager for the right address."),
    ],
    actions: [
      el("a", { class: "button button-primary button-large", href: address }, icon("lock"), el("span", {}, t("Open with https://"))),
    ],
    role: "alert",
  });

/** @param {(token: string) => unknown} onToken @param {HTMLElement} before */
function scanLinkScreen(onToken, before) {
  const video = el("video", { class: "setup-video", playsinline: true, muted: true });
  const problem = el("p", { class: "error text-l", role: "alert" });
  const look = (/** @type {string[]} */ texts) => {
    const token = texts.map(enrolmentToken).find((each) => each !== null);
    if (!token) return;
    camera.stop();
    onToken(token);
  };
  const camera = new Camera(
    video,
    ({ texts }) => look(texts),
    (trouble) => (trouble ? explain(trouble) : begin()),
  );
  const explain = (/** @type {string} */ why) => {
    problem.textContent = cameraProblem(why);
  };
  const begin = () =>
    void camera.start().catch((error) => {
      if (!(error instanceof NoCamera)) throw error;
      explain(error.why);
    });
  const back = () => {
    camera.stop();
    screen.replaceWith(before);
  };
  /** @type {HTMLElement} */
  const screen = el(
    "section",
    { class: "screen" },
    heading(t("Point the camera at the enrolment QR")),
    el("div", { class: "setup-view" }, video, el("div", { class: "scanner-frame" })),
    problem,
    button(t("Back"), back, { icon: "back" }),
  );
  begin();
  return screen;
}

/** @param {string} why */
function cameraProblem(why) {
  if (why === "blocked")
    return t("Allow the camera for this page: tap the lock or camera icon beside the address, choose Allow, then try again.");
  if (why === "busy") return t("Another program has the camera. Close it, then try again.");
  if (why === "stopped") return t("The camera has stopped");
  if (why === "broken") return t("The camera can't read codes just now");
  return t("No camera found");
}
