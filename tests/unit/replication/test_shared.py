"""Tables of the subcluster and of the cluster under one roof."""

from workers.replication.core.definitions import Scope, Table, TableType
from workers.replication.core.shared import Shared

OWN = Table("own", TableType.SERIES_DELIVERY)
WIDE = Table("wide", TableType.SERIES_DELIVERY, scope=Scope.CLUSTER)
OPEN = Table("open", TableType.GAUGE_CACHE, scope=Scope.CLUSTER)


def batches(shared: Shared, now: float) -> dict[Scope, list[str]]:
    """Names of the tables that each scope tells of."""
    found = {scope: part.batch(now) for scope, part in shared.parts.items()}
    return {s: [one.table for one in delta.sections] for s, delta in found.items() if delta}


def test_each_table_is_told_to_whom_it_belongs() -> None:
    shared = Shared("mta1", [OWN, WIDE, OPEN], incarnation=1, now=0.0)
    shared.window("own", "192.0.2.1", 60).add(1, 5.0)
    shared.windows("wide", 60).window("192.0.2.1").add(1, 5.0)
    shared.gauge("open", "example.com").add(2)

    assert batches(shared, 5.0) == {Scope.SUBCLUSTER: ["own"], Scope.CLUSTER: ["wide", "open"]}
    assert shared.part("wide") is shared.parts[Scope.CLUSTER]


def test_a_table_that_changes_its_scope_begins_anew() -> None:
    shared = Shared("mta1", [OWN, WIDE], incarnation=1, now=0.0)
    shared.window("own", "192.0.2.1", 60).add(1, 5.0)

    shared.redefine([Table("own", TableType.SERIES_DELIVERY, scope=Scope.CLUSTER), WIDE])

    assert shared.part("own") is shared.parts[Scope.CLUSTER]
    assert shared.window("own", "192.0.2.1", 60).total == 0
