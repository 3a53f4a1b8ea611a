"""A VIP's move: from which node to which, as an event tells it. Pure; which rows, others ask."""

from dataclasses import dataclass

from workers.failover.core.actions import FactKind

MOVE = FactKind.TAKEN
"""A taking is a move; what was found at start (adopted) or let go, is none."""


@dataclass(frozen=True, slots=True)
class Way:
    """From where to where; empty: nobody, or unknown."""

    origin: str = ""
    goal: str = ""

    @property
    def named(self) -> dict[str, str]:
        """As JSON and CSV have it."""
        return {"from": self.origin, "to": self.goal}


def way(kind: str, node: str, peer: str) -> Way:
    """The way of a VIP in an event told by `node`, which names `peer`."""
    if kind in (FactKind.TAKEN, FactKind.ADOPTED):
        return Way(peer, node)
    if kind == FactKind.RELEASED:
        return Way(node, peer)
    return Way(node) if kind == FactKind.LOST else Way()
