/** The preview beside the form: a moment after the last key, the server draws it. Nothing is saved. */
const WAIT_MS = 350;

const form = /** @type {HTMLFormElement} */ (document.getElementById("editor"));
const note = /** @type {HTMLElement} */ (document.getElementById("preview-note"));
const verdict = /** @type {HTMLElement} */ (document.getElementById("preview-verdict"));
const words = /** @type {HTMLElement} */ (document.getElementById("preview-words")).dataset;
let timer = 0;
let asked = 0;

/** @typedef {{coupon: string, customer: string, clerk: string, verdict: string, unfinished: boolean}} Drawn */

async function draw() {
  const mine = ++asked;
  try {
    const answer = await fetch(form.dataset.preview ?? "", {
      method: "POST",
      body: new FormData(form),
      headers: { Accept: "application/json" },
    });
    if (!answer.ok || !answer.headers.get("Content-Type")?.startsWith("application/json")) throw new Error(String(answer.status));
    /** @type {Drawn} */
    const drawn = await answer.json();
    if (mine === asked) show(drawn);
  } catch {
    if (mine === asked) say(words.failed);
  }
}

/** @param {Drawn} drawn */
function show(drawn) {
  for (const frame of document.querySelectorAll("iframe")) replace(frame, drawn[/** @type {"coupon"} */ (frame.dataset.part)]);
  if (verdict.textContent !== drawn.verdict) verdict.textContent = drawn.verdict;
  say(drawn.unfinished ? words.unfinished : words.good);
}

/**
 * Replaces the frame: a new address in the same frame would add a step to the browser's history.
 * @param {HTMLIFrameElement} old @param {string} text
 */
function replace(old, text) {
  if (old.srcdoc === text) return;
  const fresh = /** @type {HTMLIFrameElement} */ (old.cloneNode());
  const scrolled = old.contentWindow?.scrollY ?? 0;
  fresh.addEventListener("load", () => fresh.contentWindow?.scrollTo(0, scrolled), { once: true });
  fresh.srcdoc = text;
  old.replaceWith(fresh);
}

/** @param {string} [text] */
function say(text = "") {
  if (note.textContent !== text) note.textContent = text;
}

form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(draw, WAIT_MS);
});
document.getElementById("preview-button")?.setAttribute("hidden", "");
export {};
