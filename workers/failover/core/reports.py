"""What a node's reporter and the managers say to one another on the bus, beside the heartbeats.

Nodes publish `Report`, `Holdings` and `Events` in the events room, managers publish `Ask` in the
control room. Fanout keeps nothing, so every report says how many events there are, and the checksum
of what is held: a manager that misses some asks for it. An event is named by (node, incarnation,
number); numbers begin at 1 in each run of the agent and have no gaps, so nothing is lost or told
twice. Times are wall clock, for people.
"""

from typing import Annotated

import msgspec

from workers.failover.core.messages import (
    Address,
    Buckets,
    CheckText,
    Mac,
    Name,
    Number,
    Sums,
    Text,
)

Sentence = Annotated[str, msgspec.Meta(max_length=1000)]
Reasoning = Annotated[str, msgspec.Meta(max_length=200)]
Age = Annotated[float, msgspec.Meta(ge=0, le=1e10)]
"""Seconds before the message was sent."""

EVENTS_MAX = 200
"""Events in one message; they must fit the codec's limit together."""
REFUSALS_MAX = 200
PIECE_HOLDINGS = 800
"""Holdings in one message, so that it fits whatever they are; more are told in pieces."""


class Happening(msgspec.Struct, frozen=True, array_like=True):
    """One event of a node, as its journal has it."""

    number: Number
    time: Text
    """ISO 8601 with offset, milliseconds."""
    kind: Text
    vip: Annotated[str, msgspec.Meta(max_length=45)] = ""
    node: Annotated[str, msgspec.Meta(max_length=63)] = ""
    """The node the event is about (a peer), empty when it is about the teller."""
    reason: Sentence = ""
    epoch: Number = 0
    detail: Sentence = ""
    actor: Text = ""
    """failure, operator, balance or start, of a VIP's move."""
    view: Text = ""
    """Hash of the members that the teller saw."""
    gap_ms: Annotated[float, msgspec.Meta(ge=0, le=1e10)] | None = None
    """How long nobody served the VIP, as its new owner knows; None: unknown."""


class Run(msgspec.Struct, frozen=True, array_like=True):
    """A run of the agent of which events can still be asked for: numbers first to last."""

    incarnation: Number
    first: Number
    last: Number


class Holding(msgspec.Struct, frozen=True, array_like=True):
    """A VIP that the node's kernel has."""

    vip: Address
    epoch: Number
    age: Age
    reason: Sentence = ""
    previous: Annotated[str, msgspec.Meta(max_length=63)] = ""


class Trouble(msgspec.Struct, frozen=True, array_like=True):
    """A VIP that somebody else answers for: `state` is stuck or foreign."""

    vip: Address
    state: Text
    mac: Mac


class Refusal(msgspec.Struct, frozen=True, array_like=True):
    """A VIP that the node's kernel cannot have, and why."""

    vip: Address
    sentence: Reasoning = ""


class Ailment(msgspec.Struct, frozen=True, array_like=True):
    """A health check, as VIPs name it, that fails on the node."""

    check: CheckText
    sentence: Reasoning = ""


class Report(msgspec.Struct, frozen=True, tag="report", kw_only=True):
    """How a node is; sent when something changed, on an `Ask`, and every second at least.

    What it holds is told before, in `Holdings`, as far as it was not told already.
    """

    node: Name
    answers: bool = True
    """Whether the agent answers its reporter; otherwise the rest is the last that was known."""
    sequence: Number
    """Grows by one with each `Report` and `Holdings` of one run of the reporter."""
    started_at: Text
    """When that run of the reporter began."""
    incarnation: Number
    runs: tuple[Run, ...]
    """Newest last; the last one is the run of now, and its `last` grows."""
    state: Text
    objection: Sentence = ""
    late: bool = False
    revision: Number
    known_revision: Number
    problem: Sentence = ""
    """Why the newest definitions file cannot be acted on; empty when all is well."""
    members: tuple[Name, ...] = ()
    agreed: bool = False
    mature: bool = False
    peers: tuple[tuple[Name, Text], ...] = ()
    """(peer, verdict) as this node judges: alive, suspected, dead, left, unknown."""
    rings: tuple[tuple[Text, bool], ...] = ()
    warnings: tuple[Sentence, ...] = ()
    held_count: Number = 0
    held_digest: Number = 0
    """Checksum of everything held, as of claims: whoever computes another one asks."""
    more: bool = False
    """Some of what is held is still to be told, and comes without being asked for."""
    troubles: tuple[Trouble, ...] = ()
    cannot: tuple[Refusal, ...] = ()
    """The last `REFUSALS_MAX`; of more, a warning tells."""
    unhealthy: tuple[Ailment, ...] = ()


class Holdings(msgspec.Struct, frozen=True, tag="holdings", kw_only=True):
    """All that a node holds of some buckets (`core/claims.py`), about `PIECE_HOLDINGS` at most."""

    node: Name
    sequence: Number
    started_at: Text
    """Both as in `Report`."""
    buckets: Buckets
    held: tuple[Holding, ...]


class Events(msgspec.Struct, frozen=True, tag="events", kw_only=True):
    """Consecutive events of one run, oldest first, at most `EVENTS_MAX`."""

    node: Name
    incarnation: Number
    events: tuple[Happening, ...]


class Ask(msgspec.Struct, frozen=True, tag="ask", kw_only=True):
    """A manager asks `to` (empty: everybody) for what is held, or for events if it says which."""

    to: Annotated[str, msgspec.Meta(max_length=63)] = ""
    incarnation: Number = 0
    """0: what is held, and a report."""
    after: Number = 0
    """Events with a higher number, up to a few messages full; ask again for more."""
    known: Sums = ()
    """The checksum of each bucket of what it knows to be held; empty: it is told everything."""


Message = Report | Holdings | Events | Ask
