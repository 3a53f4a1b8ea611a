"""What the failover consumers of one subcluster say to one another, on either ring.

Times in messages are the sender's monotonic seconds: receivers compare them only with other
messages of the same sender, never with their own clock. Encoding, signing and size limits are
`workers.bus`'s.
"""

from enum import StrEnum

import msgspec


class NodeState(StrEnum):
    """What a node says of itself; only READY nodes are heirs."""

    JOINING = "joining"
    READY = "ready"
    DRAINING = "draining"
    STOPPING = "stopping"
    ISOLATED = "isolated"


class Heard(msgspec.Struct, frozen=True, array_like=True):
    """The newest heartbeat of `node` that the sender knows of, and how old it was at sending."""

    node: str
    incarnation: int
    sequence: int
    age_ms: int


class Claim(msgspec.Struct, frozen=True, array_like=True):
    """The sender's kernel has `vip`; `epoch` grows by one with each taking."""

    vip: str
    epoch: int


class Heartbeat(msgspec.Struct, frozen=True, tag="heartbeat", kw_only=True):
    """A node's word about itself, every `heartbeat_interval` and at once after a change."""

    node: str
    incarnation: int
    sequence: int
    sent_at: float
    """The sender's monotonic clock, seconds."""
    clock: int = 0
    """Raised when the sender learned that its own clock had stood still (a paused machine)."""
    state: NodeState
    revision: int
    """Definitions revision the sender acts on."""
    known_revision: int
    """Newest definitions revision the sender has on disk."""
    view: str
    """Hash of the sender's view."""
    macs: tuple[str, ...]
    """Link addresses of the sender's interfaces, lower case."""
    heard: tuple[Heard, ...]
    claims: tuple[Claim, ...] | None = None
    """Every VIP the sender's kernel lists; None when `digest` says they are unchanged."""
    digest: int
    """Checksum of the claims, so that a receiver that missed a change asks."""
    cannot: tuple[str, ...] = ()
    """VIPs the sender could not put on its interface."""
    late: bool = False
    """The sender's own loop is chronically late: last choice as heir."""
    asks: bool = False
    """The receiver is asked to answer at once with a heartbeat that carries its claims."""


class Question(msgspec.Struct, frozen=True, tag="question", kw_only=True):
    """Ask `to` to probe `vips` on the wire and say whether anybody answers."""

    node: str
    to: str
    number: int
    """Chosen by the asker, returned in the Opinion; grows."""
    vips: tuple[str, ...]


class Opinion(msgspec.Struct, frozen=True, tag="opinion", kw_only=True):
    """The answer to a Question: who was seen holding each VIP."""

    node: str
    to: str
    number: int
    proved: bool
    """The witness or a live peer answered the helper's own ARP in the same rounds."""
    silent: tuple[str, ...]
    held: tuple[str, ...]


class DefinitionsPiece(msgspec.Struct, frozen=True, tag="definitions", kw_only=True):
    """A part of a zlib-compressed definitions file, handed to a peer that lacks the revision."""

    node: str
    to: str
    revision: int
    checksum: int
    """CRC-32 of the whole compressed file."""
    index: int
    count: int
    data: bytes


Message = Heartbeat | Question | Opinion | DefinitionsPiece
