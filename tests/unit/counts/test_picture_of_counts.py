"""The manager's picture of a subcluster's counts: it asks for what it lacks, and counts nothing."""

from dataclasses import replace

from cluster_admin.replication.picture import REFUSALS_MAX, Picture
from workers.bus.exchanges import MANAGER_ACCOUNT
from workers.replication.core.definitions import (
    Exempt,
    Limit,
    Per,
    Replication,
    Scope,
    Subject,
    Table,
    TableType,
)
from workers.replication.core.messages import Ask, Delta, Piece
from workers.replication.core.standing import Refused, Standing
from workers.replication.core.tables import Tables

NODES = ("mta1", "mta2")
LIMIT = Limit("l", Subject.OUTBOUND_CONNECTIONS, Per.DOMAIN, 20, binding="out")
REPLICATION = Replication(
    (Table("everywhere", TableType.DOMAIN_CONNECTIONS, scope=Scope.CLUSTER),), (LIMIT,)
)
AT = 1_000.0


def picture(replication: Replication = REPLICATION) -> Picture:
    made = Picture("default", 1, AT)
    made.redefine(replication, NODES, NODES)
    return made


def node(name: str = "mta1") -> Tables:
    made = Tables(name, REPLICATION.every_table, incarnation=5, now=AT)
    made.alive(NODES)
    return made


def batch(tables: Tables, now: float = AT) -> Delta:
    found = tables.batch(now)
    assert found is not None
    return found


def refused(number: int, key: str = "k") -> Refused:
    return Refused(number, AT, "l", key, 20, 20, "defer", False)


def standing(up_seconds: float, *numbers: int, name: str = "mta1") -> Standing:
    each = tuple(refused(number) for number in numbers)
    return Standing(
        name, AT, up_seconds, "b", False, refused=len(each), by_limit=(("l", 3),), refusals=each
    )


def test_what_was_lost_is_asked_for_and_only_asked() -> None:
    manager, tables = picture(), node()
    tables.gauge("gauge-cache", "x").add(3)
    batch(tables)
    tables.gauge("gauge-cache", "x").add(1)
    [ask] = manager.take(Scope.SUBCLUSTER, batch(tables, AT + 1), AT + 1)

    assert isinstance(ask, Ask)
    assert (ask.sender, ask.to, ask.owner) == (MANAGER_ACCOUNT, "mta1", "mta1")
    for answer in tables.take(ask, AT + 2):
        manager.take(Scope.SUBCLUSTER, answer, AT + 2)
    while isinstance(piece := tables.piece(AT + 2), Delta | Piece):
        manager.take(Scope.SUBCLUSTER, piece, AT + 2)
    assert manager.shared.gauge("gauge-cache", "x").total == 4


def test_a_vector_of_an_unknown_node_is_answered_by_a_question() -> None:
    tables = node()
    tables.gauge("gauge-cache", "x").add(3)
    batch(tables)

    [ask] = picture().take(Scope.SUBCLUSTER, tables.vector(AT), AT)

    assert ask.since == 0


def test_a_table_of_the_cluster_counts_nodes_of_other_subclusters() -> None:
    manager, far = picture(), node("far")
    far.alive(("far",))
    far.gauge("everywhere", "example.com").add(7)
    manager.redefine(REPLICATION, NODES, (*NODES, "far"))
    manager.take(Scope.CLUSTER, batch(far), AT)

    assert manager.shared.gauge("everywhere", "example.com").total == 7
    manager.redefine(REPLICATION, NODES, NODES)
    assert manager.shared.gauge("everywhere", "example.com").total == 0


def test_only_who_has_tables_of_the_cluster_hears_of_them() -> None:
    assert picture().shares(Scope.CLUSTER)
    assert not picture(replace(REPLICATION, tables=())).shares(Scope.CLUSTER)


def test_a_limit_on_a_binding_is_seen_at_its_domains() -> None:
    manager, tables = picture(), node()
    tables.gauge("binding-domain-connections", "out::example.com").add(5)
    tables.gauge("binding-domain-connections", "other::example.com").add(50)
    manager.take(Scope.SUBCLUSTER, batch(tables), AT)
    for place in manager.places():
        walk = manager.new_walk(place)
        for rows in manager.chunks(place, AT):
            walk.take(rows)
        manager.walked(place, walk, AT)

    [used] = manager.used(LIMIT, AT)
    assert (used.key, used.value, used.most) == ("example.com", 5, 20)


def test_refusals_are_kept_once_and_bounded_and_a_new_life_begins_anew() -> None:
    manager = picture()
    manager.take(Scope.SUBCLUSTER, standing(5.0, 0, 1), AT)
    manager.take(Scope.SUBCLUSTER, standing(6.0, 1, 2), AT)
    assert [one.refused.number for one in manager.refusals] == [0, 1, 2]

    manager.take(Scope.SUBCLUSTER, standing(1.0, 0), AT)
    assert [one.refused.number for one in manager.refusals] == [0, 1, 2, 0]
    for number in range(REFUSALS_MAX):
        manager.take(Scope.SUBCLUSTER, standing(9.0, number), AT)
    assert len(manager.refusals) == REFUSALS_MAX


def test_a_node_that_is_no_longer_defined_is_forgotten() -> None:
    manager = picture()
    manager.take(Scope.SUBCLUSTER, standing(5.0, 0), AT)
    assert manager.refused_by("l") == 3

    manager.redefine(REPLICATION, ("mta2",), ("mta2",))

    assert manager.refused_by("l") == 0
    assert manager.standings == {}


def test_a_table_that_is_no_longer_defined_is_looked_at_no_more() -> None:
    manager = picture()
    place = ("everywhere", None)
    manager.walked(place, manager.new_walk(place), AT)

    manager.redefine(replace(REPLICATION, tables=()), NODES, NODES)

    assert place not in manager.walks
    assert place not in manager.charts
    assert place not in manager.places()


def test_who_is_exempted_has_no_limit() -> None:
    exempt = Exempt("e", "l", "example.com")
    manager = picture(replace(REPLICATION, exempts=(exempt,)))

    assert manager.explain("out::example.com", AT) == []
    assert [one.key for one, _ in manager.explain("out::example.net", AT)] == ["example.net"]
