/** Builds the page: elements, icons, buttons. Text is always inserted as text; innerHTML is not used. */

/** @typedef {Node | string | null | undefined | false} Child */

const SVG = "http://www.w3.org/2000/svg";
const ICONS = new URL("../../icons/icons.svg", import.meta.url).pathname;

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} [properties] `class`, `on…` handlers and attributes; false and null leave one out
 * @param {...Child} children @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => typeof child === "string" || child instanceof Node));
  return element;
}

/**
 * Puts the icons into the page. Icons that stay in their own file would appear after the verdict, or not at all without a network.
 */
export async function loadIcons() {
  const file = new DOMParser().parseFromString(await (await fetch(ICONS)).text(), "image/svg+xml");
  for (const symbol of file.querySelectorAll("symbol")) symbol.id = `icon-${symbol.id}`;
  file.documentElement.setAttribute("hidden", "");
  document.body.append(document.adoptNode(file.documentElement));
}

/** @param {string} name one of static/icons/icons.svg @param {string} [classes] */
export function icon(name, classes = "") {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  svg.setAttribute("class", `icon ${classes}`);
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/**
 * @param {string} label @param {() => unknown} onPress
 * @param {{class?: string, icon?: string, disabled?: boolean, describedBy?: string}} [options] `class` without the `button`
 */
export function button(label, onPress, options = {}) {
  const { class: classes = "", icon: name, disabled = false } = options;
  return el(
    "button",
    { type: "button", class: `button ${classes}`, disabled, onclick: () => onPress() },
    name && icon(name),
    el("span", {}, label),
  );
}

/**
 * A help screen: what is wrong, and what to do next.
 * @param {{icon: string, title: string, lines: string[], steps?: string[], actions?: Child[], role?: string}} help
 */
export function helpScreen({ icon: name, title, lines, steps, actions = [], role }) {
  return el(
    "section",
    { class: "screen screen-help", role },
    icon(name, "icon-xl"),
    heading(title),
    ...lines.map((line) => el("p", { class: "text-l measure" }, line)),
    steps && el("ol", { class: "steps text-l" }, ...steps.map((step) => el("li", {}, step))),
    el("div", { class: "screen-actions" }, ...actions),
  );
}

/** The heading that gets the focus when its screen is shown. @param {string} text @param {string} [classes] */
export const heading = (text, classes = "") => el("h1", { class: classes, tabindex: -1 }, text);
