/** The tablet's texts in the clerk's language. The English text is the key; `t` replaces names in braces by values. */
import { usableZone } from "../domain/zones.js";
import { WORDS } from "./words.js";

/** Each language in its own name. @type {Record<string, string>} */
export const LANGUAGES = { en: "English", ru: "Русский" };

let language = "en";

/** @param {readonly string[]} wished tags like `ru-RU`, best first */
export function chooseLanguage(wished) {
  language = wished.map((each) => each.slice(0, 2)).find((code) => code in LANGUAGES) ?? "en";
}

export const currentLanguage = () => language;

/** The language that is offered beside the present one. */
export const otherLanguage = () => /** @type {string} */ (Object.keys(LANGUAGES).find((each) => each !== language));

/** @param {string} text @param {Record<string, string | number>} [values] */
export function t(text, values = {}) {
  return fill(String(WORDS[language]?.[text] ?? text), values);
}

/** A text with a number, in the right plural form: "1 digit", "2 digits". @param {string} one @param {string} many @param {number} n */
export function tn(one, many, n) {
  const forms = WORDS[language]?.[one] ?? [one, many];
  return fill(forms[Math.min(formOf(n), forms.length - 1)], { n });
}

/** The index of the plural form among those of the language, in the catalogues' order. @param {number} n */
function formOf(n) {
  const rules = new Intl.PluralRules(language);
  const has = rules.resolvedOptions().pluralCategories;
  return CATEGORIES.filter((category) => has.includes(category)).indexOf(rules.select(n));
}

/** @type {Intl.LDMLPluralRule[]} */
const CATEGORIES = ["zero", "one", "two", "few", "many", "other"];

/** @param {string} words @param {Record<string, string | number>} values */
const fill = (words, values) => words.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));

/** @param {number} at ms since 1970 @param {string} [zone] */
export const time = (at, zone) => format({ hour: "2-digit", minute: "2-digit", timeZone: zone }).format(at);

/** "19 November". @param {number} at ms since 1970 @param {string} zone */
export const dayAndMonth = (at, zone) => format({ day: "numeric", month: "long", timeZone: zone }).format(at);

/** @param {string} day an ISO date or instant; a bare date is a calendar day wherever the store is @param {string} zone */
export function date(day, zone) {
  const timeZone = day.length === 10 ? "UTC" : zone;
  const written = format({ day: "numeric", month: "long", year: "numeric", timeZone }).format(new Date(day));
  const short = written.replace(/\s*г\.$/, ""); // a sentence may end here, and would have two full stops
  return short.replaceAll(" ", "\u00a0"); // keeps the date on one line
}

/** "2 hrs", "3 дн.": the short form fits into any sentence. @param {number} ms */
export function duration(ms) {
  const [unit, length] = UNITS.find(([, each]) => Math.round(ms / each) >= 2) ?? UNITS[UNITS.length - 1];
  return new Intl.NumberFormat(tag(), { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 0 }).format(
    Math.round(ms / length),
  );
}

/** @type {[string, number][]} */
// biome-ignore format: a table
const UNITS = [["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000]];

/** @type {Map<string, Intl.DateTimeFormat>} Making one is slower than using it. */
const formats = new Map();

/** @param {Intl.DateTimeFormatOptions} wanted */
function format(wanted) {
  const key = `${tag()} ${JSON.stringify(wanted)}`;
  const known = formats.get(key) ?? new Intl.DateTimeFormat(tag(), { ...wanted, timeZone: usableZone(wanted.timeZone) });
  formats.set(key, known);
  return known;
}

const tag = () => (language === "en" ? "en-GB" : language);
