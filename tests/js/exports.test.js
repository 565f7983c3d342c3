/** Every export is imported by another script. If only a test imports it, its own script uses it too. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const ROOT = new URL("../../", import.meta.url);
const EXPORT = /^export (?:async )?(?:function\*?|class|const|let) (\w+)/gm;
const IMPORT = /^import \{([^}]*)\} from "([^"]+)";/gm;

/** @param {string} folder @returns {[string, string][]} the address and the text of each script that is ours */
const scriptsIn = (folder) =>
  readdirSync(new URL(folder, ROOT), { encoding: "utf8", recursive: true })
    .filter((name) => name.endsWith(".js") && !name.startsWith("vendor/"))
    .map((name) => new URL(folder + name, ROOT).href)
    .map((address) => [address, readFileSync(new URL(address), "utf8")]);

/** Every import as "address name". @param {[string, string][]} scripts */
const importsOf = (scripts) =>
  new Set(
    scripts.flatMap(([address, text]) =>
      [...text.matchAll(IMPORT)].flatMap(([, names, from]) =>
        names.split(",").map((name) => `${new URL(from, address)} ${name.trim().split(" as ")[0]}`),
      ),
    ),
  );

test("every export is used", () => {
  const scripts = scriptsIn("static/");
  const [byScripts, byTests] = [importsOf(scripts), importsOf(scriptsIn("tests/"))];
  const isUsed = (/** @type {string} */ address, /** @type {string} */ text, /** @type {string} */ name) =>
    byScripts.has(`${address} ${name}`) || (byTests.has(`${address} ${name}`) && text.split(new RegExp(`\\b${name}\\b`)).length > 2);
  const exported = scripts.flatMap(([address, text]) => [...text.matchAll(EXPORT)].map(([, name]) => ({ address, text, name })));
  const unused = exported.filter(({ address, text, name }) => !isUsed(address, text, name));
  assert.ok(exported.length > 100);
  assert.deepEqual(
    unused.map(({ address, name }) => `${address.slice(ROOT.href.length)}: ${name}`),
    [],
  );
});
