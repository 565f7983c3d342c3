/** The filter: a choice applies at once, and the dates are shown only for a custom period. Without a script there is a button. */
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
  // A store belongs to one partner: after a change of partner, no store is chosen.
  const store = form.elements.namedItem("store");
  if (changed.id === "partner" && store instanceof HTMLSelectElement) store.value = "";
  if (changed instanceof HTMLSelectElement && days.value !== "custom") form.requestSubmit();
});
// Leave empty choices out of the address.
form.addEventListener("formdata", ({ formData }) => {
  for (const [name, value] of [...formData]) if (value === "") formData.delete(name);
});
fit();
