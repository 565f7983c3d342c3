"""Run every check and every test, and add up what they counted.

Browser tests wait a lot, so they run beside the others, which fill those pauses. What a stage said is shown when it ends.
A stage that fails does not stop the others. The last line is `N passed, N failed`, and the exit code is 0 only if
all passed, the style and type checks too.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "test-results"
PYTEST = [".venv/bin/pytest", "--quiet"]
# Who is done takes over from who is not.
SIDE_BY_SIDE = ["--numprocesses=auto", "--dist=worksteal"]
WORLDS = "tests/simulation/test_seeds.py"


@dataclass(frozen=True)
class Stage:
    """A command, and where it writes what it counted as JUnit's XML, if it is one of tests."""

    name: str
    command: list[str]
    report: Path | None = None


Lane = list[Stage]  # one after the other


def lanes() -> list[Lane]:
    """Return the lanes that run side by side: what needs the processor, and what mostly waits."""
    javascript, python, simulation, browser = (
        RESULTS / f"{name}.xml" for name in ("javascript", "python", "simulation", "browser")
    )
    others = ["--ignore=tests/browser", f"--ignore={WORLDS}"]
    # A browser for each core, but no more than a small machine's memory holds.
    browsers = ["tests/browser", "-m", "not soak and not timed", *SIDE_BY_SIDE, "--maxprocesses=4"]
    return [
        [
            Stage("style and types", ["scripts/lint"]),
            Stage("javascript", node_test(javascript), javascript),
            Stage("python", [*PYTEST, *SIDE_BY_SIDE, *others, *own("python"), f"--junitxml={python}"], python),
            # After the others: it uses every core itself.
            Stage("simulation", [*PYTEST, WORLDS, *own("simulation"), f"--junitxml={simulation}"], simulation),
        ],
        # A process of its own: Playwright leaves an event loop running, in which no other test can start one.
        [Stage("browser", [*PYTEST, *browsers, f"--junitxml={browser}"], browser)],
    ]


def own(stage: str) -> list[str]:
    """Give a stage an output folder of its own: pytest-playwright empties it at the start, and others are at work."""
    return [f"--output={RESULTS / stage}"]


def timed() -> Lane:
    """Return what runs when all else is done: what is measured beside other work is the other work."""
    report = RESULTS / "timed.xml"
    return [Stage("browser, timed", [*PYTEST, "tests/browser", "-m", "timed", f"--junitxml={report}"], report)]


def node_test(report: Path) -> list[str]:
    files = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests" / "js").rglob("*.test.js"))
    reporters = ["--test-reporter=dot", "--test-reporter-destination=stdout"]
    reporters += ["--test-reporter=junit", f"--test-reporter-destination={report}"]
    return ["node", *node_flags(), "--test", *reporters, *files]


def node_flags() -> list[str]:
    """Return what Debian 12's Node 18 must be told to have the `crypto` that browsers have; later ones need nothing."""
    version = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True).stdout
    return ["--experimental-global-webcrypto"] if version.startswith("v18.") else []


@dataclass(frozen=True)
class Result:
    name: str
    succeeded: bool
    counts: Counter[str]


def run_lane(lane: Lane) -> list[Result]:
    return [run(stage) for stage in lane]


def run(stage: Stage) -> Result:
    tell(f"== {stage.name}: begun")
    began = time.monotonic()
    done = subprocess.run(
        stage.command, check=False, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    succeeded, counts = done.returncode == 0, count(stage.report)
    if not succeeded and stage.report and not counts["failed"]:
        counts["failed"] = 1  # it broke down outside any test
    tell(f"\n{done.stdout}== {stage.name}: {'ok' if succeeded else 'FAILED'}, {time.monotonic() - began:.0f} s\n")
    return Result(stage.name, succeeded, counts)


def tell(words: str) -> None:
    """Write it at once and whole: another lane may have something to say, too."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def count(report: Path | None) -> Counter[str]:
    """Count a JUnit report's test cases by outcome; no report, no counts."""
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
    side_by_side = lanes()
    with ThreadPoolExecutor(len(side_by_side)) as pool:
        results = [result for lane in pool.map(run_lane, side_by_side) for result in lane]
    results += run_lane(timed())
    total = sum((result.counts for result in results), Counter[str]())
    failed = [result.name for result in results if not result.succeeded]
    if failed:
        sys.stdout.write(f"\nFAILED: {', '.join(failed)}\n")
    skipped = f", {total['skipped']} skipped" if total["skipped"] else ""
    sys.stdout.write(f"\n{total['passed']} passed, {total['failed']} failed{skipped}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
