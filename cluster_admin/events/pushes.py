"""Which nodes are handed the definitions again: those that live, but have had an old file too long.

Pure; time is an argument. Sending is the listener's, in a thread of its own.
"""

from dataclasses import dataclass, field

PATIENCE_SECONDS = 2.0
"""A node has this long to get a revision by itself."""
PAUSE_SECONDS = 5.0
"""Between two pushes to the same node."""


@dataclass(slots=True)
class Pushes:
    """Since when nodes lag, and when each was last helped. Monotonic seconds."""

    _since: dict[str, float] = field(default_factory=dict)
    _pushed: dict[str, float] = field(default_factory=dict)

    def due(self, lagging: set[str], now: float) -> list[str]:
        """Those of the `lagging` nodes that are to be handed the definitions now."""
        self._since = {node: self._since.get(node, now) for node in lagging}
        self._pushed = {node: at for node, at in self._pushed.items() if node in lagging}
        due = [
            node
            for node, since in sorted(self._since.items())
            if now - since > PATIENCE_SECONDS
            and now - self._pushed.get(node, float("-inf")) >= PAUSE_SECONDS
        ]
        self._pushed.update(dict.fromkeys(due, now))
        return due
