/** Notices that the tablet has enrolled, or that the link is too old, and shows the page that says so. */
import "./copy.js";

const EVERY_MS = 3000;
const address = document.querySelector("[data-state]")?.getAttribute("data-state") ?? "";

async function look() {
  try {
    const answer = await fetch(address, { headers: { Accept: "application/json" } });
    const enrolment = answer.ok ? await answer.json() : null;
    if (enrolment && enrolment.state !== "waiting") return location.reload();
  } catch {
    // Offline for a moment: the next look tells.
  }
  setTimeout(look, EVERY_MS);
}

setTimeout(look, EVERY_MS);
