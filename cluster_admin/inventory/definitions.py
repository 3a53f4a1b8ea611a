"""From rows to the definitions that nodes act on, and back.

`build` and `load` are inverse: reading a file gives the rows that write the same file. Other apps
add their part as `contributions`; who may change what, and when, is `services`'. Nothing is decided
here about what is right: that is asked of the core.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar

from django.db import models

from cluster_admin.inventory.contributions import contributions
from cluster_admin.inventory.models import Node, Segment, Setting, Subcluster, Topology
from workers.failover.core import definitions as core
from workers.failover.core.definitions_rules import CHOICES, COMMANDS, check, usual_dead_after
from workers.failover.core.definitions_text import DefinitionsError, parse, render
from workers.failover.core.toml_text import Problem

Row = TypeVar("Row", bound=models.Model)
KEY_PARTS = 100
"""Of a dotted key; reading one takes time with the square of its parts."""
_TEXT = r"""(?:"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')"""
_PART = rf"(?:(?<![\w-])[\w-]++|{_TEXT})[ \t]*+\.[ \t]*+"
_KEY = re.compile(rf"""(?P<key>(?:{_PART})++)|{_TEXT}|"(?:[^"\\\n]|\\.)*+|'[^'\n]*+|\#[^\n]*+""")
"""All of a dotted key but its last part; texts and comments are passed over."""


def build(subcluster: Subcluster, proposal: models.Model | None = None) -> core.Definitions:
    """The definitions that the rows say, `proposal` standing in for its own row or added to them.

    The revision is that of the newest file, 1 before there is one.
    """
    nodes = with_proposal(
        subcluster.node_set.select_related("segment").order_by("name"), proposal, Node
    )
    topologies = with_proposal(
        subcluster.topology_set.select_related("segment").order_by("cidr"), proposal, Topology
    )
    definitions = core.Definitions(
        cluster=subcluster.cluster,
        subcluster=subcluster.name,
        revision=max(1, subcluster.revision),
        knobs=_knobs(with_proposal(subcluster.setting_set.all(), proposal, Setting)),
        topologies=tuple(_topology(row) for row in topologies),
        nodes={row.name: _node(row) for row in nodes},
    )
    for one in contributions:
        definitions = one.build(definitions, subcluster, proposal)
    return definitions


def with_proposal(
    rows: Iterable[Row], proposal: models.Model | None, model: type[Row]
) -> list[Row]:
    """The rows, with the proposal instead of its own if it is one of theirs."""
    if not isinstance(proposal, model):
        return list(rows)
    kept = [row for row in rows if row.pk != proposal.pk or proposal.pk is None]
    return [*kept, proposal]


def problem_with(row: Any) -> tuple[str, str] | None:
    """(field or "", sentence) for why nodes could not act on the definitions with `row` in them."""
    try:
        check(build(row.subcluster, row))
    except Problem as problem:
        return (problem.path[2] if len(problem.path) > 2 else ""), problem.sentence
    except (TypeError, ValueError, AttributeError) as error:
        return "", f"{row}: a value is of the wrong kind: {error}"
    return None


def text_of(subcluster: Subcluster, revision: int) -> str:
    """Canonical text of what the rows say, as `revision`; raises `DefinitionsError`."""
    return render(replace(build(subcluster), revision=revision))


def read(text: str, source: str) -> core.Definitions:
    """Parse a file; raises `DefinitionsError` with the line."""
    if "\0" in text:
        raise DefinitionsError(source, 0, "has a NUL character; write plain TOML text")
    for found in _KEY.finditer(text):
        key = found["key"] or ""
        if key.count(".") > KEY_PARTS and len(re.findall(_PART, key)) > KEY_PARTS:
            line = text.count("\n", 0, found.start()) + 1
            way = "write plain tables"
            raise DefinitionsError(source, line, f"a key has more than {KEY_PARTS} parts; {way}")
    return parse(text, source)


def load(definitions: core.Definitions, subcluster: Subcluster) -> None:
    """Make the rows of a subcluster say what a file says; rows that stay keep their identity."""
    segments = _segments(definitions)
    _load_settings(definitions, subcluster)
    sync(
        Topology.objects.filter(subcluster=subcluster),
        "cidr",
        {
            one.cidr: Topology(
                subcluster=subcluster,
                cidr=one.cidr,
                interface=one.interface,
                witnesses=list(one.witnesses),
                interest=list(one.interest),
                segment=segments.get(one.segment),
            )
            for one in definitions.topologies
        },
    )
    sync(
        Node.objects.filter(subcluster=subcluster),
        "name",
        {
            one.name: Node(
                subcluster=subcluster,
                name=one.name,
                address=one.address,
                ring_port=one.ring_port,
                weight=one.weight,
                admin_state=one.admin_state.value,
                segment=segments.get(one.segment),
                interfaces=dict(one.interfaces),
            )
            for one in definitions.nodes.values()
        },
    )
    for part in contributions:
        part.load(definitions, subcluster)


def sync(rows: models.QuerySet[Row], key: str, wanted: dict[str, Row]) -> None:
    """Make `rows` equal `wanted` (by `key`): delete, update in place, create; in bulk."""
    found = {getattr(row, key): row for row in rows}
    model: Any = rows.model
    gone = [row.pk for name, row in found.items() if name not in wanted]
    if gone:
        model.objects.filter(pk__in=gone).delete()
    names = [one.attname for one in model._meta.concrete_fields if not one.primary_key]
    changed = []
    for name, row in wanted.items():
        if name in found:
            row.pk = found[name].pk
            if any(getattr(row, one) != getattr(found[name], one) for one in names):
                changed.append(row)
    if changed:
        fields = [one.name for one in model._meta.concrete_fields if not one.primary_key]
        model.objects.bulk_update(changed, fields, batch_size=100)
    model.objects.bulk_create(
        [row for name, row in wanted.items() if name not in found], batch_size=500
    )


def segment_names(definitions: core.Definitions) -> set[str]:
    """Every segment that definitions name."""
    names = {one.segment for one in definitions.topologies}
    names |= {one.segment for one in definitions.nodes.values()}
    return names - {""}


def _segments(definitions: core.Definitions) -> dict[str, Segment]:
    names = sorted(segment_names(definitions))
    return {name: Segment.objects.get_or_create(name=name)[0] for name in names}


def _load_settings(definitions: core.Definitions, subcluster: Subcluster) -> None:
    knobs = definitions.knobs
    usual = core.Knobs(dead_after=usual_dead_after(knobs.heartbeat_interval))
    wanted = {
        name: Setting(subcluster=subcluster, name=name, value=getattr(knobs, name))
        for name in core.Knobs.__dataclass_fields__
        if getattr(knobs, name) != getattr(usual, name)
    }
    sync(Setting.objects.filter(subcluster=subcluster), "name", wanted)


def _knobs(settings: Iterable[Setting]) -> core.Knobs:
    values = {row.name: row.value for row in settings}
    interval = values.get("heartbeat_interval", core.Knobs().heartbeat_interval)
    if "dead_after" not in values and isinstance(interval, (int, float)):
        values["dead_after"] = usual_dead_after(interval)
    for name, value in values.items():
        values[name] = _knob(name, value)
    return core.Knobs(**values)


def _knob(name: str, value: Any) -> Any:
    """A knob's value in the type that the core uses; raises `Problem` for another."""
    default = getattr(core.Knobs(), name, None)
    path = ("knobs", name, "value")
    if choices := CHOICES.get(name):
        if value not in tuple(choices):
            raise Problem(path, f"{name} is {value!r}; write {' or '.join(choices)}")
        return choices(value)
    if name in COMMANDS:
        if not isinstance(value, str):
            raise Problem(path, f"{name} is {value!r}; write a text")
        return value
    whole = isinstance(default, int)
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        kind = "a whole number" if whole else "a number"
        raise Problem(path, f"{name} is {value!r}; write {kind}")
    return value if whole else float(value)


def _topology(row: Topology) -> core.Topology:
    return core.Topology(
        cidr=row.cidr,
        interface=row.interface,
        witnesses=texts(row.witnesses, ("topology", row.cidr, "witnesses")),
        segment=row.segment.name if row.segment else "",
        interest=texts(row.interest, ("topology", row.cidr, "interest")),
    )


def _node(row: Node) -> core.Node:
    pairs = row.interfaces
    path = ("node", row.name, "interfaces")
    if not isinstance(pairs, dict) or not all(isinstance(one, str) for one in pairs.values()):
        raise Problem(path, f"node {row.name}: interfaces: write {{CIDR: interface, ...}}")
    return core.Node(
        name=row.name,
        address=row.address,
        ring_port=row.ring_port,
        weight=row.weight,
        interfaces=tuple(sorted(pairs.items())),
        admin_state=core.AdminState(row.admin_state),
        segment=row.segment.name if row.segment else "",
    )


def texts(value: Any, path: tuple[str, ...]) -> tuple[str, ...]:
    """A JSON list of texts as a tuple; raises `Problem` for anything else."""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Problem(path, f"{path[0]} {path[1]}: {path[2]}: write a list of texts")
    return tuple(value)
