import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { afterEach, test } from "node:test";

import { chooseLanguage, currentLanguage, date, dayAndMonth, LANGUAGES, t, time, tn } from "../../../static/clerk/view/strings.js";
import { WORDS } from "../../../static/clerk/view/words.js";

const FOLDER = new URL("../../../static/clerk/", import.meta.url);
const SOURCES = readdirSync(FOLDER, { encoding: "utf8", recursive: true })
  .filter((name) => name.endsWith(".js") && !["view/strings.js", "view/words.js"].includes(name))
  .map((name) => ({ name, text: readFileSync(new URL(name, FOLDER), "utf8") }));
// Texts are always literals, t("…") or tn("…", "…", n), so that they can be collected for the catalogues.
const CALL = /(?<![\w.])tn?\(\s*(.)/g;
const NOON = Date.UTC(2026, 10, 21, 12);

afterEach(() => chooseLanguage(["en"]));

test("every language has a catalogue", () => {
  assert.deepEqual(
    Object.keys(WORDS),
    Object.keys(LANGUAGES).filter((code) => code !== "en"),
  );
});

test("texts are literals", () => {
  const hidden = SOURCES.flatMap(({ name, text }) =>
    [...text.matchAll(CALL)].filter(([, first]) => first !== '"').map(([call]) => `${name}: ${call}`),
  );
  assert.deepEqual(hidden, []);
});

test("no text has an exclamation mark", () => {
  for (const words of Object.values(WORDS)) for (const [text, said] of Object.entries(words)) assert.doesNotMatch(`${text} ${said}`, /!/);
});

test("a text with a number has the right plural form", () => {
  const digits = (/** @type {number} */ n) => tn("{n} digit entered", "{n} digits entered", n);
  assert.deepEqual([0, 1, 2].map(digits), ["0 digits entered", "1 digit entered", "2 digits entered"]);
  chooseLanguage(["ru"]);
  assert.deepEqual([1, 3, 5, 11, 21].map(digits), [
    "Введена 1 цифра",
    "Введено 3 цифры",
    "Введено 5 цифр",
    "Введено 11 цифр",
    "Введена 21 цифра",
  ]);
});

test("times and dates are formatted by the language and the store's time zone", () => {
  const formatted = () => [time(NOON, "Europe/Moscow"), dayAndMonth(NOON, "Europe/Moscow"), date("2026-11-21", "Asia/Tokyo")];
  assert.deepEqual(formatted(), ["15:00", "21 November", "21\u00a0November\u00a02026"]);
  chooseLanguage(["ru"]);
  assert.deepEqual(formatted(), ["15:00", "21 ноября", "21\u00a0ноября\u00a02026"]);
});

test("the first wished language that exists is chosen, else English", () => {
  for (const [wished, taken] of [
    [["de", "ru-RU", "en"], "ru"],
    [["de"], "en"],
    [[], "en"],
  ]) {
    chooseLanguage(/** @type {string[]} */ (wished));
    assert.equal(currentLanguage(), taken);
  }
  assert.equal(t("{n} s ago", { n: 5 }), "5 s ago");
});
