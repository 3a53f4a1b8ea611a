"""The hosts of a lab and where each sits in the lab's subnet.

One block of 198.18.0.0/15 per lab, a /24 unless the VIPs do not fit: gateway .1, nodes from .11,
VIPs from .101 (from the second /24 of the block when there are more than 100), client .201,
collectors from .222, manager .231, sink .241, brokers from .251. Nothing here touches the machine.
"""

import ipaddress
import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

POOL = ipaddress.IPv4Network("198.18.0.0/15")
"""RFC 2544's network for benchmarks: routed by nobody."""
MOST_NODES = 89
MOST_VIPS = 30_000
MOST_COLLECTORS = 8
_VIPS_IN_FIRST_24 = 100


class Role(StrEnum):
    """What a host is for."""

    NODE = "node"
    BROKER = "broker"
    MANAGER = "manager"
    COLLECTOR = "collector"
    CLIENT = "client"
    SINK = "sink"
    GATEWAY = "gateway"


class Software(StrEnum):
    """What keeps the VIPs of a lab on its nodes."""

    MUSTER = "muster"
    KEEPALIVED = "keepalived"


@dataclass(frozen=True, slots=True)
class Host:
    """A host: a network namespace with `eth0` at `address`, on the switch port of its name."""

    name: str
    role: Role
    address: str
    mac: str


def namespace(lab: str, host: str) -> str:
    """Name of the network namespace of `host` (or of the `switch`) in `lab`."""
    return f"muster-{lab}-{host}"


def hosts_of(
    subnet: str, nodes: int, brokers: int, managers: int = 0, collectors: int = 0
) -> tuple[Host, ...]:
    """Every host of a lab, nodes first; of collectors of logs, the first shares the manager's."""
    places = [(f"mta{i}", Role.NODE, 10 + i) for i in range(1, nodes + 1)]
    places += [(f"broker{i}", Role.BROKER, 250 + i) for i in range(1, brokers + 1)]
    places += [(f"manager{i}", Role.MANAGER, 230 + i) for i in range(1, managers + 1)]
    names = collector_names(collectors)[1:]
    places += [(name, Role.COLLECTOR, 222 + i) for i, name in enumerate(names)]
    places += [
        ("client", Role.CLIENT, 201),
        ("sink", Role.SINK, 241),
        ("gateway", Role.GATEWAY, 1),
    ]
    base = ipaddress.IPv4Network(subnet).network_address
    return tuple(Host(n, role, str(base + place), _mac(base + place)) for n, role, place in places)


def collector_names(count: int) -> tuple[str, ...]:
    """Names of so many collectors of logs, as subscribers and, but for the first, as hosts."""
    return tuple(f"collector{i}" for i in range(1, count + 1))


def next_node(subnet: str, hosts: Iterable[Host]) -> Host | None:
    """The node that a lab with these hosts would get next; None when it has its most."""
    names = {host.name for host in hosts}
    base = ipaddress.IPv4Network(subnet).network_address
    for number in range(1, MOST_NODES + 1):
        if (name := f"mta{number}") not in names:
            address = base + 10 + number
            return Host(name, Role.NODE, str(address), _mac(address))
    return None


def vips_of(subnet: str, count: int) -> tuple[str, ...]:
    """The first `count` virtual addresses of a lab."""
    base = ipaddress.IPv4Network(subnet).network_address
    first = base + (101 if count <= _VIPS_IN_FIRST_24 else 256)
    return tuple(str(first + i) for i in range(count))


def prefix_for(vips: int) -> int:
    """Prefix length of a block that holds a lab with so many VIPs."""
    if vips <= _VIPS_IN_FIRST_24:
        return 24
    return 32 - math.ceil(math.log2(256 + vips + 1))


def free_subnet(taken: Iterable[str], vips: int) -> str | None:
    """First block of the pool that touches none of `taken` (CIDRs), or None."""
    used = [ipaddress.IPv4Network(cidr, strict=False) for cidr in taken]
    used = [net for net in used if net.prefixlen > 0]
    for block in POOL.subnets(new_prefix=prefix_for(vips)):
        if not any(block.overlaps(net) for net in used):
            return str(block)
    return None


def _mac(address: ipaddress.IPv4Address) -> str:
    """A locally administered address that shows the IPv4 address it belongs to."""
    return ":".join(f"{byte:02x}" for byte in (0x02, 0x4D, *address.packed))
