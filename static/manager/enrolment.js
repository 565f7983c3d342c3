/** Reloads the page once the tablet has enrolled or the link has expired. */
import "./copy.js";

const EVERY_MS = 3000;
const address = document.querySelector("[data-state]")?.getAttribute("data-state") ?? "";

async function look() {
  try {
    const answer = await fetch(address, { headers: { Accept: "application/json" } });
    const enrolment = answer.ok ? await answer.json() : null;
    if (enrolment && enrolment.state !== "waiting") return location.reload();
  } catch {
    // Offline for a moment: the next request follows.
  }
  setTimeout(look, EVERY_MS);
}

setTimeout(look, EVERY_MS);
