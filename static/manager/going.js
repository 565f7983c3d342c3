/** Continues a long task, part after part, while the page is open. Without a script there is a button. */
const PAUSE_MS = 300;
const form = document.getElementById("going");
if (form instanceof HTMLFormElement) setTimeout(() => form.requestSubmit(), PAUSE_MS);
export {};
