"""The end of a run says how much was simulated."""

import pytest

from tests.simulation.tally import TALLY


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if TALLY.worlds:
        terminalreporter.write_line(f"simulated: {TALLY}")
