"""Merging definitions: whatever two people changed, nothing that one of them did is lost unseen."""

from dataclasses import fields, replace

from hypothesis import given
from hypothesis import strategies as st

from cluster_admin.configs.definitions_merge import ClashError, merge
from workers.failover.core.definitions import Definitions, Knobs, Node, Topology, Vip
from workers.logs.core.definitions import Logs, Source, Subscriber
from workers.replication.core.definitions import (
    CutOff,
    Exempt,
    Limit,
    Per,
    Replication,
    Subject,
    Table,
    TableType,
)

NAMES = ("a", "b", "c")
small = st.integers(1, 3)
nodes = st.dictionaries(
    st.sampled_from(NAMES),
    st.builds(Node, st.just("n"), st.just("1"), ring_port=small, weight=small),
)
vips = st.dictionaries(
    st.sampled_from(NAMES),
    st.builds(Vip, st.just("v"), weight=small, binding=st.sampled_from("xy")),
)
topologies = st.dictionaries(
    st.sampled_from(NAMES), st.builds(Topology, st.just("t"), interface=st.sampled_from("xy"))
).map(lambda found: tuple(replace(one, cidr=name) for name, one in sorted(found.items())))
sources = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["/x", "/y"])).map(
    lambda found: tuple(Source(name, path) for name, path in sorted(found.items()))
)
subscribers = st.dictionaries(st.sampled_from(NAMES), small).map(
    lambda found: tuple(Subscriber(name, size) for name, size in sorted(found.items()))
)
tables = st.dictionaries(st.sampled_from(NAMES), small).map(
    lambda found: tuple(
        Table(name, TableType.CACHE, max_pending=size) for name, size in sorted(found.items())
    )
)
limits = st.dictionaries(st.sampled_from(NAMES), st.tuples(small, small)).map(
    lambda found: tuple(
        Limit(name, Subject.INBOUND_MESSAGES, Per.ADDRESS, most, window)
        for name, (most, window) in sorted(found.items())
    )
)
exempts = st.dictionaries(st.sampled_from(NAMES), small).map(
    lambda found: tuple(Exempt(name, "", "k", most) for name, most in sorted(found.items()))
)
definitions = st.builds(
    Definitions,
    cluster=st.just("demo"),
    subcluster=st.just("default"),
    revision=small,
    knobs=st.builds(Knobs, probe_count=small, check_fall=small),
    topologies=topologies,
    nodes=nodes,
    vips=vips,
    logs=st.builds(Logs, sources, subscribers),
    replication=st.builds(
        Replication, tables, limits, exempts, st.sampled_from(CutOff), st.booleans()
    ),
)


def _merged(*sides: Definitions) -> Definitions | None:
    try:
        return merge(*sides)
    except ClashError:
        return None


def _values(one: Definitions | None) -> dict[tuple[str, str, str], object]:
    """Every single value, by table, row and name."""
    if one is None:
        return {}
    tables = {"nodes": one.nodes, "vips": one.vips, "knobs": {"": one.knobs}}
    tables["topologies"] = {row.cidr: row for row in one.topologies}
    tables["sources"] = {row.name: row for row in one.logs.sources}
    tables["subscribers"] = {row.name: row for row in one.logs.subscribers}
    shared = one.replication
    tables["tables"] = {row.name: row for row in shared.tables}
    tables["limits"] = {row.name: row for row in shared.limits}
    tables["exempts"] = {row.name: row for row in shared.exempts}
    tables["replication"] = {"": replace(shared, tables=(), limits=(), exempts=())}
    return {
        (table, key, field.name): getattr(row, field.name)
        for table, rows in tables.items()
        for key, row in rows.items()  # type: ignore[attr-defined]
        for field in fields(row)
    }


@given(definitions, definitions)
def test_one_who_changed_nothing_is_in_nobodys_way(base: Definitions, other: Definitions) -> None:
    assert _values(_merged(base, other, base)) == _values(other)
    assert _values(_merged(base, base, other)) == _values(other)
    assert _values(_merged(base, other, other)) == _values(other)


@given(definitions, definitions, definitions)
def test_each_value_is_of_a_side_that_changed_it(
    base: Definitions, ours: Definitions, theirs: Definitions
) -> None:
    merged = _merged(base, ours, theirs)

    assert _values(merged) == _values(_merged(base, theirs, ours))
    if merged is None:
        return
    assert merged.revision == theirs.revision
    sides = [_values(one) for one in (base, ours, theirs)]
    result = _values(merged)
    for place in {*sides[0], *sides[1], *sides[2]}:
        was, mine, other = (side.get(place) for side in sides)
        assert result.get(place) == (other if mine == was else mine)
        assert other in (was, mine) or mine == was
