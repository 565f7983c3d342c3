"""The offline protocol's models are safe, the checker finds the fault of each shortcut, and the code does what the models do."""

import subprocess

import pytest

from redeem.lib.files import ROOT

MODEL = (ROOT / "protocol" / "journal.pml").read_text()
RECOVERY = (ROOT / "protocol" / "recovery.pml").read_text()
SHORTCUTS = [
    "CONTESTED_BLOCKS_HOLDER",
    "CONTESTED_OWED",
    "FORGET",
    "GAVE_UNHEARD",
    "GOES_ON",
    "HOLD_BEATS_LIST",
    "LATE",
    "LEASE",
    "QUIET",
    "RERUN",
    "STALE",
    "UNJUDGED",
    "UNORDERED",
    "UNRECALLED",
    "YES_AFTER_DECISION",
]
OF_RECOVERY = [
    "ANYLIFE",
    "ANYRELEASE",
    "CLAIM_BY_EPOCH_ALONE",
    "CONTESTED_STAYS",
    "FORGOTTEN",
    "GRANTING",
    "KEPT",
    "NO_DISPLACEMENT",
    "OLDEPOCH",
    "OLD_COPY_GRANTS",
    "ONLYSINCE",
    "OVERTAKEN",
    "RECALL_LOST",
    "UNADMITTED",
    "UNASKED",
    "UNAWAITED",
    "UNCLAIMED",
    "UNFINISHED",
    "UNREAD",
    "UNSEALED",
    "UNSIGNED_CLAIM_ASKS",
    "UNSIGNED_CLAIM_WINS",
    "VOID_STAYS",
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
    "write(ASK)": [("static/clerk/counter/counter.js", 'this.#deeds.write("ask"')],
    "write(GAVE)": [("static/clerk/counter/counter.js", 'this.#deeds.step("gave", attempt)')],
    "write(DROP)": [("static/clerk/counter/counter.js", 'this.#deeds.step("drop", attempt)')],
    "write(GAVEHELD)": [("static/clerk/counter/counter.js", 'this.#giveUnasked("gave-held"')],
    "write(ATRISK)": [("static/clerk/counter/counter.js", 'this.#giveUnasked("gave-at-risk"')],
    "write(UNDO)": [("static/clerk/counter/counter.js", 'this.#deeds.step("undo", attempt')],
    "write(RELEASE)": [("static/clerk/server/sync.js", 'this.#journal.append("release"')],
    "up!me,size[me]": [("static/clerk/server/sync.js", "async #exchange(after, entries")],
    "down?eval(me),a,y,e,r": [
        ("static/clerk/server/sync.js", "async #learn(reply"),
        ("static/clerk/server/sync.js", "async #giveBack(recalls)"),
    ],
    "e > released[me] && !r -> held[me] = e": [
        ("static/clerk/knowledge/holds.js", "grant[2] > releasedEpoch(past, id)")
    ],
    "y && asking[me] && a == asked[me]": [("static/clerk/knowledge/state.js", 'gave: { asking: "given" }')],
    "(held[me] > listed[me])": [("static/clerk/knowledge/check.js", "export function heldHere(")],
    "l && e > listed[me] -> listed[me] = e": [("static/clerk/server/sync.js", "this.sets.apply(changes, last)")],
    "e > released[me] && r && !asking[me]": [("static/clerk/knowledge/state.js", "export const mayRelease")],
    "do :: last[d] < n -> last[d]++; take(last[d])": [
        ("redeem/sync/sync.py", "def take_all("),
        ("redeem/domain/journal.py", "def check_entry("),
    ],
    "(yes[d] & (1 << a))": [("redeem/sync/sync.py", "def repeat(")],
    "entry(d, k) == ASK ->": [("redeem/redemptions/takers.py", "Kind.ASK: take_redeem")],
    "entry(d, k) == GAVE ||": [("redeem/redemptions/takers.py", "Kind.GAVE: take_gave")],
    "GAVE && denied[d] -> beside[d] = RECORDS_DENIED": [("redeem/redemptions/takers.py", "Rule.NEVER_GIVEN")],
    "yes[d] = 0;": [("redeem/sync/sync.py", "if kept.is_denied")],
    "decisions < DECIDES": [("redeem/redemptions/pending.py", "def decide_pending(")],
    "entry(d, k) == GAVEHELD ->": [("redeem/redemptions/takers.py", "Kind.GAVE_HELD: take_given")],
    "entry(d, k) == ATRISK ->": [("redeem/redemptions/takers.py", "Kind.GAVE_AT_RISK: take_given")],
    "if :: HELD_BESIDE -> recall = true": [
        ("redeem/redemptions/takers.py", "def recall_beside("),
        ("redeem/redemptions/undo.py", "ledger.recall_beside("),
        ("redeem/ledger/recovery_reports.py", "ledger.recall_beside("),
    ],
    "beside[d] = true": [("redeem/redemptions/takers.py", "def second_gift(")],
    "entry(d, k) == DROP ||": [("redeem/redemptions/takers.py", "Kind.DROP: take_drop")],
    "entry(d, k) == UNDO ->": [("redeem/redemptions/takers.py", "Kind.UNDO: take_undo")],
    "entry(d, k) == RELEASE ->": [
        ("redeem/redemptions/takers.py", "Kind.RELEASE: take_release"),
        ("redeem/holds/holds.py", "def release("),
    ],
    "redeemed == 0 && holder != 0 && holder != d -> recall = true": [("redeem/redemptions/takers.py", "def recall(")],
    "contested = BREAKS_RULE": [("redeem/redemptions/takers.py", "rule = judge(taking, coupon, standing)")],
    "BREAKS_RULE (holder != 2)": [
        ("redeem/redemptions/judge.py", "coupon.holder_id == device_id and not coupon.unproved")
    ],
    "MAY_STAND (holder == 0 || holder == 2)": [
        ("redeem/redemptions/takers.py", "coupon.holder_id in (None, device_id)"),
        ("redeem/ledger/sql.py", "or_(Coupon.holder_id.is_(None), Coupon.holder_id == Act.device_id)"),
    ],
    "OWED_IF_LIE (!contested)": [("redeem/redemptions/takers.py", "count(taking, Outcome.CONTESTED)")],
    "entry(d, k) == UNLIE ->": [
        ("redeem/redemptions/takers.py", "withdraw(taking, about)"),
        ("redeem/redemptions/undo.py", "ledger.withdraw_conflict("),
    ],
    "conflict = true": [("redeem/redemptions/takers.py", "def second_gift(")],
    "redeemed == 0 && holder == 0 && epoch < EPOCHS": [
        ("redeem/holds/holds.py", "def grant_promised("),
        ("redeem/holds/holds.py", "OPEN = and_("),
    ],
    "holder != 0 && !recall -> recall = true": [
        ("redeem/holds/holds.py", "def recall("),
        ("redeem/holds/holds.py", "def void("),
    ],
    "stopped[me] = true": [
        ("static/clerk/storage/damage.js", "export function readJournal("),
        ("static/clerk/storage/journal.js", "async findLoss("),
        ("static/clerk/main.js", "if (device && damage) return stop("),
    ],
}

# The same of a restored ledger.
ACTIONS_OF_RECOVERY = {
    "copy(l, b); life++; recovering = true": [("redeem/recovery/restore.py", "def begin(")],
    "reported[1] = false; reported[2] = false": [("redeem/recovery/restore.py", "def _await_devices(")],
    "above(n) (n > GENERATION * 2 -> n : GENERATION * 2)": [
        ("redeem/ledger/generation.py", "def first_epoch("),
        ("redeem/holds/holds.py", "life.first_epoch"),
    ],
    "behind = true": [
        ("redeem/ledger/generation.py", "def refuse_if_behind("),
        ("redeem/sync/receipts.py", "def refuse_if_lost("),
        ("redeem/ledger/generation.py", "def note_behind("),
    ],
    "MAY_GRANT (!recovering && !(behind && STOPS))": [
        ("redeem/holds/holds.py", "if life.only_holders_give"),
        ("redeem/sync/sync.py", "def move_holds("),
    ],
    "l.holder == w || (l.holder == 0 && MAY_GRANT)": [("redeem/redemptions/verify.py", "def must_wait(")],
    "recovering && IS_PRESENT(g) && !reported[d]": [
        ("redeem/ledger/recovery_reports.py", "def record_report("),
        ("redeem/ledger/recovery_reports.py", "report.generation != life.generation"),
    ],
    "c > l.epoch || (c != 0 && PROOF_BEATS) -> l.holder = d; l.epoch = c": [
        ("redeem/ledger/recovery_reports.py", "def record_claims("),
        ("redeem/ledger/recovery_reports.py", "Coupon.unproved.is_(True) | (Coupon.epoch < bindparam"),
    ],
    "keep_recall() if :: MAY_WAIT_AGAIN -> l.voided = 1; l.recalled = true": [
        ("redeem/ledger/recovery_reports.py", "recalled_at=VOID_SINCE"),
        ("redeem/ledger/recovery_reports.py", "else_=VOID_SINCE"),
    ],
    "l.voided == 1 && l.holder == 0 && l.redeemed == 0 -> l.voided = 2": [
        ("redeem/holds/holds.py", "def _do_what_waited("),
        ("redeem/holds/holds.py", "def reopen("),
    ],
    "VOIDS && l.voided == 0 && l.redeemed == 0": [("redeem/holds/holds.py", "def void(")],
    "make_way() if :: l.redeemed == LIE": [("redeem/ledger/recovery_reports.py", "def make_way(")],
    "MAY_CLAIM (l.epoch < above(0) && (l.holder == 0": [
        ("redeem/ledger/recovery_reports.py", "IS_FREE & (Coupon.epoch < bindparam")
    ],
    "l.epoch = above(0); l.unproved = true": [
        ("redeem/ledger/recovery_reports.py", "life.first_epoch if claim.is_unproved")
    ],
    "MAY_ASK (!(recovering && l.unproved))": [("redeem/redemptions/verify.py", "bool(found.unproved)")],
    "GIVES_WAY -> l.redeemed = d; l.second[LIE] = true": [
        ("redeem/redemptions/takers.py", "def gave_way("),
        ("redeem/redemptions/takers.py", "ledger.make_second(taking.session, standing.act_id"),
    ],
    "IS_ALL(d, n) (l.last[d] == n)": [("redeem/ledger/recovery_reports.py", "report.end == device.last_number")],
    "MAY_READ(d, g) (KNOWN || !recovering || reported[d] || g == life)": [
        ("redeem/sync/sync.py", "def has_shown("),
        ("redeem/sync/entries.py", "def is_of_something_lost("),
    ],
    "open_seal(s) if :: s -> l.campaign = true": [
        ("redeem/ledger/sealed_copies.py", "def take_back("),
        ("redeem/sync/sync.py", "sealed_copies.take_back(session, request.copies"),
    ],
    "SEAL (seal[me] && REPORT != 0)": [("static/clerk/server/report.js", "copies, more_copies: more")],
    "open_seal(seal[2])": [("static/clerk/storage/store.js", '"copies"')],
    "learn_seal(d) if :: YOUNG -> seal[d] = true": [("redeem/sync/snapshot.py", "def copies_for(")],
    "(l.last[d] < n || !MAY_READ(d, g)) -> skip": [("redeem/sync/sync.py", "def is_behind_a_gap(")],
    "ALL_REPORTED (reported[1] && (!l.known || reported[2]))": [
        ("redeem/ledger/recovery_reports.py", "def is_awaited("),
        ("redeem/ledger/recovery_reports.py", "def end_if_complete("),
    ],
    "l.awaits = (AWAITS || (enrolled && !l.known))": [
        ("redeem/recovery/restore.py", "awaits_forgotten=life.awaits_forgotten or not none_enrolled")
    ],
    "l.awaits && ALL_HERE -> l.awaits = false": [
        ("redeem/recovery/enrolled_since_backup.py", "def go_on_without_forgotten(")
    ],
    "ASKS (d == w)": [("redeem/redemptions/takers.py", "if reason is None and from_quarantine:")],
    "NONE_FORGOTTEN (!l.awaits)": [("redeem/ledger/recovery_reports.py", "life.awaits_forgotten")],
    "REPORT (life * (recovering && !reported[me]": [("static/clerk/server/sync.js", "this.#report.begins(")],
    "CLAIM (held[me]": [("static/clerk/server/report.js", "all.slice(claimed, claimed + CLAIMS_PER_REQUEST)")],
    "give_up(d) unhear(d)": [
        ("static/clerk/server/sync.js", "other.abort()"),
        ("static/clerk/server/sync.js", "return this.#alone(async"),
    ],
    "me == 2 && WORKS && !l.known -> unhear(me); refused = true": [
        ("redeem/web/clerk/routes.py", "_note_forgotten("),
        ("static/clerk/server/sync.js", "get mustEnrol()"),
    ],
    "WORKS (me == 1 || (enrolled && !refused))": [("static/clerk/counter/deeds.js", "!this.#sync.mustEnrol")],
    "!enrolled -> enrolled = true; l.known = true": [("redeem/devices/enrolment.py", "def enrol(")],
    "retired = size[2]; l.last[2] = retired": [("static/clerk/server/enrolment.js", "file.retire()")],
    "held[2] = 0": [("static/clerk/storage/store.js", "change.store.clear()")],
    "take(3, 2, n)": [
        ("static/clerk/storage/old-journals.js", "async next(limit)"),
        ("redeem/sync/quarantine.py", "def admit("),
    ],
    "SAME(d) && !l.handed) -> l.redeemed = d": [("redeem/redemptions/takers.py", "ledger.mark_handed_over_once(")],
    "l.redeemed == 0 || (SAME(d)": [("redeem/redemptions/takers.py", "def stand_after_all(")],
    "entry(w, k) == DROP -> if :: l.redeemed == d && !l.handed": [
        ("redeem/redemptions/takers.py", "standing.handed_over_at is not None")
    ],
    "l.second[d] = true": [("redeem/redemptions/takers.py", "def second_gift(")],
    "l.second[d] -> l.second[d] = false": [
        ("redeem/redemptions/takers.py", "withdraw(taking, about)"),
        ("redeem/redemptions/undo.py", "ledger.withdraw_conflict("),
    ],
    "l.second[1] -> 1 :": [("redeem/redemptions/undo.py", "ledger.promote_conflict(")],
    "l.holder == w && IS_OF(entry(w, k) - RELEASE)": [
        ("redeem/holds/holds.py", 'Coupon.epoch == bindparam("of_epoch")')
    ],
    # The same epoch told again is the same hold, with a hash that may be salted anew.
    "l.epoch > held[me] -> grant[me] = l.epoch": [("static/clerk/knowledge/holds.js", "grant[2] > (kept?.[2] ?? 0)")],
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


@pytest.mark.parametrize("entry", ["ASK", "GAVE", "DROP", "GAVEHELD", "ATRISK", "UNDO", "RELEASE"])
def test_each_entry_of_the_model_is_written_and_taken_somewhere(entry: str):
    assert f"#define {entry} " in MODEL
    assert f"write({entry})" in ACTIONS
    assert any(action.startswith(f"entry(d, k) == {entry} ") for action in ACTIONS)


def flat(text: str) -> str:
    return " ".join(text.split())
