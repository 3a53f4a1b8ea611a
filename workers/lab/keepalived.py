"""Nodes that run Debian's keepalived in place of our agent, so that both can be measured alike.

One VRRP instance per VIP, priorities in turn: each node is first for its share, and what it loses
is spread over the others. Everything of keepalived lies in the host's own directory and namespace.
"""

import ipaddress
import json
from collections.abc import Mapping
from pathlib import Path

from workers.lab.commands import run
from workers.lab.core.hosts import Host, Role, namespace
from workers.lab.network import INTERFACE
from workers.lab.state import Record
from workers.lab.supervision import Program

DAEMON = "/usr/sbin/keepalived"
DEFAULT_INTERVAL = 1.0
"""Of Debian's examples; shorter ones need version 3 of the protocol."""
FIRST_PRIORITY, PRIORITY_STEP = 100, 10
"""The first is its default. Nearer to 255 a backup would wait up to 0.6 intervals less."""
MOST_VIPS = 255
"""A virtual router has one of 255 numbers."""


def lay_down(record: Record, host: Host, directory: Path, role: str) -> Program:
    """Write a node's configuration; answers what runs there."""
    path = directory / "keepalived.conf"
    path.write_text(configuration(record, host.name))
    path.chmod(0o600)  # keepalived refuses one that others could write or run
    pids = [("--pid", "keepalived.pid"), ("--vrrp_pid", "vrrp.pid")]
    words = [word for flag, name in pids for word in (flag, str(directory / name))]
    command = (DAEMON, "--dont-fork", "--log-console", "--no-syslog", "--vrrp")
    return Program(role, (*command, "--use-file", str(path), *words))


def configuration(record: Record, node: str) -> str:
    """keepalived.conf of a node: Debian's example, once per VIP."""
    places = placing(record)
    lines = ["global_defs {", f"    router_id {node}"]
    if record.heartbeat_interval != DEFAULT_INTERVAL:
        lines.append("    vrrp_version 3")
    lines.append("}")
    for number, vip in enumerate(record.vips, 1):
        lines += [
            f"vrrp_instance VI_{number} {{",
            "    state BACKUP",
            f"    interface {INTERFACE}",
            f"    virtual_router_id {number}",
            f"    priority {FIRST_PRIORITY - PRIORITY_STEP * places[vip].index(node)}",
            f"    advert_int {record.heartbeat_interval:g}",
            "    virtual_ipaddress {",
            f"        {vip}/32 dev {INTERFACE}",
            "    }",
            "}",
        ]
    return "\n".join(lines) + "\n"


def placing(record: Record) -> dict[str, tuple[str, ...]]:
    """VIP -> its nodes, the first choice first; what one loses goes to the others in turn."""
    nodes = record.names(Role.NODE)
    found = {}
    for number, vip in enumerate(record.vips):
        first = number % len(nodes)
        others = nodes[first + 1 :] + nodes[:first]
        turn = number // len(nodes) % max(1, len(others))
        found[vip] = (nodes[first], *others[turn:], *others[:turn])
    return found


def held(record: Record) -> dict[str, frozenset[str]]:
    """Node -> the VIPs that its kernel has; nothing of a host that is not there."""
    return {node: _held_by(record, node) for node in record.names(Role.NODE)}


def misplaced(record: Record, holding: Mapping[str, frozenset[str]]) -> list[str]:
    """What is not as it should be in a lab without faults; empty when every VIP is in its place."""
    found = []
    for vip, nodes in placing(record).items():
        holders = [node for node, vips in holding.items() if vip in vips]
        if holders != [nodes[0]]:
            found.append(f"{vip} is on {', '.join(holders) or 'no node'}, not on {nodes[0]} alone")
    return found


def _held_by(record: Record, node: str) -> frozenset[str]:
    text = run("ip", "-j", "-n", namespace(record.name, node), "-4", "address", "show", INTERFACE)
    there = {address["local"] for link in json.loads(text) for address in link["addr_info"]}
    vips = {str(ipaddress.ip_address(vip)) for vip in record.vips}
    return frozenset(there & vips)
