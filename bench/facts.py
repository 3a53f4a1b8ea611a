"""What the agents of a lab say happened around a run, told in lines."""

from typing import Any

from bench.report import Run
from workers.lab.journals import events_between
from workers.lab.lab import Lab

AROUND_SECONDS = 1.0


def around(lab: Lab, run: Run) -> dict[str, list[str]]:
    """Node -> its events from just before the fault, seconds from the fault."""
    zero = run.struck_at if run.struck_at is not None else run.probe.started
    start, end = zero - AROUND_SECONDS, run.probe.ended + AROUND_SECONDS
    return {
        node: [
            f"{at - zero:+8.3f} {_told(event)}"
            for at, event in events_between(lab.record, node, start, end)
        ]
        for node in lab.nodes
    }


def _told(event: dict[str, Any]) -> str:
    hidden = ("time", "number")
    return ", ".join(f"{name} {value}" for name, value in event.items() if name not in hidden)
