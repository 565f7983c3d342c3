/** Copies a field's text. Without a clipboard (over plain HTTP) it only selects the text. */
for (const button of document.querySelectorAll("[data-copy]")) {
  const field = document.getElementById(button.getAttribute("data-copy") ?? "");
  if (!(field instanceof HTMLInputElement)) continue;
  button.removeAttribute("hidden");
  button.addEventListener("click", async () => {
    field.select();
    if (!navigator.clipboard) return;
    await navigator.clipboard.writeText(field.value);
    const words = button.querySelector("span");
    if (words) words.textContent = button.getAttribute("data-copied");
  });
}
