"""The part of the definitions that is about replication: rows to values and back."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from django.db import models

from cluster_admin.inventory.definitions import sync, with_proposal
from cluster_admin.inventory.models import Subcluster
from cluster_admin.replication.models import (
    LimitExemption,
    Limiting,
    ReplicatedTable,
    TrafficLimit,
)
from workers.failover.core.definitions import Definitions
from workers.failover.core.toml_text import Problem
from workers.replication.core.definitions import (
    Action,
    CutOff,
    Exempt,
    Limit,
    Per,
    Replication,
    Scope,
    Subject,
    Table,
    table_type,
)

Word = TypeVar("Word", Action, CutOff, Per, Scope, Subject)
LIMIT_FIELDS = (
    *("name", "most", "prefix_v4", "prefix_v6", "match", "binding", "host", "domain", "stage"),
    *("message", "test", "throttle", "enabled"),
)
TABLE_FIELDS = ("name", "max_pending", "max_size", "binding_group", "table_class", "snapshot")


def build(
    definitions: Definitions, subcluster: Subcluster, proposal: models.Model | None
) -> Definitions:
    """Add tables, limits and exemptions to the definitions; raises `Problem`."""
    tables = with_proposal(subcluster.replicatedtable_set.all(), proposal, ReplicatedTable)
    limits = with_proposal(subcluster.trafficlimit_set.all(), proposal, TrafficLimit)
    exempts = with_proposal(subcluster.limitexemption_set.all(), proposal, LimitExemption)
    about = with_proposal(subcluster.limiting_set.all(), proposal, Limiting)
    replication = Replication(
        tuple(_table(row) for row in sorted(tables, key=str)),
        tuple(_limit(row) for row in sorted(limits, key=str)),
        tuple(Exempt(row.name, row.limit, row.key, row.most) for row in sorted(exempts, key=str)),
    )
    for row in about:
        place = ("replication", "", "cut_off")
        cut_off = _word(CutOff, row.cut_off, place, "replication")
        replication = replace(replication, cut_off=cut_off, test=row.test)
    return replace(definitions, replication=replication)


def load(definitions: Definitions, subcluster: Subcluster) -> None:
    """Make the rows say what a file says."""
    told = definitions.replication
    here: dict[str, Any] = {"subcluster": subcluster}
    sync(
        ReplicatedTable.objects.filter(subcluster=subcluster),
        "name",
        {one.name: ReplicatedTable(**here, **_table_values(one)) for one in told.tables},
    )
    sync(
        TrafficLimit.objects.filter(subcluster=subcluster),
        "name",
        {one.name: TrafficLimit(**here, **_limit_values(one)) for one in told.limits},
    )
    sync(
        LimitExemption.objects.filter(subcluster=subcluster),
        "name",
        {
            one.name: LimitExemption(
                **here, name=one.name, limit=one.limit, key=one.key, most=one.most
            )
            for one in told.exempts
        },
    )
    usual = Replication()
    said = (told.cut_off, told.test) != (usual.cut_off, usual.test)
    row = Limiting(**here, cut_off=told.cut_off.value, test=told.test)
    rows = Limiting.objects.filter(subcluster=subcluster)
    sync(rows, "cut_off", {row.cut_off: row} if said else {})


def held(_: Subcluster) -> Mapping[str, int]:
    """No node holds what others would have to take over."""
    return {}


def _table(row: ReplicatedTable) -> Table:
    place, thing = ("table", row.name), f"table {row.name}"
    kind = table_type(row.type)
    if kind is None:
        raise Problem((*place, "type"), f"{thing}: type {row.type!r} is not known")
    pairs = row.parameters
    if not isinstance(pairs, dict) or not all(isinstance(one, str) for one in pairs.values()):
        way = 'write {"window": "3600"}, or {"ttl": "60"} for a cache'
        raise Problem((*place, "parameters"), f"{thing}: parameters are no texts by name; {way}")
    return Table(
        type=kind,
        parameters=tuple(sorted(pairs.items())),
        max_delay=float(row.max_delay),
        scope=_word(Scope, row.scope, (*place, "scope"), thing),
        **{name: getattr(row, name) for name in TABLE_FIELDS},
    )


def _limit(row: TrafficLimit) -> Limit:
    place, thing = ("limit", row.name), f"limit {row.name}"
    return Limit(
        subject=_word(Subject, row.subject, (*place, "subject"), thing),
        per=_word(Per, row.per, (*place, "per"), thing),
        window=round(float(row.window), 6),
        action=_word(Action, row.action, (*place, "action"), thing),
        **{name: getattr(row, name) for name in LIMIT_FIELDS},
    )


def _table_values(table: Table) -> dict[str, Any]:
    return {
        "type": table.type.value,
        "parameters": dict(table.parameters),
        "max_delay": table.max_delay,
        "scope": table.scope.value,
        **{name: getattr(table, name) for name in TABLE_FIELDS},
    }


def _limit_values(limit: Limit) -> dict[str, Any]:
    return {
        "subject": limit.subject.value,
        "per": limit.per.value,
        "window": float(limit.window),
        "action": limit.action.value,
        **{name: getattr(limit, name) for name in LIMIT_FIELDS},
    }


def _word(words: type[Word], written: str, place: tuple[str, ...], thing: str) -> Word:
    try:
        return words(written)
    except ValueError:
        way = f"write {' or '.join(words)}"
        raise Problem(place, f"{thing}: {place[2]} is {written!r}; {way}") from None
