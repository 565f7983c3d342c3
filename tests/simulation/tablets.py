"""Node, running the tablets' own modules: see tablets.js."""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redeem.times import Ms

SCRIPT = Path(__file__).with_name("tablets.js")


class TabletFault(AssertionError):
    """Something was thrown on a tablet that nobody caught."""


@dataclass
class Tablets:
    """`tell` does one thing and gives back what came of it: the screen, and the requests that left."""

    now: Ms
    sent: list[dict[str, Any]] = field(default_factory=list)
    screens: dict[str, dict[str, Any] | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._node = subprocess.Popen(
            ["node", "--no-warnings", str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def tell(self, do: str, device: str, **more: Any) -> Any:
        assert self._node.stdin
        assert self._node.stdout
        of = {"of" if "request" in more else "device": device}
        self._node.stdin.write(json.dumps({"do": do, "now": self.now, **of, **more}) + "\n")
        reply = json.loads(self._node.stdout.readline())
        if reply["faults"]:
            raise TabletFault(reply["faults"][0])
        self.sent += reply["sent"]
        self.screens[device] = reply["screen"]
        return reply["value"]

    def close(self) -> None:
        assert self._node.stdin
        self._node.stdin.close()
        self._node.wait()
