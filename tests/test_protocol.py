"""The offline protocol's model holds, and its checker would notice if it did not."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
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
    assert "NO error" in check("NO_SHORTCUT_AT_ALL").stderr
