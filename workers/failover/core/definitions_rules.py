"""What definitions may say: the bounds of every knob, and what names and addresses must agree on.

`check` raises a `Problem` for the first thing that is wrong. Values that pass are canonical: every
address is spelled in the one shortest way, so equal things compare equal. Text is read and written
elsewhere.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import fields
from enum import StrEnum

from workers.failover.core.checks import check_refusal
from workers.failover.core.definitions import (
    AnnounceTo,
    Definitions,
    Knobs,
    Node,
    PartitionPolicy,
    Topology,
    Vip,
    read_address,
)
from workers.failover.core.hooks import command_refusal
from workers.failover.core.toml_text import Path, Problem
from workers.logs.core.definitions import logs_refusal
from workers.replication.core.definitions_rules import replication_refusal

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

RESTART_SECONDS = 1.0
"""What an agent that was killed may need until it renews again: the lease has to outlast it."""

LEASE_ANCHOR = "192.0.2.1"
"""The address on which the kernel's lease of IPv4 VIPs hangs: no VIP and no node may have it."""

BOUNDS: dict[str, tuple[float, float]] = {
    "heartbeat_interval": (0.05, 10),
    "dead_after": (0.1, 60),
    "lease_ttl": (1, 60),
    "start_delay": (0, 60),
    "view_mature_time": (0, 3600),
    "balance_interval": (0.1, 3600),
    "balance_set_size": (1, 10240),
    "handoff_timeout": (0.1, 60),
    "definition_wait": (0, 3600),
    "probe_count": (1, 20),
    "probe_interval": (0.005, 1),
    "audit_interval": (0.1, 3600),
    "flap_limit": (0, 3600),
    "announce_count": (1, 100),
    "announce_period": (1, 86400),
    "check_interval": (0.1, 3600),
    "check_timeout": (0.05, 60),
    "check_fall": (1, 100),
    "hook_timeout": (0.1, 60),
}
"""Lowest and highest value of each knob that is a number, both allowed; seconds or counts."""

CHOICES: dict[str, type[StrEnum]] = {
    "announce_to": AnnounceTo,
    "partition_policy": PartitionPolicy,
}
"""What the knobs may be that are one word of a few."""

COMMANDS: dict[str, Callable[[str], str]] = {"on_change": command_refusal}
"""The knobs that are commands, and what says why a text is none."""

CHECK_COUNT = 64
"""At most so many different health checks: each node runs them all, and tells which fail."""

INTEREST_COUNT = 64
"""At most so many hosts of interest per topology: each is told of each VIP by itself."""

DESCRIPTION_CHARACTERS = 200

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_WORD = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_BINDING = re.compile(r"[A-Za-z0-9._-]{1,63}")
_INTERFACE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,14}")


def usual_dead_after(heartbeat_interval: float) -> float:
    """Return `dead_after` when it is not set: three intervals."""
    return round(3 * heartbeat_interval, 6)


def canonical_address(text: str, path: Path, thing: str) -> str:
    """Spell an address in its shortest way; refuse what is none."""
    try:
        address = read_address(text)
    except ValueError:
        way = "write an IPv4 or IPv6 address such as 198.18.0.101 or 2001:db8::101"
        what = "not an address" if thing.endswith(f" {text}") else f"{text!r} is not an address"
        raise Problem(path, f"{thing}: {what}; {way}") from None
    if "%" in text or getattr(address, "ipv4_mapped", None) is not None:
        raise Problem(
            path, f"{thing}: {text!r} has a zone or is IPv4 inside IPv6; write it plainly"
        )
    return str(address)


def canonical_cidr(text: str, path: Path, thing: str) -> str:
    """Spell a network in its shortest way; refuse what is none or has host bits."""
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        pass
    try:
        way = f"write {ipaddress.ip_network(text, strict=False)}"
    except ValueError:
        way = "write one such as 198.18.0.0/24"
    raise Problem(path, f"{thing}: {text!r} is not a network; {way}")


def check(definitions: Definitions) -> None:
    """Raise a `Problem` unless nodes can act on these definitions."""
    check_label(definitions.cluster, ("cluster",), "cluster")
    check_word(definitions.subcluster, ("subcluster",), "subcluster")
    if not 1 <= definitions.revision < 1 << 53:
        raise Problem(("revision",), f"revision {definitions.revision}: write a number from 1 up")
    _check_knobs(definitions.knobs)
    _check_topologies(definitions)
    _check_nodes(definitions)
    _check_vips(definitions)
    refusal = logs_refusal(definitions.logs, definitions.nodes)
    if refusal := refusal or replication_refusal(definitions.replication, definitions.nodes):
        raise Problem(*refusal)


def check_label(name: str, path: Path, thing: str) -> None:
    """Refuse a name that is no lower-case hostname label."""
    if not _LABEL.fullmatch(name):
        way = "write a hostname label: lower-case letters, digits and -, at most 63"
        raise Problem(path, f"{thing} {name!r}: not a name; {way}")


def check_word(name: str, path: Path, thing: str) -> None:
    """Refuse a name of a subcluster or segment that is not one word in lower case."""
    if not _WORD.fullmatch(name):
        way = "write one word in lower case, a letter first"
        raise Problem(path, f"{thing} {name!r}: not a name; {way}")


def _check_knobs(knobs: Knobs) -> None:
    for name, (low, high) in BOUNDS.items():
        value = getattr(knobs, name)
        if not low <= value <= high:
            raise Problem(("knobs", name), f"{name} is {value!r}; write {low:g} to {high:g}")
    for name, refused in COMMANDS.items():
        if refusal := refused(getattr(knobs, name)):
            raise Problem(("knobs", name), f"{name} {refusal}")
    least = round(2 * knobs.heartbeat_interval, 6)
    if knobs.dead_after < least:
        raise Problem(
            ("knobs", "dead_after"),
            f"dead_after is {knobs.dead_after:g} s, under two heartbeat intervals; "
            f"write {least:g} or more, or leave it out",
        )
    least = knobs.dead_after + RESTART_SECONDS
    if knobs.lease_ttl <= least:
        raise Problem(
            ("knobs", "lease_ttl"),
            f"lease_ttl is {knobs.lease_ttl} s, not more than dead_after ({knobs.dead_after:g} s) "
            f"and {RESTART_SECONDS:g} s for a restart; write {int(least) + 1} or more",
        )


def _check_topologies(definitions: Definitions) -> None:
    seen: set[str] = set()
    for topology in definitions.topologies:
        path: Path = ("topology", topology.cidr)
        thing = f"topology {topology.cidr}"
        cidr = canonical_cidr(topology.cidr, path, thing)
        _once(cidr, seen, path, thing)
        if cidr != topology.cidr:
            raise Problem(path, f"{thing}: spell it {cidr}")
        check_interface(topology.interface, (*path, "interface"), thing)
        if topology.segment:
            check_word(topology.segment, (*path, "segment"), f"{thing}: segment")
        _check_hosts(topology, topology.witnesses, (*path, "witnesses"), f"{thing}: witness")
        place, host = (*path, "interest"), f"{thing}: host of interest"
        _check_hosts(topology, topology.interest, place, host)
        if len(topology.interest) > INTEREST_COUNT:
            what = f"{len(topology.interest)} hosts of interest; name at most {INTEREST_COUNT}"
            raise Problem(place, f"{thing}: {what}")


def _check_hosts(topology: Topology, hosts: Iterable[str], path: Path, thing: str) -> None:
    """Hosts that are asked or told by ARP or neighbour discovery in this topology's network."""
    seen: set[str] = set()
    version = ipaddress.ip_network(topology.cidr).version
    for host in hosts:
        address = _plain(host, path, f"{thing} {host}")
        if address.version != version:
            raise Problem(
                path,
                f"{thing} {host} cannot be asked on an IPv{version} network; "
                f"name an IPv{version} host there",
            )
        _once(host, seen, path, f"{thing} {host}")


def _check_nodes(definitions: Definitions) -> None:
    seen: dict[str, str] = {}
    cidrs = {topology.cidr for topology in definitions.topologies}
    for key, node in definitions.nodes.items():
        path: Path = ("node", key)
        thing = f"node {node.name}"
        check_label(key, path, "node")
        if key != node.name:
            raise Problem(path, f"{thing}: kept under the name {key}; use one name")
        _check_node_values(node, path, thing, cidrs)
        other = seen.setdefault(node.address, node.name)
        if other != node.name:
            raise Problem(
                (*path, "address"),
                f"{thing}: {node.address} is the address of node {other} too; give each its own",
            )
        if node.address in definitions.witnesses:
            raise Problem(
                (*path, "address"),
                f"{thing}: {node.address} is a witness too; a witness stands outside the cluster",
            )


def _check_node_values(node: Node, path: Path, thing: str, cidrs: set[str]) -> None:
    _plain(node.address, (*path, "address"), thing)
    if not 1 <= node.ring_port <= 65535:
        raise Problem(
            (*path, "ring_port"), f"{thing}: ring_port is {node.ring_port}; write 1 to 65535"
        )
    if not 1 <= node.weight <= 1000:
        raise Problem((*path, "weight"), f"{thing}: weight is {node.weight}; write 1 to 1000")
    if node.segment:
        check_word(node.segment, (*path, "segment"), f"{thing}: segment")
    seen: set[str] = set()
    for cidr, interface in node.interfaces:
        place = (*path, "interfaces", cidr)
        if cidr not in cidrs:
            way = f"write one of {', '.join(sorted(cidrs)) or 'none is defined'}"
            raise Problem(place, f"{thing}: interfaces: no topology {cidr}; {way}")
        _once(cidr, seen, place, f"{thing}: interfaces: {cidr}")
        check_interface(interface, place, thing)


def _check_vips(definitions: Definitions) -> None:
    primaries = {node.address: node.name for node in definitions.nodes.values()}
    reserved = _reserved(definitions.topologies)
    for key, vip in definitions.vips.items():
        path: Path = ("vip", key)
        thing = f"vip {vip.address}"
        _plain(vip.address, path, thing)
        if key != vip.address:
            raise Problem(path, f"{thing}: kept under {key}; use one spelling")
        if vip.address in primaries:
            raise Problem(
                path,
                f"{thing}: it is node {primaries[vip.address]}'s own address; choose a free one",
            )
        if key not in definitions.topology_of:
            raise Problem(path, f"{thing}: in no topology; add [topology.CIDR] that contains it")
        if vip.address in reserved or vip.address in definitions.witnesses:
            what = reserved.get(vip.address, "a witness")
            raise Problem(path, f"{thing}: it is {what}; choose a free one")
        _check_segment(definitions, vip, path, thing)
        _check_wishes(definitions, vip, path, thing)
        _check_service(vip, path, thing)
    _count_checks(definitions)
    _check_follow_ends(definitions)


def _check_segment(definitions: Definitions, vip: Vip, path: Path, thing: str) -> None:
    """Refuse a VIP that some node could take but never serve: ARP does not cross segments."""
    topology = definitions.topology_of[vip.address]
    for segment, name in definitions.node_of_segment.items():
        if topology.segment and segment != topology.segment:
            raise Problem(
                path,
                f"{thing}: its topology {topology.cidr} is in segment {topology.segment}, node "
                f"{name} is in segment {segment}: a VIP cannot move across segments; move the node "
                f"to a subcluster of its own, or correct the segment of one of them",
            )


def _check_service(vip: Vip, path: Path, thing: str) -> None:
    """What is served on a VIP: weight, health check, hook, binding, description."""
    if not 1 <= vip.weight <= 1000:
        raise Problem((*path, "weight"), f"{thing}: weight is {vip.weight}; write 1 to 1000")
    if refusal := check_refusal(vip.check):
        raise Problem((*path, "check"), f"{thing}: check {refusal}")
    if refusal := command_refusal(vip.hook):
        raise Problem((*path, "hook"), f"{thing}: hook {refusal}")
    if vip.binding and not _BINDING.fullmatch(vip.binding):
        way = "write letters, digits and . _ -, at most 63"
        raise Problem((*path, "binding"), f"{thing}: binding {vip.binding!r} is not a name; {way}")
    if len(vip.description) > DESCRIPTION_CHARACTERS or not vip.description.isprintable():
        way = f"write one line of at most {DESCRIPTION_CHARACTERS} printable characters"
        what = f"has {len(vip.description)} characters, or some that cannot be printed"
        raise Problem((*path, "description"), f"{thing}: description {what}; {way}")


def _count_checks(definitions: Definitions) -> None:
    seen: set[str] = set()
    for key, vip in definitions.vips.items():
        if vip.check:
            seen.add(vip.check)
        if len(seen) > CHECK_COUNT:
            raise Problem(
                ("vip", key, "check"),
                f"vip {key}: {CHECK_COUNT} different checks are in use; give it one of those "
                f"(a command finds the VIP in MUSTER_VIP)",
            )


def _check_wishes(definitions: Definitions, vip: Vip, path: Path, thing: str) -> None:
    seen: set[str] = set()
    for name in vip.prefer:
        if name not in definitions.nodes:
            way = "define it or prefer another"
            raise Problem((*path, "prefer"), f"{thing}: prefers node {name}, not defined; {way}")
        _once(name, seen, (*path, "prefer"), f"{thing}: preferred node {name}")
    if not vip.follow:
        return
    if vip.prefer:
        way = f"keep one, or let vip {vip.follow} prefer"
        raise Problem((*path, "follow"), f"{thing}: follow and prefer contradict each other; {way}")
    if vip.follow not in definitions.vips:
        way = "define it or follow another"
        raise Problem((*path, "follow"), f"{thing}: follows vip {vip.follow}, not defined; {way}")


def _check_follow_ends(definitions: Definitions) -> None:
    """Refuse VIPs that follow one another in a circle."""
    settled: set[str] = set()
    for start in definitions.vips:
        way: dict[str, None] = {}
        at = start
        while at and at not in settled:
            if at in way:
                circle = " -> ".join([*list(way)[list(way).index(at) :], at])
                raise Problem(
                    ("vip", at, "follow"), f"vip {at}: follows itself: {circle}; let one of them go"
                )
            way[at] = None
            at = definitions.vips[at].follow
        settled.update(way)


def check_interface(name: str, path: Path, thing: str) -> None:
    """Refuse what cannot be a network interface's name."""
    if not _INTERFACE.fullmatch(name):
        way = "write one such as eth0, at most 15 characters"
        raise Problem(path, f"{thing}: interface {name!r} is not a name; {way}")


def _plain(text: str, path: Path, thing: str) -> Address:
    """Return a canonical unicast address or raise."""
    spelled = canonical_address(text, path, thing)
    if spelled != text:
        raise Problem(path, f"{thing}: spell it {spelled}")
    address = read_address(text)
    unusable = address.is_multicast or address.is_unspecified or address.is_loopback
    if unusable or text in (LEASE_ANCHOR, "255.255.255.255"):
        what = "kept for the kernel's lease" if text == LEASE_ANCHOR else "no host's address"
        raise Problem(path, f"{thing}: {text} is {what}; choose another")
    return address


def _reserved(topologies: Iterable[Topology]) -> dict[str, str]:
    """Addresses of IPv4 networks that no host may have."""
    found: dict[str, str] = {}
    for topology in topologies:
        network: Network = ipaddress.ip_network(topology.cidr)
        if network.version == 4 and network.prefixlen < 31:
            found[str(network.network_address)] = f"the address of network {network} itself"
            found[str(network.broadcast_address)] = f"the broadcast address of {network}"
    return found


def _once(value: str, seen: set[str], path: Path, thing: str) -> None:
    if value in seen:
        raise Problem(path, f"{thing}: named twice; remove one")
    seen.add(value)


KNOB_NAMES = tuple(one.name for one in fields(Knobs))
