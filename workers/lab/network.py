"""The lab's wiring: a namespace per host, a switch in a namespace of its own, a port per host.

Invariant: nothing of a lab is ever in the machine's own network namespace, so names and addresses
cannot collide with it. The switch drops frames by tc filters that redirect them into `void0`,
which works where the kernel has no `drop` action (docs/decisions/lab-faults.md).
"""

import json
import re
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from workers.failover.leases import ANCHOR
from workers.lab.commands import run
from workers.lab.core.faults import FrameRule
from workers.lab.core.hosts import Host, namespace

BRIDGE = "br0"
INTERFACE = "eth0"
SWITCH = "switch"
_OURS = r"muster-{lab}-(mta\d+|broker\d+|manager\d+|collector\d+|client|sink|gateway|switch)"


def build(lab: str, hosts: Sequence[Host], subnet: str) -> None:
    """Make switch, namespaces and wires of a lab."""
    names = [namespace(lab, host.name) for host in hosts]
    switch = namespace(lab, SWITCH)
    run("ip", "-batch", "-", script=[f"netns add {name}" for name in (switch, *names)])
    lines = [
        f"link add name {BRIDGE} type bridge stp_state 0 mcast_snooping 0",
        f"link set dev {BRIDGE} up",
        "link add name void0 type veth peer name void1",
        "link set dev void0 up",
        "link set dev void1 up",
    ]
    run("ip", "-n", switch, "-batch", "-", script=lines)
    for host in hosts:
        _wire(lab, host, subnet)


def rebuild_host(lab: str, host: Host, subnet: str) -> None:
    """Give a host a new namespace: no address, cache or socket of the old one is left."""
    remove_hosts(lab, [host.name])
    run("ip", "netns", "add", namespace(lab, host.name))
    _wire(lab, host, subnet)


def remove_hosts(lab: str, names: Iterable[str]) -> None:
    """Delete the ports, then the namespaces, of hosts; those that are not there are no error."""
    there, names = set(namespaces(lab)), list(names)
    switch = namespace(lab, SWITCH)
    if switch in there:
        ports = {link["ifname"] for link in json.loads(run("ip", "-j", "-n", switch, "link"))}
        lines = [f"link delete dev {name}" for name in names if name in ports]
        run("ip", "-n", switch, "-batch", "-", script=lines)
    doomed = [namespace(lab, name) for name in names if namespace(lab, name) in there]
    run("ip", "-batch", "-", script=[f"netns delete {name}" for name in doomed])


def namespaces(lab: str) -> list[str]:
    """Network namespaces on this machine that bear the names of this lab's hosts."""
    found = [line.split()[0] for line in run("ip", "netns", "list").splitlines() if line.strip()]
    ours = re.compile(_OURS.format(lab=re.escape(lab)))
    return [name for name in found if ours.fullmatch(name)]


def subnets_in_use() -> list[str]:
    """Networks the machine itself has addresses in or routes to."""
    routes = json.loads(run("ip", "-j", "-4", "route", "show", "table", "all") or "[]")
    cidrs = [str(route.get("dst", "")) for route in routes]
    return [cidr for cidr in cidrs if re.fullmatch(r"[\d.]+(/\d+)?", cidr)]


def set_link(lab: str, host: Host, subnet: str, up: bool) -> None:
    """Raise or lower the interface inside a host; the kernel forgets routes of a lowered one."""
    inside = namespace(lab, host.name)
    run("ip", "-n", inside, "link", "set", "dev", INTERFACE, "up" if up else "down")
    if up:
        run("ip", "-n", inside, "-batch", "-", script=_route(host, subnet))


def set_port(lab: str, host: Host, up: bool) -> None:
    """Raise or lower the switch's end of a host's wire; either end has no carrier meanwhile."""
    switch = namespace(lab, SWITCH)
    run("ip", "-n", switch, "link", "set", "dev", host.name, "up" if up else "down")


def stop_lease(lab: str, host: Host) -> None:
    """Keep a host's VIPs beyond their lease: nothing ends by itself on a machine without power.

    The hosts of a lab share one kernel: thousands of addresses that end at once in a namespace
    nobody hears any more would hold up those of all the others.
    """
    anchor = [f"{ANCHOR}/0", "dev", INTERFACE, "scope", "host", "noprefixroute"]
    forever = ["valid_lft", "forever", "preferred_lft", "forever"]
    run("ip", "-n", namespace(lab, host.name), "address", "change", *anchor, *forever)


def drop_frames(lab: str, before: AbstractSet[FrameRule], after: AbstractSet[FrameRule]) -> None:
    """Make the switch drop what `after` says instead of what `before` said, in one go."""
    lines = [f"filter delete {_place(rule)}" for rule in sorted(before - after)]
    lines = [
        f"filter add {_place(rule)} protocol {rule.protocol} u32 {rule.match} "
        "action mirred egress redirect dev void0"
        for rule in sorted(after - before)
    ] + lines
    if lines:
        run("tc", "-n", namespace(lab, SWITCH), "-batch", "-", script=lines)


def _place(rule: FrameRule) -> str:
    return f"dev {rule.port} {'egress' if rule.egress else 'ingress'} prio {rule.priority}"


def _wire(lab: str, host: Host, subnet: str) -> None:
    """Connect a host to its switch port and give it its address."""
    switch, inside = namespace(lab, SWITCH), namespace(lab, host.name)
    port = [
        f"link add name {host.name} type veth"
        f" peer name {INTERFACE} address {host.mac} netns {inside}",
        f"link set dev {host.name} master {BRIDGE}",
        f"link set dev {host.name} up",
    ]
    run("ip", "-n", switch, "-batch", "-", script=port)
    run("tc", "-n", switch, "qdisc", "add", "dev", host.name, "clsact")
    length = subnet.partition("/")[2]
    lines = [
        "link set dev lo up",
        f"address add {host.address}/{length} broadcast + dev {INTERFACE}",
        f"link set dev {INTERFACE} up",
        *_route(host, subnet),
    ]
    run("ip", "-n", inside, "-batch", "-", script=lines)


def _route(host: Host, subnet: str) -> list[str]:
    gateway = subnet.partition("/")[0].rpartition(".")[0] + ".1"
    return [] if host.address == gateway else [f"route replace default via {gateway}"]
