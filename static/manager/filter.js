/** The filter: a choice shows at once, and the dates are asked for only where they matter. Without a script there is a button. */
const form = /** @type {HTMLFormElement} */ (document.getElementById("filter"));
const days = /** @type {HTMLSelectElement} */ (document.getElementById("days"));

function fit() {
  const custom = days.value === "custom";
  for (const field of form.querySelectorAll(".dates")) {
    field.toggleAttribute("data-closed", !custom);
    for (const input of field.querySelectorAll("input")) input.disabled = !custom;
  }
}

form.addEventListener("change", (event) => {
  const changed = /** @type {HTMLElement} */ (event.target);
  fit();
  // A store belongs to one partner: another partner is chosen for all its stores.
  const store = form.elements.namedItem("store");
  if (changed.id === "partner" && store instanceof HTMLSelectElement) store.value = "";
  if (changed instanceof HTMLSelectElement && days.value !== "custom") form.requestSubmit();
});
// An empty choice is no choice: it needs no place in the address.
form.addEventListener("formdata", ({ formData }) => {
  for (const [name, value] of [...formData]) if (value === "") formData.delete(name);
});
fit();
