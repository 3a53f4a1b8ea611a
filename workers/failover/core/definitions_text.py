"""The text form of `Definitions`: TOML in, TOML out; every error has file and line.

People may write the tables of docs/reference in any order, with comments. `render` writes the
canonical form: fixed order, only what differs from the defaults, the same bytes for the same value;
parse(render(d)) == d. It begins with a line that says so and ends with a line that counts, such as

    # end of definitions: revision 7, 3 nodes, 6 vips, crc32 5d1c4f2a

so that a file cut short, even between two tables, or spoilt is noticed. Whoever edits such a file
by hand removes its first line; then the last is an ordinary comment. Bounds: `definitions_rules`.
"""

import re
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from workers.failover.core.definitions import (
    AdminState,
    Definitions,
    Knobs,
    Node,
    Topology,
    Vip,
    read_address,
)
from workers.failover.core.definitions_rules import (
    BOUNDS,
    CHOICES,
    COMMANDS,
    KNOB_NAMES,
    canonical_address,
    canonical_cidr,
    check,
    usual_dead_after,
)
from workers.failover.core.replication_text import (
    KEYS,
    place_in_text,
    replication_lines,
    replication_of,
)
from workers.failover.core.toml_text import Problem, Table, line_of, listed, load, quoted
from workers.logs.core.definitions import (
    BACKLOG_BYTES,
    LEAST_BACKLOG_BYTES,
    MOST_BACKLOG_BYTES,
    Logs,
    Source,
    Subscriber,
)

FORMAT = 1
TOP_KEYS = (
    *("format", "cluster", "subcluster", "revision", "knobs", "topology", "node", "vip"),
    *("log", "subscriber", *KEYS),
)
LIMIT_BYTES = 4 * 1024 * 1024
USUAL_RING_PORT = 7411
VIP_TEXTS = ("check", "hook", "binding", "description")
"""Keys of a VIP that are plain text, empty when not given, in canonical order."""
FIRST_LINE = "# Muster definitions in canonical form; remove this line when you edit the file."
_LAST_LINE = re.compile(r"# end of definitions: .*, crc32 ([0-9a-f]{8})\r?\n?")


class DefinitionsError(ValueError):
    """Definitions that no node can act on: one sentence with file and line."""

    def __init__(self, source: str, line: int, sentence: str) -> None:
        super().__init__(f"{source}:{line}: {sentence}" if line else f"{source}: {sentence}")
        self.source = source
        self.line = line
        self.sentence = sentence


def parse(text: str, source: str = "definitions.toml") -> Definitions:
    """Read definitions; raise `DefinitionsError` unless nodes can act on them."""
    try:
        _check_size(text)
        _check_end(text)
        definitions = _definitions(load(text))
        check(definitions)
    except Problem as problem:
        places = (problem.path, place_in_text(problem.path))  # of a table both are behind its name
        line = problem.line or max(line_of(text, one) for one in places)
        raise DefinitionsError(source, line, problem.sentence) from None
    return definitions


def render(definitions: Definitions) -> str:
    """Write the canonical text; raise `DefinitionsError` for what `parse` would refuse."""
    try:
        check(definitions)
    except Problem as problem:
        raise DefinitionsError("definitions", 0, problem.sentence) from None
    body = "\n".join(_lines(definitions)) + "\n"
    nodes, vips = len(definitions.nodes), len(definitions.vips)
    text = (
        f"{body}\n# end of definitions: revision {definitions.revision}, {nodes} nodes, "
        f"{vips} vips, crc32 {zlib.crc32(body.encode()):08x}\n"
    )
    try:
        _check_size(text)
    except Problem as problem:
        raise DefinitionsError("definitions", 0, problem.sentence) from None
    return text


def _check_size(text: str) -> None:
    size = len(text) if text.isascii() else len(text.encode())
    if size > LIMIT_BYTES:
        sentence = f"{size} bytes are too many; at most {LIMIT_BYTES}: divide the subcluster"
        raise Problem((), sentence, 1)


def _check_end(text: str) -> None:
    """Refuse a canonical text whose last line is missing or counts something else."""
    if not text.startswith(FIRST_LINE):
        return
    start = text.rstrip("\n").rfind("\n") + 1
    told = _LAST_LINE.fullmatch(text, start)
    line = len(text.splitlines())
    way = "put the whole file back, or remove its first line if somebody edited it on purpose"
    if not told:
        raise Problem((), f"the file is cut short: its last line is missing; {way}", line)
    if zlib.crc32(text[: start - 1].encode()) != int(told[1], 16):
        raise Problem((), f"the file is not what its last line says; {way}", line)


def _definitions(top: Table) -> Definitions:
    top.allow(*TOP_KEYS)
    top.whole("format", None, FORMAT, FORMAT)
    return Definitions(
        cluster=top.text("cluster"),
        subcluster=top.text("subcluster"),
        revision=top.whole("revision", None, 1, (1 << 53) - 1),
        knobs=_knobs(top.table("knobs", "knobs")),
        topologies=tuple(_topology(cidr, table) for cidr, table in top.tables("topology")),
        nodes={name: _node(name, table) for name, table in top.tables("node")},
        vips=_vips(top.tables("vip")),
        logs=_logs(top),
        replication=replication_of(top),
    )


def _knobs(table: Table) -> Knobs:
    table.allow(*KNOB_NAMES)
    usual = Knobs()
    values: dict[str, Any] = {}
    for name, (low, high) in BOUNDS.items():
        default = getattr(usual, name)
        if name == "dead_after":
            default = usual_dead_after(values["heartbeat_interval"])
        if isinstance(default, int):
            values[name] = table.whole(name, default, int(low), int(high))
        else:
            values[name] = table.number(name, default, low, high)
    for name, choices in CHOICES.items():
        word = table.text(name, getattr(usual, name))
        if word not in tuple(choices):
            raise table.problem(name, f"{name} is {word!r}; write {' or '.join(choices)}")
        values[name] = choices(word)
    for name in COMMANDS:
        values[name] = table.text(name, getattr(usual, name))
    return Knobs(**values)


def _topology(cidr: str, table: Table) -> Topology:
    table.allow("interface", "witnesses", "interest", "segment")
    return Topology(
        cidr=canonical_cidr(cidr, table.path, table.thing),
        interface=table.text("interface"),
        witnesses=_addresses(table, "witnesses", "witness"),
        segment=table.text("segment", ""),
        interest=_addresses(table, "interest", "host of interest"),
    )


def _addresses(table: Table, key: str, what: str) -> tuple[str, ...]:
    place, thing = (*table.path, key), f"{table.thing}: {what}"
    return tuple(canonical_address(one, place, thing) for one in table.texts(key))


def _node(name: str, table: Table) -> Node:
    table.allow("address", "ring_port", "weight", "interfaces", "state", "segment")
    overrides = table.table("interfaces", f"{table.thing}: interfaces")
    return Node(
        name=name,
        address=canonical_address(table.text("address"), (*table.path, "address"), table.thing),
        ring_port=table.whole("ring_port", USUAL_RING_PORT, 1, 65535),
        weight=table.whole("weight", 1, 1, 1000),
        interfaces=tuple(
            sorted(
                (canonical_cidr(cidr, (*overrides.path, cidr), overrides.thing), interface)
                for cidr, interface in overrides.items()
            )
        ),
        admin_state=_admin_state(table),
        segment=table.text("segment", ""),
    )


def _admin_state(table: Table) -> AdminState:
    state = table.text("state", AdminState.ENABLED)
    if state not in tuple(AdminState):
        raise table.problem("state", f"state is {state!r}; write {' or '.join(AdminState)}")
    return AdminState(state)


def _vips(tables: Iterable[tuple[str, Table]]) -> dict[str, Vip]:
    found: dict[str, Vip] = {}
    for spelled, table in tables:
        vip = _vip(spelled, table)
        if vip.address in found:
            raise table.problem("", f"defined twice (it is {vip.address}); remove one")
        found[vip.address] = vip
    return found


def _vip(spelled: str, table: Table) -> Vip:
    table.allow("prefer", "follow", "weight", *VIP_TEXTS)
    follow = table.text("follow", "")
    return Vip(
        address=canonical_address(spelled, table.path, table.thing),
        prefer=table.texts("prefer"),
        follow=follow
        and canonical_address(follow, (*table.path, "follow"), f"{table.thing}: follow"),
        weight=table.whole("weight", 1, 1, 1000),
        **{key: table.text(key, "") for key in VIP_TEXTS},
    )


def _logs(top: Table) -> Logs:
    sources = dict(top.tables("log"))
    subscribers = dict(top.tables("subscriber"))
    return Logs(
        tuple(_source(name, sources[name]) for name in sorted(sources)),
        tuple(_subscriber(name, subscribers[name]) for name in sorted(subscribers)),
    )


def _source(name: str, table: Table) -> Source:
    table.allow("path", "nodes")
    return Source(name, table.text("path"), table.texts("nodes"))


def _subscriber(name: str, table: Table) -> Subscriber:
    table.allow("backlog_bytes")
    bounds = LEAST_BACKLOG_BYTES, MOST_BACKLOG_BYTES
    return Subscriber(name, table.whole("backlog_bytes", BACKLOG_BYTES, *bounds))


def _lines(definitions: Definitions) -> Iterator[str]:
    yield FIRST_LINE
    yield f"format = {FORMAT}"
    yield f"cluster = {quoted(definitions.cluster)}"
    yield f"subcluster = {quoted(definitions.subcluster)}"
    yield f"revision = {definitions.revision}"
    yield from _knob_lines(definitions.knobs)
    for topology in definitions.topologies:
        yield from ("", f"[topology.{quoted(topology.cidr)}]")
        yield f"interface = {quoted(topology.interface)}"
        if topology.witnesses:
            yield f"witnesses = {listed(topology.witnesses)}"
        if topology.interest:
            yield f"interest = {listed(topology.interest)}"
        if topology.segment:
            yield f"segment = {quoted(topology.segment)}"
    for name in sorted(definitions.nodes):
        yield from _node_lines(definitions.nodes[name])
    for address in sorted(definitions.vips, key=_by_number):
        yield from _vip_lines(definitions.vips[address])
    yield from _log_lines(definitions.logs)
    yield from replication_lines(definitions.replication)


def _knob_lines(knobs: Knobs) -> Iterator[str]:
    usual = Knobs(dead_after=usual_dead_after(knobs.heartbeat_interval))
    changed = [name for name in KNOB_NAMES if getattr(knobs, name) != getattr(usual, name)]
    if changed:
        yield from ("", "[knobs]")
    for name in changed:
        value = getattr(knobs, name)
        yield f"{name} = {quoted(value) if isinstance(value, str) else _number(name, value)}"


def _number(name: str, value: float) -> str:
    """Spell 1 and 1.0 alike where a knob is a number of seconds."""
    return repr(int(value) if isinstance(getattr(Knobs(), name), int) else float(value))


def _node_lines(node: Node) -> Iterator[str]:
    yield from ("", f"[node.{node.name}]")
    yield f"address = {quoted(node.address)}"
    if node.ring_port != USUAL_RING_PORT:
        yield f"ring_port = {node.ring_port}"
    if node.weight != 1:
        yield f"weight = {node.weight}"
    if node.interfaces:
        pairs = ", ".join(f"{quoted(cidr)} = {quoted(name)}" for cidr, name in node.interfaces)
        yield f"interfaces = {{ {pairs} }}"
    if node.admin_state is not AdminState.ENABLED:
        yield f"state = {quoted(node.admin_state)}"
    if node.segment:
        yield f"segment = {quoted(node.segment)}"


def _vip_lines(vip: Vip) -> Iterator[str]:
    yield from ("", f"[vip.{quoted(vip.address)}]")
    if vip.prefer:
        yield f"prefer = {listed(vip.prefer)}"
    if vip.follow:
        yield f"follow = {quoted(vip.follow)}"
    if vip.weight != 1:
        yield f"weight = {vip.weight}"
    for key in VIP_TEXTS:
        if text := getattr(vip, key):
            yield f"{key} = {quoted(text)}"


def _log_lines(logs: Logs) -> Iterator[str]:
    for source in sorted(logs.sources, key=lambda one: one.name):
        yield from ("", f"[log.{source.name}]", f"path = {quoted(source.path)}")
        if source.nodes:
            yield f"nodes = {listed(source.nodes)}"
    for subscriber in sorted(logs.subscribers, key=lambda one: one.name):
        yield from ("", f"[subscriber.{subscriber.name}]")
        if subscriber.backlog_bytes != BACKLOG_BYTES:
            yield f"backlog_bytes = {subscriber.backlog_bytes}"


def _by_number(address: str) -> tuple[int, int]:
    value = read_address(address)
    return value.version, int(value)
