"""What the machine is told: messages, frames seen on the wire, changes of the kernel, time.

Each event goes to `Machine.decide(event, now)`; `now` is the node's monotonic clock in seconds.
"""

import math
from dataclasses import dataclass
from enum import Enum, auto

from workers.failover.core.definitions import Definitions
from workers.failover.core.messages import Message


class Ring(Enum):
    """A path for messages: A is the AMQP fanout exchange, B is UDP between the nodes."""

    A = "a"
    B = "b"


class Seen(Enum):
    """What kind of ARP or neighbour-discovery frame was seen."""

    ANSWER = auto()
    """A reply: `mac` answers for `address`."""
    PROBE = auto()
    """An RFC 5227 probe or a DAD solicitation: `mac` wants to take `address`."""
    CLAIM = auto()
    """A gratuitous ARP or unsolicited advertisement, or a request sent from `address`."""


@dataclass(frozen=True, slots=True)
class Received:
    """A well-formed, well-signed message of another node arrived."""

    ring: Ring
    message: Message


@dataclass(frozen=True, slots=True)
class Sighting:
    """Another host's frame about a VIP, a witness or a peer's own address; never our own."""

    seen: Seen
    address: str
    mac: str


@dataclass(frozen=True, slots=True)
class Wake:
    """`Machine.deadline()` has passed; waiting messages were delivered first.

    So was every frame that arrived before `read_at`, save what the kernel `lost`: too many waited.
    `unasked`: addresses of the newest Probes for which the kernel refused to send a question.
    """

    read_at: float = math.inf
    lost: bool = False
    unasked: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Started:
    """First event: what the kernel had when the agent started.

    `adoptable`: defined VIPs found living under a live lease. Everything else that was ours was
    removed by the shell before this event.
    """

    adoptable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Taken:
    """The outcome of a Take: `added` are listed by the kernel, `failed` are not (VIP, sentence).

    `stale`: the decision grew older than 50 ms; whatever is not `added` was too late, and undone.
    """

    added: tuple[str, ...]
    failed: tuple[tuple[str, str], ...] = ()
    stale: bool = False


@dataclass(frozen=True, slots=True)
class KernelChanged:
    """VIPs that left the kernel without our asking (lease end, an operator's hand)."""

    gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RingChanged:
    """A ring was bound, lost, or failed to come up (`up=False`)."""

    ring: Ring
    up: bool


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The carrier of an interface that has VIPs came or went."""

    interface: str
    up: bool


@dataclass(frozen=True, slots=True)
class Defined:
    """A newer definitions file is on this node's disk."""

    definitions: Definitions


@dataclass(frozen=True, slots=True)
class Checked:
    """A health check that VIPs name ended; `sentence` says how, for people."""

    check: str
    healthy: bool
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class RestartRequested:
    """Leave to the next instance what the kernel has, under a lease of `lease_seconds`."""

    lease_seconds: int


@dataclass(frozen=True, slots=True)
class StopRequested:
    """Leave the cluster: hand everything over, say goodbye; then the machine is `finished`."""


Event = (
    Received
    | Sighting
    | Wake
    | Started
    | Taken
    | KernelChanged
    | RingChanged
    | LinkChanged
    | Defined
    | Checked
    | RestartRequested
    | StopRequested
)
