"""The offline protocol's models hold, and their checker would notice if they did not."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODEL = (ROOT / "protocol" / "journal.pml").read_text()
RECOVERY = (ROOT / "protocol" / "recovery.pml").read_text()
SHORTCUTS = ["FORGET", "LATE", "LEASE", "QUIET", "RERUN", "STALE", "UNORDERED"]
OF_RECOVERY = [
    "ANYLIFE",
    "FORGOTTEN",
    "GRANTING",
    "KEPT",
    "OLDEPOCH",
    "ONLYSINCE",
    "OVERTAKEN",
    "UNADMITTED",
    "UNASKED",
    "UNAWAITED",
    "UNCLAIMED",
    "UNFINISHED",
]


def check(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ROOT / "scripts/check-protocol", *arguments], check=False, capture_output=True, text=True)


@pytest.mark.slow
def test_no_gift_is_given_twice_and_no_coupon_burns():
    done = check("safe")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("shortcut", SHORTCUTS + OF_RECOVERY)
def test_each_tempting_shortcut_breaks_the_protocol(shortcut):
    done = check(shortcut)
    assert done.returncode == 0, done.stderr


def test_no_shortcut_of_the_models_is_left_out():
    assert check("shortcuts").stdout.split() == SHORTCUTS + OF_RECOVERY


@pytest.mark.slow
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

# The same of a restored ledger.
ACTIONS_OF_RECOVERY = {
    "copy(l, b); life++; recovering = true": [("redeem/restoring.py", "def begin(")],
    "reported[1] = false; reported[2] = false": [("redeem/restoring.py", "def _await_devices(")],
    "above(n) (n > life * 2 -> n : life * 2)": [
        ("redeem/generations.py", "def first_epoch("),
        ("redeem/holding.py", "life.first_epoch"),
    ],
    "MAY_GRANT (!recovering)": [
        ("redeem/holding.py", "if life.is_recovering"),
        ("redeem/syncing.py", "def move_holds("),
    ],
    "l.holder == w || (l.holder == 0 && !recovering)": [("redeem/verifying.py", "def must_wait(")],
    "recovering && IS_PRESENT(g) && !reported[d]": [
        ("redeem/recovering.py", "def hear("),
        ("redeem/recovering.py", "report.generation != life.generation"),
    ],
    "c > l.epoch -> l.holder = d; l.epoch = c": [
        ("redeem/recovering.py", "def claim("),
        ("redeem/recovering.py", "Coupon.epoch < bindparam"),
    ],
    "IS_ALL(d, n) (l.last[d] == n)": [("redeem/recovering.py", "report.end == device.last_number")],
    "l.last[d] < n -> skip": [("redeem/syncing.py", "def is_behind_a_gap(")],
    "ALL_REPORTED (reported[1] && (!l.known || reported[2]))": [
        ("redeem/recovering.py", "def is_awaited("),
        ("redeem/recovering.py", "def end_if_complete("),
    ],
    "l.awaits = (AWAITS || (enrolled && !l.known))": [
        ("redeem/restoring.py", "awaits_forgotten=life.awaits_forgotten or not none_enrolled")
    ],
    "l.awaits && ALL_HERE -> l.awaits = false": [("redeem/restoring.py", "def go_on_without_forgotten(")],
    "ASKS (d == w)": [("redeem/redeeming.py", "if reason is None and is_over:")],
    "NONE_FORGOTTEN (!l.awaits)": [("redeem/recovering.py", "life.awaits_forgotten")],
    "REPORT (life * (recovering && !reported[me]": [("static/clerk/sync.js", "#nextReport({ reported, generation })")],
    "CLAIM (held[me]": [("static/clerk/sync.js", "all.slice(claimed, claimed + CLAIMS_PER_REQUEST)")],
    "give_up(d) unhear(d)": [
        ("static/clerk/sync.js", "other.abort()"),
        ("static/clerk/sync.js", "return this.#alone(async"),
    ],
    "me == 2 && WORKS && !l.known -> unhear(me); refused = true": [
        ("redeem/web/clerk.py", "_note_forgotten("),
        ("static/clerk/sync.js", "get mustEnrol()"),
    ],
    "WORKS (me == 1 || (enrolled && !refused))": [("static/clerk/deeds.js", "!this.#sync.mustEnrol")],
    "!enrolled -> enrolled = true; l.known = true": [("redeem/enrolling.py", "def enrol(")],
    "retired = size[2]; l.last[2] = retired": [("static/clerk/enrolment.js", "file.retire()")],
    "held[2] = 0": [("static/clerk/store.js", "change.store.clear()")],
    "take(3, 2, n)": [
        ("static/clerk/old-journals.js", "async next(limit)"),
        ("redeem/quarantining.py", "def admit("),
    ],
    "SAME(d) && !l.handed) -> l.redeemed = d": [("redeem/redeeming.py", "ledger.hand_over_once(")],
    "l.redeemed == 0 || (SAME(d)": [("redeem/redeeming.py", "def stand_after_all(")],
    "entry(w, k) == DROP -> if :: l.redeemed == d && !l.handed": [
        ("redeem/redeeming.py", "standing.handed_over_at is not None")
    ],
    "l.second[d] = true": [("redeem/redeeming.py", "def second_gift(")],
    "l.second[d] -> l.second[d] = false": [("redeem/redeeming.py", "ledger.withdraw_conflict(")],
    "l.second[1] -> 1 :": [("redeem/redeeming.py", "ledger.promote_conflict(")],
    "l.holder == w && l.epoch == entry(w, k) - RELEASE": [
        ("redeem/holding.py", 'Coupon.epoch == bindparam("of_epoch")')
    ],
    "l.epoch > held[me] -> grant[me] = l.epoch": [
        ("static/clerk/holds.js", "grant[2] > (this.#grants.get(id)?.[2] ?? 0)")
    ],
}


@pytest.mark.parametrize(
    ("model", "action", "codes"),
    [
        (model, action, codes)
        for model, actions in ((MODEL, ACTIONS), (RECOVERY, ACTIONS_OF_RECOVERY))
        for action, codes in actions.items()
    ],
    ids=[*ACTIONS, *ACTIONS_OF_RECOVERY],
)
def test_each_action_of_a_model_is_done_by_code(model: str, action: str, codes: list[tuple[str, str]]):
    assert flat(action) in flat(model)
    assert [(file, code) for file, code in codes if code not in (ROOT / file).read_text()] == []


@pytest.mark.parametrize("entry", ["ASK", "GAVE", "DROP", "GAVEHELD", "UNDO", "RELEASE"])
def test_each_entry_of_the_model_is_written_and_taken_somewhere(entry: str):
    assert f"#define {entry} " in MODEL
    assert f"write({entry})" in ACTIONS
    assert any(action.startswith(f"entry(d, k) == {entry} ") for action in ACTIONS)


def flat(text: str) -> str:
    return " ".join(text.split())
