/** Rules for all JavaScript of this repository that no formatter or linter checks. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const ROOT = new URL("../../", import.meta.url);
const EXPORT = /^export (?:async )?(?:function\*?|class|const|let) (\w+)/gm;
const IMPORT = /^import \{([^}]*)\} from "([^"]+)";/gm;
const COLUMNS_MAX = 140;
/** A text on a line of its own can't be split: it is a key of the catalogues. */
const TEXT = /^\s*"[^"]*",?$/;
/** Made by scripts/translate.py. */
const GENERATED = "static/clerk/view/words.js";

/** Path and text of each script in a folder, without those of others. @param {string} folder @returns {[path: string, text: string][]} */
const scriptsIn = (folder) =>
  readdirSync(new URL(folder, ROOT), { encoding: "utf8", recursive: true })
    .filter((name) => name.endsWith(".js") && !name.startsWith("vendor/"))
    .map((name) => [folder + name, readFileSync(new URL(folder + name, ROOT), "utf8")]);

const [OURS, TESTS] = [scriptsIn("static/"), scriptsIn("tests/")];

/** All imports, each as "path name". @param {[path: string, text: string][]} scripts */
const importsOf = (scripts) =>
  new Set(scripts.flatMap(([path, text]) => [...text.matchAll(IMPORT)].flatMap(([, names, from]) => imported(path, names, from))));

/** @param {string} path @param {string} names @param {string} from */
const imported = (path, names, from) =>
  names.split(",").map((name) => `${new URL(from, new URL(path, ROOT)).href.slice(ROOT.href.length)} ${name.trim().split(" as ")[0]}`);

test("every export is imported by another script, or by a test if its own script uses it too", () => {
  const [byScripts, byTests] = [importsOf(OURS), importsOf(TESTS)];
  const exported = OURS.flatMap(([path, text]) => [...text.matchAll(EXPORT)].map(([, name]) => ({ name, text, key: `${path} ${name}` })));
  const isUsedWithin = (/** @type {string} */ text, /** @type {string} */ name) => text.split(new RegExp(`\\b${name}\\b`)).length > 2;
  const unused = exported.filter(({ name, text, key }) => !byScripts.has(key) && !(byTests.has(key) && isUsedWithin(text, name)));
  assert.ok(exported.length > 100);
  assert.deepEqual(
    unused.map(({ key }) => key),
    [],
  );
});

test("no line is longer than 140 columns", () => {
  const lines = [...OURS, ...TESTS].flatMap(([path, text]) => (path === GENERATED ? [] : text.split("\n").map((line) => ({ path, line }))));
  assert.ok(lines.length > 5000);
  assert.deepEqual(
    lines.filter(({ line }) => line.length > COLUMNS_MAX && !TEXT.test(line)),
    [],
  );
});
