/**
 * A clerk who never pauses, for tests that kill the browser at any moment: scans coupon after coupon, gives, undoes, refuses.
 * Reports each press and each screen as `tell("pressed" | "shown", act, coupon)`.
 */

/** @param {{seed: number, links: string[]}} order */
({ seed, links }) => {
  const tell = /** @type {(...said: string[]) => void} */ (/** @type {any} */ (window).tell);
  /** @type {WeakSet<Element>} */
  const dealtWith = new WeakSet();
  const waiting = [...links];
  let link = "";
  let refusing = false;

  /** mulberry32: the same seed makes the same clerk. */
  const chance = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let x = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };

  /** @param {string} name */
  const press = (name) => {
    const all = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(".verdict button, dialog[open] button")]);
    all.find(({ textContent }) => textContent === name)?.click();
  };

  /** @param {string} text */
  const scan = (text) => {
    for (const key of [...text, "Enter"])
      document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  };

  /** @type {Record<string, () => void>} by the heading of the screen */
  const steps = {
    "Valid coupon": () => {
      refusing = chance() < 0.15;
      tell("pressed", refusing ? "refusal" : "give", link);
      press(refusing ? "Not giving it" : "Give the gift");
      if (refusing) press("Out of stock");
    },
    "Hand over the gift": () => {
      tell("shown", "given", link);
      if (chance() < 0.6) return press("Next");
      tell("pressed", "undo", link);
      press("Undo it");
      press("Given by mistake");
    },
    Undone: () => {
      tell("shown", "undone", link);
      press("Next");
    },
  };

  setInterval(() => {
    const screen = document.querySelector(".verdict, .screen");
    if (!screen) return next();
    const step = steps[screen.querySelector("h1")?.textContent ?? ""];
    if (!step || dealtWith.has(screen)) return;
    dealtWith.add(screen);
    step();
  }, 1);

  const next = () => {
    if (refusing && document.querySelector(".scanner-hint")?.textContent !== "Noted. Thank you.") return;
    if (refusing) tell("shown", "refused", link);
    refusing = false;
    link = waiting.shift() ?? "";
    if (link) scan(link);
  };
};
