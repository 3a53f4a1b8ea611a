"""What the agents of a lab say happened around a run, told in lines.

Read from the files of events, which outlive the agents. Their times are wall-clock time of this
machine, turned into monotonic seconds here.
"""

import json
import time
from collections import deque
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.report import Run
from workers.lab.lab import Lab

AROUND_SECONDS = 1.0
NEWEST = 2_000


def around(lab: Lab, run: Run) -> dict[str, list[str]]:
    """Node -> its events from just before the fault, seconds from the fault."""
    zero = run.struck_at if run.struck_at is not None else run.probe.started
    offset = time.time() - time.monotonic()
    found = {}
    for node in lab.nodes:
        path = lab.host_directory(node) / "state" / "events.jsonl"
        times = [(_seconds(event) - offset, event) for event in _newest(path)]
        found[node] = [
            f"{at - zero:+8.3f} {_told(event)}"
            for at, event in times
            if zero - AROUND_SECONDS <= at <= run.probe.ended + AROUND_SECONDS
        ]
    return found


def _newest(path: Path) -> list[dict[str, Any]]:
    """The newest events of a file, but for lines cut short when their agent died."""
    found = []
    try:
        with path.open("rb") as lines:
            for line in deque(lines, maxlen=NEWEST):
                if line.startswith(b"{") and line.endswith(b"}\n"):
                    found.append(json.loads(line))
    except FileNotFoundError:
        pass
    return found


def _seconds(event: dict[str, Any]) -> float:
    return datetime.fromisoformat(event["time"]).timestamp()


def _told(event: dict[str, Any]) -> str:
    hidden = ("time", "number")
    return ", ".join(f"{name} {value}" for name, value in event.items() if name not in hidden)
