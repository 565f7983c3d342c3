"""Run every check and every test, one kind after the other, and add up what they counted.

A kind that fails does not stop those after it. The last line is `N passed, N failed`, and the exit code is 0 only if
all passed, the style and type checks too.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "test-results"
PYTEST = [".venv/bin/pytest", "--quiet"]
# A browser for each core (one more gains nothing), but no more than a small machine's memory holds; who is done takes over from who is not.
SIDE_BY_SIDE = ["-m", "not soak and not timed", "--numprocesses=auto", "--maxprocesses=4", "--dist=worksteal"]
WORLDS = "tests/simulation/test_seeds.py"


@dataclass(frozen=True)
class Stage:
    """A command. If it runs tests, `report` is where it writes their outcomes as JUnit XML."""

    name: str
    command: list[str]
    report: Path | None = None


def stages() -> list[Stage]:
    javascript, python, simulation, browser, timed = (
        RESULTS / f"{name}.xml" for name in ("javascript", "python", "simulation", "browser", "timed")
    )
    others = ["--ignore=tests/browser", f"--ignore={WORLDS}"]
    return [
        Stage("style and types", ["scripts/lint"]),
        Stage("javascript", node_test(javascript), javascript),
        Stage("python", [*PYTEST, "--numprocesses=auto", "--dist=worksteal", *others, f"--junitxml={python}"], python),
        # On its own: it uses every core itself.
        Stage("simulation", [*PYTEST, WORLDS, f"--junitxml={simulation}"], simulation),
        # On its own: Playwright leaves an event loop running, in which no other test can start one.
        Stage("browser", [*PYTEST, "tests/browser", *SIDE_BY_SIDE, f"--junitxml={browser}"], browser),
        # On its own: what is measured beside other work is the other work.
        Stage("browser, timed", [*PYTEST, "tests/browser", "-m", "timed", f"--junitxml={timed}"], timed),
    ]


def node_test(report: Path) -> list[str]:
    files = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests" / "js").rglob("*.test.js"))
    reporters = ["--test-reporter=dot", "--test-reporter-destination=stdout"]
    reporters += ["--test-reporter=junit", f"--test-reporter-destination={report}"]
    return ["node", *node_flags(), "--test", *reporters, *files]


def node_flags() -> list[str]:
    """Return the flags with which Node 18 of Debian 12 has the browsers' `crypto`; later versions need none."""
    version = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True).stdout
    return ["--experimental-global-webcrypto"] if version.startswith("v18.") else []


def run(stage: Stage) -> tuple[bool, Counter[str]]:
    """Run a stage with our standard output. Return whether it succeeded, and its counts."""
    sys.stdout.write(f"\n== {stage.name}\n")
    sys.stdout.flush()
    began = time.monotonic()
    succeeded = subprocess.run(stage.command, check=False, cwd=ROOT).returncode == 0
    counts = count(stage.report)
    if not succeeded and stage.report and not counts["failed"]:
        counts["failed"] = 1  # it broke down outside any test
    sys.stdout.write(f"== {stage.name}: {'ok' if succeeded else 'FAILED'}, {time.monotonic() - began:.0f} s\n")
    return succeeded, counts


def count(report: Path | None) -> Counter[str]:
    """Count the test cases of a JUnit report by outcome. Without a report the counts are 0."""
    if report is None or not report.exists():
        return Counter()
    # Our own test runners wrote the file a moment ago.
    return Counter(outcome(case) for case in ElementTree.parse(report).iter("testcase"))  # noqa: S314


def outcome(case: ElementTree.Element) -> str:
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    return "skipped" if case.find("skipped") is not None else "passed"


def main() -> int:
    RESULTS.mkdir(exist_ok=True)
    for old in RESULTS.glob("*.xml"):
        old.unlink()
    outcomes = {stage.name: run(stage) for stage in stages()}
    total = sum((counts for _, counts in outcomes.values()), Counter[str]())
    failed = [name for name, (succeeded, _) in outcomes.items() if not succeeded]
    if failed:
        sys.stdout.write(f"\nFAILED: {', '.join(failed)}\n")
    skipped = f", {total['skipped']} skipped" if total["skipped"] else ""
    sys.stdout.write(f"\n{total['passed']} passed, {total['failed']} failed{skipped}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
