"""Three-way merge of definitions, by what they say and not by their lines.

Two people who changed different settings, nodes or VIPs, or different values of one, both have
their way; who changed the same value differently, or changed what the other removed, clash.
Whether the result is one that nodes can act on is not asked here.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from workers.failover.core.definitions import Definitions
from workers.logs.core.definitions import Logs
from workers.replication.core.definitions import Replication

Key = TypeVar("Key")
Value = TypeVar("Value")
_ABSENT: Any = object()


class ClashError(Exception):
    """Both sides changed the same."""


def merge(base: Definitions | None, ours: Definitions, theirs: Definitions) -> Definitions:
    """Theirs with what ours changed since `base` (None: since nothing); raises `ClashError`."""
    base = base or Definitions(ours.cluster, ours.subcluster, 1)
    places = [{one.cidr: one for one in side.topologies} for side in (base, ours, theirs)]
    return replace(
        theirs,
        knobs=_value(base.knobs, ours.knobs, theirs.knobs),
        topologies=tuple(_table(*places).values()),
        nodes=_table(base.nodes, ours.nodes, theirs.nodes),
        vips=_table(base.vips, ours.vips, theirs.vips),
        logs=_logs(base.logs, ours.logs, theirs.logs),
        replication=_replication(base.replication, ours.replication, theirs.replication),
    )


def _logs(*sides: Logs) -> Logs:
    """Both kinds by name, and in the order of names, as the values are to be."""
    sources = _table(*({one.name: one for one in side.sources} for side in sides))
    subscribers = _table(*({one.name: one for one in side.subscribers} for side in sides))
    return Logs(
        tuple(sources[name] for name in sorted(sources)),
        tuple(subscribers[name] for name in sorted(subscribers)),
    )


def _replication(*sides: Replication) -> Replication:
    """All three kinds by name, in the order of names; what holds for all of them by value."""
    tables = _table(*({one.name: one for one in side.tables} for side in sides))
    limits = _table(*({one.name: one for one in side.limits} for side in sides))
    exempts = _table(*({one.name: one for one in side.exempts} for side in sides))
    return Replication(
        tuple(tables[name] for name in sorted(tables)),
        tuple(limits[name] for name in sorted(limits)),
        tuple(exempts[name] for name in sorted(exempts)),
        _value(*(side.cut_off for side in sides)),
        _value(*(side.test for side in sides)),
    )


def _table(
    base: Mapping[Key, Value], ours: Mapping[Key, Value], theirs: Mapping[Key, Value]
) -> dict[Key, Value]:
    """Each row of the three by its key; theirs first, in their order."""
    keys = dict.fromkeys((*theirs, *ours))
    rows = {key: _value(*(side.get(key, _ABSENT) for side in (base, ours, theirs))) for key in keys}
    return {key: row for key, row in rows.items() if row is not _ABSENT}


def _value(base: Any, ours: Any, theirs: Any) -> Any:
    if theirs in (base, ours):
        return ours
    if ours == base:
        return theirs
    if not all(map(is_dataclass, (base, ours, theirs))):
        raise ClashError
    names = [one.name for one in fields(ours)]
    sides = ([getattr(side, name) for side in (base, ours, theirs)] for name in names)
    return replace(ours, **{name: _value(*side) for name, side in zip(names, sides, strict=True)})
