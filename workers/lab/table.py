"""A lab as people read it: nodes, who holds each VIP since when and why, mail, faults, what to try.

Values in, Rich renderables and JSON-able dictionaries out; asking is `workers.lab.health`'s.
"""

import dataclasses
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from workers.lab import manager_files
from workers.lab.core.hosts import Role, collector_names
from workers.lab.health import Health, Holding, missing
from workers.lab.lab import DEFAULT_NAME
from workers.lab.limit_health import WELL, standing
from workers.lab.manager_health import ManagerHealth
from workers.lab.state import Record

MOST_VIPS_SHOWN = 24
_MINUTE, _HOUR = 60.0, 3600.0
_COLOURS = {"ready": "green", "joining": "yellow", "draining": "yellow"}


def picture(record: Record, health: Health) -> dict[str, Any]:
    """What `muster lab status -o json` prints."""
    wanting = missing(record, health)
    return {
        "lab": record.name,
        "subnet": record.subnet,
        "green": not wanting,
        "missing": wanting,
        "nodes": [_node(record, health, name) for name in health.agents],
        "brokers": [{"host": name, "up": up} for name, up in health.brokers.items()],
        "vips": [_vip(health, vip) for vip in health.vips(record)],
        "mail": {"client": dict(health.traffic), "sink": dict(health.sink)},
        "manager": _manager(record, health),
        "faults": [
            {"kind": fault.kind.value, "targets": list(fault.targets), "fault": str(fault)}
            for fault in record.faults
        ],
    }


def render(record: Record, health: Health) -> RenderableType:
    """The whole lab for a terminal."""
    parts: list[RenderableType] = [_nodes(record, health), _vips(record, health)]
    parts.append(_mail_line(record, health))
    parts += [_logs_line(name, health) for name in collector_names(record.collectors)]
    if health.limits:
        parts.append(_limits_line(health))
    if health.manager is not None:
        parts.append(_manager_line(record, health.manager))
    if record.faults:
        faults = ", ".join(str(fault) for fault in record.faults)
        parts.append(Text(f"Faults in force: {faults}", style="bold red"))
    return Group(*parts)


def suggestions(record: Record, muster: str = "muster") -> list[str]:
    """Three lines that say what to try in another terminal; `muster` is the command there."""
    name = _named(record)
    node = record.names(Role.NODE)[min(1, len(record.names(Role.NODE)) - 1)]
    return [
        f"Try in another terminal:  {muster} lab fault{name} power-loss {node}",
        f"watch here who takes {node}'s VIPs, then:  {muster} lab heal{name} {node}",
        f"and measure it all:  {muster} lab probe{name} --all --seconds 10  (Ctrl-C ends the lab)",
    ]


def login_lines(record: Record, muster: str = "muster") -> list[str]:
    """Where the dashboard is and how to get in; nothing in a lab without a manager."""
    if not record.port:
        return []
    address, password = manager_files.address_of(record), manager_files.password_of(record)
    return [
        f"Dashboard:  {address}/  login: {manager_files.ADMIN}  password: {password}",
        f'The same by commands:  eval "$({muster} lab env{_named(record)})"; muster status',
    ]


def since(seconds: float) -> str:
    """A duration for people."""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    if seconds < _HOUR:
        return f"{int(seconds // _MINUTE)} min {int(seconds % _MINUTE):02d} s"
    return f"{int(seconds // _HOUR)} h {int(seconds % _HOUR // _MINUTE):02d} min"


def _named(record: Record) -> str:
    return "" if record.name == DEFAULT_NAME else f" --name {record.name}"


def _node(record: Record, health: Health, name: str) -> dict[str, Any]:
    agent = health.agents[name]
    address = next(host.address for host in record.hosts if host.name == name)
    found: dict[str, Any] = {"node": name, "address": address, "answers": agent is not None}
    found["configuration"] = health.configuration.get(name)
    found["limits"] = health.limits.get(name)
    if agent is not None:
        found |= {key: agent.get(key) for key in ("state", "incarnation", "revision", "rings")}
        found["members"] = agent.get("view", {}).get("members", [])
        found["agreed"] = agent.get("view", {}).get("agreed")
        found["logs"] = {name: dict(told) for name, told in health.shippers.get(name, {}).items()}
        found["vips"] = sum(h.node == name for v in health.vips(record) for h in health.holders(v))
    return found


def _vip(health: Health, vip: str) -> dict[str, Any]:
    holders = health.holders(vip)
    state = "unowned" if not holders else "owned" if len(holders) == 1 else "UNSAFE"
    return {
        "vip": vip,
        "state": state,
        "holders": [dataclasses.asdict(holder) for holder in holders],
        "mail_accepted_by": health.traffic.get("last_node", {}).get(vip),
    }


def _nodes(record: Record, health: Health) -> Table:
    shown = Table(title=f"Lab {record.name} on {record.subnet}", title_justify="left")
    for heading in (
        "node",
        "address",
        "state",
        "VIPs",
        "members seen",
        "rings",
        "configuration",
        "broker",
    ):
        shown.add_column(heading)
    brokers = [f"{name} {'up' if up else 'DOWN'}" for name, up in health.brokers.items()]
    for i, name in enumerate(health.agents):
        node = _node(record, health, name)
        state = str(node.get("state") or "no answer")
        rings = node.get("rings") or {}
        shown.add_row(
            name,
            node["address"],
            Text(state, style=_COLOURS.get(state, "bold red")),
            str(node.get("vips", "")),
            " ".join(node.get("members", [])),
            " ".join(ring.upper() for ring, up in sorted(rings.items()) if up),
            _revision(node["configuration"]),
            brokers[i] if i < len(brokers) else "",
        )
    return shown


def _revision(number: int | None) -> str:
    return "" if number is None else f"r{number}" if number else "as laid down"


def _vips(record: Record, health: Health) -> Table:
    shown = Table()
    for heading in ("VIP", "held by", "since", "why"):
        shown.add_column(heading)
    vips = health.vips(record)
    for vip in vips[:MOST_VIPS_SHOWN]:
        shown.add_row(vip, *_holding_cells(health.holders(vip)))
    if len(vips) > MOST_VIPS_SHOWN:
        shown.add_row(f"and {len(vips) - MOST_VIPS_SHOWN} more", "", "", "")
    return shown


def _holding_cells(holders: list[Holding]) -> tuple[Text, str, str]:
    if not holders:
        return Text("nobody", style="bold red"), "", ""
    style = "green" if len(holders) == 1 else "bold red"
    names = Text(" + ".join(holder.node for holder in holders), style=style)
    newest = min(holders, key=lambda holder: holder.held_seconds)
    return names, f"{since(newest.held_seconds)} ago", newest.reason


def _manager(record: Record, health: Health) -> dict[str, Any] | None:
    if health.manager is None:
        return None
    found = {"url": manager_files.address_of(record), "account": manager_files.ADMIN}
    return found | {"ready": health.manager.ready, "problem": health.manager.problem}


def _manager_line(record: Record, manager: ManagerHealth) -> Text:
    where = f"Manager: {manager_files.address_of(record)}/"
    return (
        Text(f"{where} ready")
        if manager.ready
        else Text(f"{where} {manager.problem}", style="bold red")
    )


def _logs_line(collector: str, health: Health) -> Text:
    """Who ships to a collector, and how far each is behind."""
    told = {node: shipper.get(collector) for node, shipper in health.shippers.items()}
    silent = [node for node, one in told.items() if not (one or {}).get("connected")]
    behind = ", ".join(
        f"{node} {one.get('backlog_bytes', 0):,} B" for node, one in told.items() if one
    )
    line = Text(f"Logs to {collector}, still to go: {behind or 'nobody ships any'}")
    if silent:
        line.append(f"; not connected: {', '.join(silent)}", style="bold red")
    return line


def _mail_line(record: Record, health: Health) -> Text:
    if not record.mail:
        return Text("No mail in this lab.")
    client, sink = health.traffic, health.sink
    return Text(
        f"Mail per second: {client.get('accepted_per_second', 0):.0f} accepted, "
        f"{client.get('deferred_per_second', 0):.0f} deferred, "
        f"{sink.get('per_second', 0):.0f} received by the sink; in all "
        f"{client.get('accepted', 0)}, {client.get('deferred', 0)}, {sink.get('received', 0)}"
    )


def _limits_line(health: Health) -> Text:
    """How each node limits."""
    states = {node: standing(told) for node, told in health.limits.items()}
    found = ", ".join(f"{node} {state}" for node, state in states.items())
    well = all(state == WELL for state in states.values())
    return Text(f"Limits: {found}", style="" if well else "yellow")
