"""A readable time line of one schedule: faults, facts, who has what, and on demand every event."""

from __future__ import annotations


class Trace:
    """Lines in order of time."""

    def __init__(self, details: bool = False) -> None:
        self.details = details
        self.lines: list[str] = []

    def add(self, at: float, kind: str, text: str, detail: bool = False) -> None:
        """One line."""
        if not detail or self.details:
            mark = {"fault": "##", "VIOLATION": "!!", "owner": "=="}.get(kind, "  ")
            self.lines.append(f"{at:9.4f} {mark} {kind:<9} {text}")

    def __str__(self) -> str:
        return "\n".join(self.lines)
