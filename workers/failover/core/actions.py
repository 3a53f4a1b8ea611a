"""What the machine wants done, and what it has to tell: actions for the shell, facts for people.

The shell performs actions in the order given, at once. A Take or Renew carries the instant of the
decision: the plumber refuses one older than `DECISION_SECONDS` and undoes one that became so.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum

from workers.failover.core.messages import Message

DECISION_SECONDS = 0.05
"""A decision to add or renew is good for this long; older, it is made again."""


class Probing(Enum):
    """How to ask the wire for an address."""

    TAKER = "taker"
    """RFC 5227 probe (sender 0.0.0.0) or DAD solicitation: says "I want it"."""
    CHECK = "check"
    """An ordinary broadcast request from the node's own address."""
    UNICAST = "unicast"
    """An ordinary request sent to `mac` alone."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send on ring B to `to` (empty: all other nodes) and, if `ring_a`, publish on ring A."""

    message: Message
    to: tuple[str, ...] = ()
    ring_a: bool = True
    ring_b: bool = True


@dataclass(frozen=True, slots=True)
class Probe:
    """Send one frame for each address; answers come back as Sightings."""

    addresses: tuple[str, ...]
    probing: Probing
    mac: str = ""


@dataclass(frozen=True, slots=True)
class Take:
    """Put the VIPs on the kernel under the lease, then deliver `Taken`."""

    vips: tuple[str, ...]
    decided_at: float


@dataclass(frozen=True, slots=True)
class Release:
    """Remove the VIPs from the kernel at once; no event follows."""

    vips: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Renew:
    """Renew the lease of everything held, for `lease_ttl` unless it says how long."""

    vips: tuple[str, ...]
    decided_at: float
    lease_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Announce:
    """One gratuitous ARP / unsolicited NA for each VIP."""

    vips: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refer:
    """Tell everybody once that the VIPs are at `mac`, a node that cannot say so itself."""

    vips: tuple[str, ...]
    mac: str


@dataclass(frozen=True, slots=True)
class HandDefinitions:
    """Send the newest definitions file on disk to a peer that lacks it, in pieces on ring B."""

    to: str


@dataclass(frozen=True, slots=True)
class SaveIncarnation:
    """Write the incarnation durably before the next message is sent."""

    incarnation: int


@dataclass(frozen=True, slots=True)
class Exit:
    """Nothing more to do: another instance carries this name, or the stop is complete."""

    sentence: str


Action = (
    Send
    | Probe
    | Take
    | Release
    | Renew
    | Announce
    | Refer
    | HandDefinitions
    | SaveIncarnation
    | Exit
)


class FactKind(StrEnum):
    """What happened, as events in logs, tables and APIs name it."""

    STATE = "state"
    ALIVE = "alive"
    SUSPECTED = "suspected"
    DEAD = "dead"
    LEFT = "left"
    VIEW = "view"
    TAKEN = "taken"
    ADOPTED = "adopted"
    RELEASED = "released"
    LOST = "lost"
    FAILED = "failed"
    CONFLICT = "conflict"
    STUCK = "stuck"
    FOREIGN = "foreign"
    LATE = "late"
    DEFINITIONS = "definitions"
    HEALTH = "health"
    REPAIRED = "repaired"
    HOOK = "hook"


class Actor(StrEnum):
    """Who or what made a VIP move."""

    NONE = ""
    FAILURE = "failure"
    OPERATOR = "operator"
    BALANCE = "balance"
    START = "start"


class Reason(StrEnum):
    """Why; the value is the sentence shown unchanged in CLI, API and UI."""

    NONE = ""
    UNOWNED = "it had no owner"
    OWNER_DIED = "its owner died"
    OWNER_LEFT = "its owner left"
    LEASE_ENDED = "its owner's lease ended"
    OWNER_DRAINS = "its owner is draining"
    OWNER_RELEASED = "its owner let it go"
    OWNER_STOPS = "its owner is stopping"
    MOVED = "its definition puts it elsewhere"
    UNHEALTHY = "its health check fails on its owner"
    FAILBACK = "a node that it prefers is back"
    HEIR_IDLE = "the heir did not take it"
    ADOPTED = "found on the kernel under a live lease at start"
    BALANCE = "another node is its place in the assignment"
    CONFLICT = "another node holds it with the higher claim"
    PROBATION = "a host whose agent is silent answers for it"
    ISOLATED = "no member and no witness answers"
    NO_QUORUM = "this part has no quorum"
    STOPPING = "this node is stopping"
    DRAINING = "this node is draining"
    UNDEFINED = "it is no longer defined"
    LEASE_LOST = "the kernel removed it: the lease ended or a hand did it"
    KERNEL_REFUSED = "the kernel refused it"
    RESTARTING = "its agent restarts under a longer lease"
    HAND_DELETED = "a hand deleted it: it was put back at once"
    HAND_ADDED = "a hand put it there: it was removed"
    OUTLIVED = "it had outlived its lease: it was removed"
    PROMOTION = "promote_secondaries was switched on: VIPs would have outlived their lease"
    SUPERSEDED = "a newer instance of this node is running"


ACTORS: dict[Reason, Actor] = {
    Reason.UNOWNED: Actor.START,
    Reason.ADOPTED: Actor.START,
    Reason.OWNER_DIED: Actor.FAILURE,
    Reason.LEASE_ENDED: Actor.FAILURE,
    Reason.OWNER_RELEASED: Actor.FAILURE,
    Reason.HEIR_IDLE: Actor.FAILURE,
    Reason.UNHEALTHY: Actor.FAILURE,
    Reason.CONFLICT: Actor.FAILURE,
    Reason.PROBATION: Actor.FAILURE,
    Reason.ISOLATED: Actor.FAILURE,
    Reason.NO_QUORUM: Actor.FAILURE,
    Reason.LEASE_LOST: Actor.FAILURE,
    Reason.KERNEL_REFUSED: Actor.FAILURE,
    Reason.SUPERSEDED: Actor.FAILURE,
    Reason.OWNER_LEFT: Actor.OPERATOR,
    Reason.OWNER_DRAINS: Actor.OPERATOR,
    Reason.OWNER_STOPS: Actor.OPERATOR,
    Reason.MOVED: Actor.OPERATOR,
    Reason.STOPPING: Actor.OPERATOR,
    Reason.DRAINING: Actor.OPERATOR,
    Reason.UNDEFINED: Actor.OPERATOR,
    Reason.BALANCE: Actor.BALANCE,
    Reason.FAILBACK: Actor.BALANCE,
}


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened, for logs and people; never needed for the protocol."""

    kind: FactKind
    vip: str = ""
    node: str = ""
    reason: Reason = Reason.NONE
    epoch: int = 0
    detail: str = ""
    view: str = ""
    """Hash of the members that the teller saw, of a VIP's move."""
    gap: float | None = None
    """Seconds for which nobody served the VIP that was taken, as the taker knows; None: unknown."""

    @property
    def actor(self) -> Actor:
        """Who or what made the VIP move."""
        return ACTORS.get(self.reason, Actor.NONE) if self.vip else Actor.NONE
