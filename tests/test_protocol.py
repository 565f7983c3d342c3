"""The offline protocol's model holds, and its checker would notice if it did not."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODEL = (ROOT / "protocol" / "journal.pml").read_text()
SHORTCUTS = ["FORGET", "LATE", "LEASE", "QUIET", "RERUN", "STALE", "UNORDERED"]


def check(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ROOT / "scripts/check-protocol", *arguments], check=False, capture_output=True, text=True)


@pytest.mark.slow
def test_no_gift_is_given_twice_and_no_coupon_burns():
    done = check("safe")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("shortcut", SHORTCUTS)
def test_each_tempting_shortcut_breaks_the_protocol(shortcut):
    done = check(shortcut)
    assert done.returncode == 0, done.stderr


def test_no_shortcut_of_the_model_is_left_out():
    assert check("shortcuts").stdout.split() == SHORTCUTS


def test_the_check_fails_where_the_checker_finds_nothing():
    assert "NO error" in check("NO_SHORTCUT_AT_ALL", "2").stderr  # with three it takes as long as all that is safe


# What the model does, and the code that does it: a change here must be made there, and the model comes first.
ACTIONS = {
    "write(ASK)": [("static/clerk/counter.js", 'this.#deeds.write("ask"')],
    "write(GAVE)": [("static/clerk/counter.js", 'this.#deeds.step("gave", attempt)')],
    "write(DROP)": [("static/clerk/counter.js", 'this.#deeds.step("drop", attempt)')],
    "write(GAVEHELD)": [("static/clerk/counter.js", 'this.#giveUnasked("gave-held"')],
    "write(UNDO)": [("static/clerk/counter.js", 'this.#deeds.step("undo", attempt')],
    "write(RELEASE)": [("static/clerk/sync.js", 'this.#journal.append("release"')],
    "up!me,size[me]": [("static/clerk/sync.js", "async #exchange(after, entries")],
    "down?eval(me),a,y,e,r": [
        ("static/clerk/sync.js", "async #learn(reply"),
        ("static/clerk/sync.js", "async #giveBack(recalls)"),
    ],
    "e > released[me] && !r -> held[me] = e": [("static/clerk/holds.js", "grant[2] > releasedEpoch(past, id)")],
    "y && asking[me] && a == asked[me]": [("static/clerk/state.js", 'gave: { asking: "given" }')],
    "e > released[me] && r && !asking[me]": [("static/clerk/state.js", "export const mayRelease")],
    "do :: last[d] < n -> last[d]++; take(last[d])": [
        ("redeem/syncing.py", "def take_all("),
        ("redeem/journal.py", "def check_entry("),
    ],
    "(yes[d] & (1 << a))": [("redeem/syncing.py", "def repeat(")],
    "entry(d, k) == ASK ->": [("redeem/redeeming.py", "Kind.ASK: take_redeem")],
    "entry(d, k) == GAVE ||": [("redeem/redeeming.py", "Kind.GAVE: take_gave")],
    "entry(d, k) == GAVEHELD ->": [("redeem/redeeming.py", "Kind.GAVE_HELD: take_given")],
    "entry(d, k) == DROP ||": [("redeem/redeeming.py", "Kind.DROP: take_drop")],
    "entry(d, k) == UNDO ->": [("redeem/redeeming.py", "Kind.UNDO: take_undo")],
    "entry(d, k) == RELEASE ->": [
        ("redeem/redeeming.py", "Kind.RELEASE: take_release"),
        ("redeem/holding.py", "def release("),
    ],
    "redeemed == 0 && holder != 0 && holder != d -> recall = true": [("redeem/redeeming.py", "def recall(")],
    "conflict = true": [("redeem/redeeming.py", "def second_gift(")],
    "redeemed == 0 && holder == 0 && epoch < EPOCHS": [
        ("redeem/holding.py", "def grant_promised("),
        ("redeem/holding.py", "OPEN = and_("),
    ],
    "holder != 0 && !recall -> recall = true": [
        ("redeem/holding.py", "def recall("),
        ("redeem/holding.py", "def void("),
    ],
}


@pytest.mark.parametrize("action", ACTIONS)
def test_each_action_of_the_model_is_done_by_code(action: str):
    assert flat(action) in flat(MODEL)
    assert [(file, code) for file, code in ACTIONS[action] if code not in (ROOT / file).read_text()] == []


@pytest.mark.parametrize("entry", ["ASK", "GAVE", "DROP", "GAVEHELD", "UNDO", "RELEASE"])
def test_each_entry_of_the_model_is_written_and_taken_somewhere(entry: str):
    assert f"#define {entry} " in MODEL
    assert f"write({entry})" in ACTIONS
    assert any(action.startswith(f"entry(d, k) == {entry} ") for action in ACTIONS)


def flat(text: str) -> str:
    return " ".join(text.split())
