import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { chooseLanguage, currentLanguage, LANGUAGES, t } from "../../static/clerk/strings.js";

const FOLDER = new URL("../../static/clerk/", import.meta.url);
const SOURCE = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".js") && name !== "strings.js")
  .map((name) => readFileSync(new URL(name, FOLDER), "utf8"))
  .join("\n");
// What is said is always written out: t("…"), so that it can be found here.
const SAID = new Set([...SOURCE.matchAll(/\bt\(\s*"((?:[^"\\]|\\.)*)"/g)].map(([, text]) => text));
const { words } = LANGUAGES.ru;

/** @param {string} text */
const placeholders = (text) => [...text.matchAll(/\{\w+\}/g)].map(([name]) => name).sort();

test("everything the tablet says is said in Russian too", () => {
  assert.deepEqual([...SAID].filter((text) => !(text in words)), []);
});

test("nothing is translated that is never said", () => {
  assert.deepEqual(Object.keys(words).filter((text) => !SAID.has(text)), []);
});

test("a translation fills in the same values", () => {
  for (const [text, translated] of Object.entries(words)) assert.deepEqual(placeholders(translated), placeholders(text), text);
});

test("nobody is shouted at", () => {
  for (const text of [...SAID, ...Object.values(words)]) assert.doesNotMatch(text, /!/);
});

test("the first wished language that is here is taken, else English", () => {
  for (const [wished, taken] of [[["de", "ru-RU", "en"], "ru"], [["de"], "en"], [[], "en"]]) {
    chooseLanguage(/** @type {string[]} */ (wished));
    assert.equal(currentLanguage(), taken);
  }
  assert.equal(t("{n} s ago", { n: 5 }), "5 s ago");
});
