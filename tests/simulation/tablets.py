"""Node, running the tablets' own modules: see tablets.js. One process serves many worlds, one after another."""

import json
import subprocess
from pathlib import Path
from typing import Any

from redeem.lib.times import Ms
from scripts.test import node_flags

SCRIPT = Path(__file__).with_name("tablets.js")


class TabletFault(AssertionError):
    """Something was thrown on a tablet that nobody caught."""


class Tablets:
    """`tell` does one thing and answers its value; what came of it is in `sent` (requests) and `tabs` (screens)."""

    def __init__(self, script: Path = SCRIPT) -> None:
        self.now: Ms = 0
        self.sent: list[dict[str, Any]] = []
        self.tabs: dict[str, dict[str, Any]] = {}
        self._node = subprocess.Popen(
            ["node", "--no-warnings", *node_flags(), str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def tell(self, do: str, **about: Any) -> Any:
        """Raises TabletFault."""
        assert self._node.stdin
        assert self._node.stdout
        self._node.stdin.write(json.dumps({"do": do, "now": self.now, **about}).encode() + b"\n")
        self._node.stdin.flush()
        reply = json.loads(self._node.stdout.readline())
        self.sent, self.tabs = reply["sent"], reply["tabs"]
        if reply["faults"]:
            raise TabletFault(reply["faults"][0])
        return reply["value"]

    def close(self) -> None:
        assert self._node.stdin
        assert self._node.stdout
        self._node.stdin.close()
        self._node.wait()
        self._node.stdout.close()
