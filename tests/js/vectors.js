import { readFileSync } from "node:fs";

/**
 * One file of the vectors that Python is held to as well.
 *
 * @param {"tokens" | "rules" | "codes" | "names" | "bitmaps"} name
 * @returns {any}
 */
export function vectors(name) {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), "utf-8"));
}
