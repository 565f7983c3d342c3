/** Runs every test in this process, for scripts/check. `node --test` starts a process for each file. */
import { readdirSync } from "node:fs";

const names = readdirSync(new URL(".", import.meta.url), { recursive: true }).map(String);
const tests = names.filter((name) => name.endsWith(".test.js")).sort();
for (const name of tests) await import(`./${name}`);
