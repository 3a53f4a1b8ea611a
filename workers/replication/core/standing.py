"""How a node's replication is: what managers are told, and `muster` asks for. Pure.

Truth is what is told last. Refusals have growing numbers: whoever hears one twice keeps it
once. Invariant: a message fits, whatever happens on the node.
"""

from collections.abc import Iterable
from typing import Annotated

import msgspec

TABLES_MAX, PEERS_MAX, REFUSALS_MAX, PROBLEMS_MAX, LIMITS_MAX = 64, 1_024, 100, 16, 1_000
SENTENCE_CHARACTERS = 500
AGAIN_SECONDS = 5.0
"""So often it is told, changed or not."""
SPACING_SECONDS = 1.0
"""Not more often, whatever changes."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=63)]
Text = Annotated[str, msgspec.Meta(max_length=SENTENCE_CHARACTERS)]
Count = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e10)]


class Peer(msgspec.Struct, frozen=True, array_like=True):
    """Another node, as this one hears it."""

    name: Name
    alive: bool
    """In the view of the failover."""
    silent_seconds: Seconds
    """Since it was heard."""
    behind: Count
    """Changes that it has told of and that are not here."""


class TableStanding(msgspec.Struct, frozen=True, array_like=True):
    """A table on this node."""

    name: Name
    type: Name
    keys: Count
    evicted: Count
    """Keys that went since there were more than `max_size`."""


class Refused(msgspec.Struct, frozen=True, array_like=True):
    """A limit that was reached. `at`: seconds since 1970 by the node's clock."""

    number: Count
    at: float
    limit: Text
    key: Annotated[str, msgspec.Meta(max_length=512)]
    value: int
    most: int
    action: Name
    test: bool


class Standing(msgspec.Struct, frozen=True, array_like=True, tag="standing"):
    """All of a node's replication. `at`: seconds since 1970 by the node's clock."""

    sender: Name
    at: float
    up_seconds: Seconds
    broker: Text
    """Host and port; empty: none."""
    cut_off: bool
    """It goes on with its share, as the definitions say."""
    requests: Count = 0
    """Of MTAs, since the start."""
    refused: Count = 0
    errors: Count = 0
    """Requests and messages that were none."""
    published_bytes: Count = 0
    heard_bytes: Count = 0
    healed: Count = 0
    """Holes that were asked about."""
    unkept: Count = 0
    """Counts that the disk had no room for."""
    peers: Annotated[tuple[Peer, ...], msgspec.Meta(max_length=PEERS_MAX)] = ()
    tables: Annotated[tuple[TableStanding, ...], msgspec.Meta(max_length=2 * TABLES_MAX)] = ()
    by_limit: Annotated[tuple[tuple[Text, Count], ...], msgspec.Meta(max_length=LIMITS_MAX)] = ()
    """Refusals of each limit since the start, those in test mode too."""
    refusals: Annotated[tuple[Refused, ...], msgspec.Meta(max_length=REFUSALS_MAX)] = ()
    """The newest that were not told yet, or were told within the last minute."""
    problems: Annotated[tuple[Text, ...], msgspec.Meta(max_length=PROBLEMS_MAX)] = ()
    """What an operator should see to."""


def is_due(said: Standing | None, now: Standing, seconds: float) -> bool:
    """Whether it is to be told, `seconds` after it was told last as `said`."""
    if said is None or seconds >= AGAIN_SECONDS:
        return True
    return seconds >= SPACING_SECONDS and _matter(said) != _matter(now)


def _matter(one: Standing) -> tuple[object, ...]:
    """What is worth telling at once."""
    peers = tuple((peer.name, peer.alive) for peer in one.peers)
    last = max((refusal.number for refusal in one.refusals), default=0)
    return (one.broker, one.cut_off, peers, one.problems, last, one.unkept > 0)


def shorter(standing: Standing) -> Standing | None:
    """The same with half of the details, for a message that is too large; None: there are none."""
    if not (standing.refusals or standing.by_limit or standing.peers):
        return None
    return msgspec.structs.replace(
        standing,
        refusals=standing.refusals[(len(standing.refusals) + 1) // 2 :],
        by_limit=standing.by_limit[: len(standing.by_limit) // 2],
        peers=standing.peers[: len(standing.peers) // 2],
    )


def sentences(found: Iterable[str]) -> tuple[str, ...]:
    """The first of some sentences, as a standing may hold them."""
    once = dict.fromkeys(one[:SENTENCE_CHARACTERS] for one in found if one)
    return tuple(once)[:PROBLEMS_MAX]
