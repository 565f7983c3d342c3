import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { GAP_MS, LATE_END_MS, Wedge } from "../../../static/clerk/scanning/wedge.js";
import { vectors } from "../vectors.js";

const DIGITS = vectors("tokens").good[0].digits;
const LINK = `https://gift.example/c/${DIGITS}`;
const CODE = vectors("codes").codes[3].code;
const FAST_MS = 10;
const SLOW_MS = 200;

/** @typedef {import("../../../static/clerk/scanning/wedge.js").Key} Key */

/** The keys of a text, and Enter for a line's end. @param {string} text @returns {Key[]} */
const keysOf = (text) => [...text].map((each) => ({ key: each === "\n" ? "Enter" : each === "\t" ? "Tab" : each }));

/** The digits as a scanner types them where the layout's own digit row types these. @param {string} row from 1 to 0 @returns {Key[]} */
const inLayout = (row) =>
  [...DIGITS].map((digit) => ({
    key: [..."1234567890"].map((each, place) => (each === digit ? [...row][place] : "")).join(""),
    code: `Digit${digit}`,
  }));

/** What becomes of keys. @param {Wedge} wedge @param {Key[]} keys @param {number} [gapMs] between two @param {number} [from] */
const type = (wedge, keys, gapMs = FAST_MS, from = 1_000_000) => keys.map((key, index) => wedge.take(key, from + index * gapMs));

/** @param {string} text @param {number} [gapMs] */
const scanned = (text, gapMs) => type(new Wedge(), keysOf(text), gapMs).at(-1)?.scanned;

/** Whose each key is. @param {string} text @param {number} [gapMs] */
const whose = (text, gapMs) => type(new Wedge(), keysOf(text), gapMs).map((taken) => taken.whose);

describe("no key of a scanner is the page's", () => {
  for (const [name, text] of Object.entries({
    "a coupon": `${LINK}\n`,
    "an article's number of seven digits": "4006381\n",
    "a text with a blank": "ab 4006381333931\n",
    "one digit": "4\n",
    "an end with CR and LF": "4006381\n\n",
    "a blank before the code": " 4006381\n",
    "an Enter before the code": "\n4006381\n",
    "an end with Tab": "4006381\t",
    "no end at all": "4006381333931",
  }))
    for (const gap of [1, FAST_MS, SLOW_MS])
      test(`${name}, ${gap} ms between the keys`, () => {
        const [first, ...rest] = whose(text, gap);
        assert.deepEqual([first, ...new Set(rest)], ["unknown", "scanner"]);
      });

  test("Shift, and control characters within a text", () => {
    const keys = [
      { key: "a" },
      { key: "Shift" },
      { key: "B" },
      { key: "Control" },
      { key: "j", code: "KeyJ", isChord: true },
      { key: "F8" },
    ];
    assert.deepEqual(
      new Set(
        type(new Wedge(), keys)
          .slice(1, 5)
          .map((taken) => taken.whose),
      ),
      new Set(["scanner"]),
    );
  });
});

describe("what is typed is read as every text is", () => {
  for (const { name, text, names } of vectors("names").names.filter((/** @type {{names: string?}} */ each) => each.names))
    test(name, () => assert.equal(scanned(`${text.replaceAll(/\r|\n/g, " ")}\n`), names));
});

test("what Cyrillic letters mean, the keys under them tell", () => {
  const codeOf = { А: "KeyF", Т: "KeyN", М: "KeyV", Е: "KeyT", Н: "KeyY", С: "KeyC", У: "KeyE" };
  const { text } = vectors("codes").bad.find((/** @type {{reason: string}} */ { reason }) => reason === "two_readings");
  const keys = Object.entries(codeOf);
  const typed = [...text].map((key) => ({ key, code: keys.find(([letter]) => letter === key)?.[1] }));
  assert.equal(type(new Wedge(), [...typed, { key: "Enter" }]).at(-1)?.scanned, "FNVNNTFYCNET");
});

describe("a person's keys stay theirs", () => {
  test("a lone Enter or blank is nobody's yet, and a lone Tab the page's", () =>
    assert.deepEqual(
      ["\n", " ", "\t"].map((key) => whose(key)),
      [["unknown"], ["unknown"], ["page"]],
    ));
  test("Tab and Enter, one soon after the other", () => assert.deepEqual(whose("\t\n"), ["page", "unknown"]));
  test("Enter, some time after a text or a scan", () => {
    assert.deepEqual(whose("4006381\n", GAP_MS).at(-1), "unknown");
    const wedge = new Wedge();
    type(wedge, keysOf("4006381\n"));
    assert.equal(wedge.take({ key: "Enter" }, 1_000_070 + GAP_MS).whose, "unknown");
  });
  test("a Tab after a scan", () => {
    const wedge = new Wedge();
    type(wedge, keysOf("4006381\n"));
    assert.equal(wedge.take({ key: "Tab" }, 1_000_080).whose, "page");
  });
  test("Escape, arrows and a browser's own shortcuts", () => {
    const keys = [{ key: "Escape" }, { key: "ArrowDown" }, { key: "j", code: "KeyJ", isChord: true }, { key: "r", isChord: true }];
    assert.deepEqual(new Set(type(new Wedge(), keys).map((taken) => taken.whose)), new Set(["page"]));
  });
  test("a PIN is typed slower than any scanner types", () => {
    assert.deepEqual(new Set(type(new Wedge(), keysOf("12345678\n"), 80).map((taken) => taken.isFast)), new Set([false]));
    assert.equal(type(new Wedge(), keysOf("12345678\n"), 30).at(-1)?.isFast, true);
  });
});

describe("what was scanned", () => {
  test("is the coupon's digits, whatever is around them", () => {
    const mistyped = `реезыЖ..пшаеюучфьздуюсщь.с.${DIGITS}`;
    for (const text of [LINK, DIGITS, mistyped, `*${LINK}*`, `~${DIGITS}/`, `]Q1\\000026${LINK}`])
      assert.equal(scanned(`${text}\n`), DIGITS);
  });
  test("is a short code as it is stored", () => assert.equal(scanned(`${CODE.toLowerCase()}\n`), CODE));
  test("is any other text as it came", () => assert.equal(scanned("ab 4006381333931\n"), "ab 4006381333931"));
  test("is nothing if only a key or three were hit", () => assert.equal(scanned("abc\n"), undefined));
  test("starts anew with a second scan", () => {
    const wedge = new Wedge();
    type(wedge, keysOf(`${LINK}\n`));
    assert.equal(type(wedge, keysOf(`${CODE}\n`), FAST_MS, 1_002_500).at(-1)?.scanned, CODE);
  });
  test("ends with LF as a control character, too", () => {
    const keys = [...keysOf(CODE), { key: "Control" }, { key: "j", code: "KeyJ", isChord: true }];
    assert.equal(type(new Wedge(), keys).at(-1)?.scanned, CODE);
  });
});

describe("a keyboard layout whose digit row types no digits", () => {
  for (const [layout, row] of Object.entries({
    French: "&é\"'(-è_çà",
    Czech: "+ěščřžýáíé",
    Lithuanian: "ąčęėįšųū90",
    Kazakh: '"әіңғ,.үұқ',
  }))
    test(layout, () => assert.equal(type(new Wedge(), [...inLayout(row), { key: "Enter" }]).at(-1)?.scanned, DIGITS));

  test("with dead keys", () => {
    const keys = [...DIGITS].map((digit) => ({ key: digit === "0" ? "Dead" : "à", code: `Numpad${digit}` }));
    assert.equal(type(new Wedge(), [...keys, { key: "Enter" }]).at(-1)?.scanned, DIGITS);
  });
  test("with what the scanner adds before the digits", () => {
    const added = [
      { key: "$", code: "BracketRight" },
      { key: "A", code: "KeyQ" },
      { key: "1", code: "Digit1" },
    ];
    assert.equal(type(new Wedge(), [...added, ...inLayout("&é\"'(-è_çà"), { key: "Enter" }]).at(-1)?.scanned, DIGITS);
  });
  test("is not used where the keys type digits", () => {
    const keys = [...DIGITS].map((key) => ({ key, code: "KeyA" }));
    assert.equal(type(new Wedge(), [...keys, { key: "Enter" }]).at(-1)?.scanned, DIGITS);
  });
});

describe("a scanner without an end", () => {
  /** @param {Key[]} keys @param {number} [pauseMs] */
  const rested = (keys, pauseMs = GAP_MS) => {
    const wedge = new Wedge();
    type(wedge, keys, FAST_MS, 0);
    return wedge.rest((keys.length - 1) * FAST_MS + pauseMs);
  };
  test("is read after a pause", () => assert.equal(rested(keysOf(LINK)).scanned, DIGITS));
  test("is not read before", () => assert.equal(rested(keysOf(LINK), GAP_MS - 1).scanned, undefined));
  test("may still send one, which is no person's", () => {
    const wedge = new Wedge();
    type(wedge, keysOf("4006381333931"), FAST_MS, 0);
    wedge.rest(500);
    const late = [wedge.take({ key: "Enter" }, 1_000), wedge.take({ key: "Enter" }, 1_010), wedge.take({ key: "Enter" }, 2_000)];
    assert.deepEqual(
      late.map((taken) => taken.whose),
      ["scanner", "scanner", "unknown"],
    );
  });
  test("leaves a later Enter to the person, and one after a Tab", () => {
    const wedge = new Wedge();
    type(wedge, keysOf("4006381333931"), FAST_MS, 0);
    assert.equal(wedge.take({ key: "Enter" }, 200 + LATE_END_MS).whose, "unknown");
    type(wedge, keysOf("4006381333931"), FAST_MS, 10_000);
    wedge.take({ key: "Tab" }, 10_500);
    assert.equal(wedge.take({ key: "Enter" }, 10_600).whose, "unknown");
  });
  test("is read once", () => {
    const wedge = new Wedge();
    type(wedge, keysOf(CODE), FAST_MS, 0);
    assert.deepEqual([wedge.rest(5_000).scanned, wedge.rest(6_000).scanned], [CODE, undefined]);
  });
  test("is read if it is none of ours", () => assert.equal(rested(keysOf("4006381333931")).scanned, "4006381333931"));
  test("is not somebody who hits a key or two", () => assert.deepEqual(rested(keysOf("4006381")), { isFast: true }));
  test("is said to be unreadable if its keys say nothing", () => {
    const nameless = Array.from({ length: 8 }, () => ({ key: "Unidentified", code: "" }));
    assert.equal(rested(nameless).isUnreadable, true);
    assert.equal(rested(nameless.slice(1)).isUnreadable, undefined);
  });
});
