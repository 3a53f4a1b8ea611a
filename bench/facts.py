"""What the agents of a lab say happened around a run, told in lines."""

from bench.report import Run
from workers.lab.health import ask
from workers.lab.lab import Lab


def around(lab: Lab, run: Run) -> dict[str, list[str]]:
    """Node -> its events from just before the fault, seconds from the fault."""
    zero = run.struck_at if run.struck_at is not None else run.probe.started
    found = {}
    for node in lab.nodes:
        answer = ask(lab.host_directory(node) / "muster.sock", {"command": "events"}) or {}
        found[node] = [
            _line(event, zero)
            for event in answer.get("events", ())
            if zero - 1.0 <= event.get("at", zero) <= run.probe.ended + 1.0
        ]
    return found


def _line(event: dict[str, object], zero: float) -> str:
    at = event.get("at")
    rest = ", ".join(f"{k} {v}" for k, v in event.items() if k != "at" and v not in ("", 0, None))
    return f"{at - zero:+8.3f} {rest}" if isinstance(at, float) else rest
