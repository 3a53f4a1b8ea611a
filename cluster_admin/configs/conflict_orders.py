"""Orders to nodes that are on another history than the manager's.

Whom somebody decided against is told to give its history up; all others are asked for theirs, or
left alone: numbers of revisions mean something else there.
"""

from collections.abc import Iterable
from dataclasses import replace

from msgspec.structs import replace as altered

from cluster_admin.configs import conflict_rules, conflicts, orders, store
from cluster_admin.configs.conflict_rules import Course, Side
from cluster_admin.configs.models import Replica
from cluster_admin.configs.orders import Head, Target
from cluster_admin.configs.packs import Shelf
from workers.config.core.messages import Ask, Order
from workers.repository.errors import RepositoryError


class AstrayError(RepositoryError):
    """A node is on another history, and gets no order."""


class Astray:
    """Which nodes are astray, as their rows say. Raises `RepositoryError`, as `order` does."""

    def __init__(self, rows: Iterable[Replica]) -> None:
        self._rows = {row.node: row for row in rows}
        self._sides = conflicts.sides(self._rows.values())

    def order(
        self, node: str, head: Head, target: Target, shelf: Shelf, asked: orders.Asked
    ) -> Order | None:
        """What a node that is astray is told; None: it is not. `AstrayError`: nothing."""
        row, side = self._rows.get(node), self._sides.get(node, Side.OURS)
        if row is not None and row.commit and asked.tells:
            return _nothing_new(row)
        if row is None or side is Side.OURS:
            return None
        what = f"it has r{row.number} of another history, which is no revision here"
        if not row.histories:
            way = "update it: its Muster can neither tell a history nor give it up"
            raise AstrayError(f"{what}; {way}")
        if side is Side.GIVEN_UP:
            return _reset(row, head, target, shelf, asked)
        if asked.history is None:
            raise AstrayError(f"{what}; see muster config conflict")
        known = tuple(store.repository().beside.samples())
        return altered(_nothing_new(row), ask=Ask(known=known, offset=asked.history))


def course(row: Replica, side: Side) -> Course:
    """What the node of a row is told."""
    is_here = side is Side.FOREIGN and store.repository().beside.has(row.commit)
    return conflict_rules.course(side, able=row.histories, is_here=is_here)


def _nothing_new(row: Replica) -> Order:
    """An order of what a node has: it has nothing to do but to tell how it stands."""
    return Order(subcluster=row.subcluster, head=row.number, commit=row.commit)


def _reset(row: Replica, head: Head, target: Target, shelf: Shelf, asked: orders.Asked) -> Order:
    beside = store.repository().beside
    # What was never fetched may have nothing in common: then everything is sent.
    since = beside.parting(row.commit).since if beside.has(row.commit) else ""
    part = shelf.part(since, asked.wants, asked.offset)
    made = orders.order(row.subcluster, part, replace(target, backwards=True))
    return altered(made, reset=row.commit)
