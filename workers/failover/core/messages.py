"""What the failover consumers of one subcluster say to one another, on either ring.

Times in messages are the sender's monotonic seconds: receivers compare them only with other
messages of the same sender, never with their own clock. Encoding, signing and size limits are
`workers.bus`'s; the bounds below are checked where bytes become messages.
"""

from enum import StrEnum
from typing import Annotated

import msgspec

from workers.failover.core.claims import BUCKETS

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=63)]
Text = Annotated[str, msgspec.Meta(max_length=128)]
CheckText = Annotated[str, msgspec.Meta(max_length=500)]
"""As long as definitions let a health check be."""
Number = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e10)]
"""A bounded float is a finite one."""
Address = Annotated[str, msgspec.Meta(min_length=1, max_length=45)]
Mac = Annotated[str, msgspec.Meta(max_length=64)]
NEIGHBOURS_MAX = 512
CANNOT_MAX = 500
"""VIPs that a heartbeat names as refused by the sender's kernel."""
MEDIATED_MAX = 500
"""Claims that one mediation tells of."""
Piece = Annotated[int, msgspec.Meta(ge=0, le=65_535)]


Buckets = Annotated[
    tuple[Annotated[int, msgspec.Meta(ge=0, lt=BUCKETS)], ...], msgspec.Meta(max_length=BUCKETS)
]
Sums = Annotated[tuple[Number, ...], msgspec.Meta(max_length=BUCKETS)]


class NodeState(StrEnum):
    """What a node says of itself; only READY nodes are heirs."""

    JOINING = "joining"
    READY = "ready"
    DRAINING = "draining"
    STOPPING = "stopping"
    ISOLATED = "isolated"


class Heard(msgspec.Struct, frozen=True, array_like=True):
    """The newest heartbeat of `node` that the sender knows of, and how old it was at sending."""

    node: Name
    incarnation: Number
    sequence: Number
    age_ms: Number


class Claim(msgspec.Struct, frozen=True, array_like=True):
    """The sender's kernel has `vip`; `epoch` grows by one with each taking."""

    vip: Address
    epoch: Number


class Offer(msgspec.Struct, frozen=True, array_like=True):
    """A planned move: the sender holds (or just held) `vip` with `epoch`, `heir` is to have it."""

    vip: Address
    epoch: Number
    heir: Name
    why: Text
    """Value of the `Why` of the move."""


class Why(StrEnum):
    """Why a VIP is handed over."""

    DRAIN = "drain"
    STOP = "stop"
    MOVE = "move"
    """Its own definition changed."""
    HEALTH = "health"
    FAILBACK = "failback"
    """A node that it prefers came back."""
    BALANCE = "balance"


class Heartbeat(msgspec.Struct, frozen=True, tag="heartbeat", kw_only=True, omit_defaults=True):
    """A node's word about itself, every `heartbeat_interval` and at once after a change."""

    node: Name
    incarnation: Number
    sequence: Number
    sent_at: Seconds
    """The sender's monotonic clock, seconds."""
    clock: Number = 0
    """Raised when the sender learned that its own clock had stood still (a paused machine)."""
    state: NodeState
    revision: Number
    """Definitions revision the sender acts on."""
    known_revision: Number
    """Newest definitions revision the sender has on disk."""
    view: Text
    """Hash of the sender's view."""
    macs: tuple[Mac, ...]
    """Link addresses of the sender's interfaces, lower case."""
    heard: tuple[Heard, ...]
    claims: tuple[Claim, ...] | None = None
    """Every VIP the sender's kernel lists, in `buckets`; None when `digest` says enough."""
    buckets: Buckets | None = None
    """The buckets of which these are all claims; None: of all that there are."""
    gained: tuple[Claim, ...] = ()
    """Claims that were made or changed of late, where they are too many to say all."""
    dropped: tuple[Address, ...] = ()
    """VIPs of late claims that are no more."""
    more: bool = False
    """More of what this heartbeat has to say follows at once, in further ones."""
    digest: Number
    """Checksum of all claims, so that a receiver that missed a change asks."""
    cannot: tuple[Address, ...] = ()
    """VIPs the sender could not put on its interface, the last `CANNOT_MAX` of them."""
    cannot_more: bool = False
    """There are more than these: what it does not hold is better held by others."""
    late: bool = False
    """The sender's own loop is chronically late: last choice as heir."""
    offers: tuple[Offer, ...] = ()
    """VIPs the sender would hand over as soon as the heir is armed."""
    armed: tuple[Claim, ...] = ()
    """Offers, by VIP and the giver's epoch, that the sender acts on once they are released."""
    released: tuple[Offer, ...] = ()
    """Handed over: off the sender's kernel since less than `handoff_timeout`."""
    unhealthy: tuple[CheckText, ...] = ()
    """Health checks that fail on the sender."""
    lease: Seconds = 0
    """Seconds the sender's kernel keeps its VIPs from now on, when that is longer than usual."""
    asks: bool = False
    """The receiver is asked to answer at once, with those of its claims that are not known."""
    known: Sums = ()
    """Of one who asks: the checksum of what it knows of the receiver's claims; where that is not
    what the receiver last told, one for each bucket; empty when it knows of none."""


class Question(msgspec.Struct, frozen=True, tag="question", kw_only=True):
    """Ask `to` to probe `vips` on the wire and say whether anybody answers."""

    node: Name
    to: Name
    number: Number
    """Chosen by the asker, returned in the Opinion; grows."""
    vips: tuple[Address, ...]


class Opinion(msgspec.Struct, frozen=True, tag="opinion", kw_only=True):
    """The answer to a Question: who was seen holding each VIP."""

    node: Name
    to: Name
    number: Number
    proved: bool
    """The witness or a live peer answered the helper's own ARP in the same rounds."""
    silent: tuple[Address, ...]
    held: tuple[Address, ...]


class Mediation(msgspec.Struct, frozen=True, tag="mediation", kw_only=True):
    """Tell `to` what it and `owner` claim: the sender hears both, they may not hear each other."""

    node: Name
    to: Name
    owner: Heard
    """Its newest heartbeat, from which the claims are known."""
    claims: Annotated[tuple[Claim, ...], msgspec.Meta(max_length=MEDIATED_MAX)]


class DefinitionsPiece(msgspec.Struct, frozen=True, tag="definitions", kw_only=True):
    """A part of a zlib-compressed definitions file, handed to a peer that lacks the revision."""

    node: Name
    to: Name
    revision: Number
    checksum: Number
    """CRC-32 of the whole compressed file."""
    index: Piece
    count: Piece
    data: bytes


class Neighbourhood(msgspec.Struct, frozen=True, tag="neighbourhood", kw_only=True):
    """Whom the sender's kernel knows on the wire: who has to be told when its VIPs go elsewhere."""

    node: Name
    hosts: Annotated[tuple[tuple[Address, Mac], ...], msgspec.Meta(max_length=NEIGHBOURS_MAX)]
    """Address and link address."""


Message = Heartbeat | Question | Opinion | Mediation | DefinitionsPiece | Neighbourhood
