"""All tables of a node under one roof: those of its subcluster, and those of the cluster. Pure.

Each kind has a replica of its own, since other nodes share it; whoever counts knows only names. A
table that no definition names has nowhere to be told: it is counted on this node alone, in the
replica of the subcluster.
"""

from collections.abc import Sequence

from workers.replication.core.definitions import Scope, Table
from workers.replication.core.gauges import Gauge
from workers.replication.core.tables import Tables
from workers.replication.core.window_grid import WindowGrid
from workers.replication.core.windows import Window

SCOPES = (Scope.SUBCLUSTER, Scope.CLUSTER)


class Shared:
    """The replicas of `node`, empty. `incarnation`: grows with each start."""

    def __init__(self, node: str, tables: Sequence[Table], *, incarnation: int, now: float) -> None:
        self.parts = {
            scope: Tables(node, _of(tables, scope), incarnation=incarnation, now=now)
            for scope in SCOPES
        }
        """By scope; those of the subcluster first."""
        self._of: dict[str, Tables] = {}
        self._point(tables)

    def redefine(self, tables: Sequence[Table]) -> None:
        """Have other tables from now on; what stays keeps what it has."""
        for scope, part in self.parts.items():
            part.redefine(_of(tables, scope))
        self._point(tables)

    def part(self, table: str) -> Tables:
        """The replica that has a table."""
        return self._of.get(table, self.parts[Scope.SUBCLUSTER])

    def windows(self, table: str, span: float) -> WindowGrid:
        """The windows of `span` seconds over a table."""
        return self.part(table).windows(table, span)

    def window(self, table: str, key: str, span: float) -> Window:
        """How often something happened within `span` seconds."""
        return self.part(table).window(table, key, span)

    def gauge(self, table: str, key: str) -> Gauge:
        """How many there are now."""
        return self.part(table).gauge(table, key)

    def close_all(self) -> None:
        """Have nothing open on this node."""
        for part in self.parts.values():
            for grid in part.content.gauges.values():
                for key in grid.shelf.keys():  # noqa: SIM118 - a list: the shelf changes
                    grid.own(key, 0)

    def _point(self, tables: Sequence[Table]) -> None:
        self._of = {one.name: self.parts[one.scope] for one in tables}


def _of(tables: Sequence[Table], scope: Scope) -> tuple[Table, ...]:
    return tuple(one for one in tables if one.scope is scope)
