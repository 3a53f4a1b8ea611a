"""What the agents of a lab wrote of a stretch of time: events, by this machine's monotonic clock.

The files outlive the agents. Their times are wall-clock time, of a clock that a fault may have
stepped; an event that fits the stretch only without such a step is taken so.
"""

import json
import time
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from workers.lab.host_files import host_directory
from workers.lab.state import Record

NEWEST = 4_000
_FILES = ("events.old.jsonl", "events.jsonl")


def events_between(
    record: Record, node: str, start: float, end: float, steps: Sequence[int] = (0,)
) -> list[tuple[float, dict[str, Any]]]:
    """Events of a node with their instants; `steps`: how far its clock may have been off."""
    offset = time.time() - time.monotonic()
    found = []
    for name in _FILES:
        for event in _newest(host_directory(record, node) / "state" / name):
            at = datetime.fromisoformat(event["time"]).timestamp() - offset
            fitting = (at - step for step in steps if start <= at - step <= end)
            if (instant := next(fitting, None)) is not None:
                found.append((instant, event))
    return found


def _newest(path: Path) -> list[dict[str, Any]]:
    """The newest events of a file, but for lines cut short when their agent died."""
    try:
        with path.open("rb") as lines:
            whole = (line for line in deque(lines, maxlen=NEWEST) if line.endswith(b"}\n"))
            return [json.loads(line) for line in whole if line.startswith(b"{")]
    except FileNotFoundError:
        return []
