"""The events of a node: facts with a number and a wall-clock time, kept within bounds.

Numbers grow by one within an incarnation. The time is for people; nothing is decided by it.
"""

import contextlib
import json
import sys
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workers.failover.core.actions import Fact

KEPT_EVENTS = 10_000
FILE_BYTES = 4 * 1024 * 1024
"""Beyond this the file is put aside as events.old.jsonl, and the one before that is gone."""


class Journal:
    """Numbers and keeps events, and shows them to those who follow."""

    def __init__(self, directory: Path, incarnation: int) -> None:
        self._path = directory / "events.jsonl"
        self._incarnation = incarnation
        self._number = 0
        self._events: deque[dict[str, Any]] = deque(maxlen=KEPT_EVENTS)
        self.followers: list[Callable[[dict[str, Any]], None]] = []

    def record(self, fact: Fact) -> None:
        """Keep a fact as an event, print it to stderr, and show it to the followers."""
        self._number += 1
        event = {
            "number": self._number,
            "incarnation": self._incarnation,
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "kind": fact.kind.value,
            "vip": fact.vip,
            "node": fact.node,
            "reason": fact.reason.value,
            "epoch": fact.epoch,
            "detail": fact.detail,
        }
        self._events.append(event)
        line = json.dumps({name: value for name, value in event.items() if value})
        with contextlib.suppress(OSError):
            print(line, file=sys.stderr, flush=True)
        self._append(line)
        for follower in tuple(self.followers):
            follower(event)

    def since(self, number: int) -> list[dict[str, Any]]:
        """Events with a higher number, oldest first."""
        return [event for event in self._events if event["number"] > number]

    def _append(self, line: str) -> None:
        with contextlib.suppress(OSError):
            if self._path.exists() and self._path.stat().st_size > FILE_BYTES:
                self._path.replace(self._path.with_name("events.old.jsonl"))
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
