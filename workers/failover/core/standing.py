"""How a VIP stands: owned, UNSAFE, BROKEN, conflict, stuck, foreign, unowned, unknown, and why.

One pure function, `standing`, decides for a node's own table and for the manager alike; each fills
in what it knows as `Case`. Invariant: the sentence says everything that people are shown, and is
shown unchanged. An owned VIP that nobody else could take is owned, with a cause and a sentence:
clusters of one node, and the last node left while others are drained, are no alarm.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from workers.failover.core.hooks import HOOK_WARNING

OWN_ADDRESS = "it is this node's own address; choose another VIP"
"""Why a node refuses an address that it has as its own: nobody may manage it as a VIP."""
REFUSED = "its kernel refused it"
NAMED_MAX = 3
"""Nodes that a sentence names; the rest is counted."""
SENTENCE_MAX = 300


class State(StrEnum):
    """How a VIP is."""

    OWNED = "owned"
    UNOWNED = "unowned"
    UNSAFE = "UNSAFE"
    BROKEN = "BROKEN"
    CONFLICT = "conflict"
    STUCK = "stuck"
    FOREIGN = "foreign"
    UNKNOWN = "unknown"


class Cause(StrEnum):
    """What lies behind a state that has several; for filters and alerts."""

    NONE = ""
    TWO_OWNERS = "two-owners"
    """UNSAFE: more than one living node has it."""
    NOT_EVERYWHERE = "not-everywhere"
    """UNSAFE: an enabled living node could not take it."""
    HOOK = "hook"
    """UNSAFE: what its hook changes is not fenced by the kernel's lease."""
    NO_HEIR = "no-heir"
    """Owned, and no other enabled node is ready that could take it."""


class Standing(NamedTuple):
    """The verdict about a VIP; the sentence is empty when all is well."""

    state: State
    cause: Cause
    sentence: str


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of a VIP. Nodes: those that are enabled and live, unless it says otherwise."""

    owner: str = ""
    """Whoever is believed to hold it, living, in any state."""
    others: Collection[str] = ()
    """Who is believed to hold it too, for longer than settling that takes."""
    rival: str = ""
    """Who claims it too at this moment, living."""
    trouble: tuple[State, str] | None = None
    """STUCK or FOREIGN, and the link address that answers although nobody holds it."""
    nodes: Collection[str] = ()
    heirs: Collection[str] = ()
    """Those of them that are ready and whose health check of it is good."""
    refusals: Mapping[str, str] = field(default_factory=dict)
    """Node -> why its kernel cannot have it."""
    unhealthy: Mapping[str, str] = field(default_factory=dict)
    """Node -> what its health check of it says there."""
    hook: str = ""
    unproved: str = ""
    """The topology it lies in, if nothing can prove that its wire works."""
    doubt: str = ""
    """Why a VIP that seems to have no owner may have one."""


def standing(case: Case) -> Standing:
    """How it stands, the worst first."""
    return _held(case) if case.owner else _unheld(case)


def _held(case: Case) -> Standing:
    if case.others:
        return _said(State.UNSAFE, f"also held by {_named(case.others)}", Cause.TWO_OWNERS)
    if case.rival:
        return _said(State.CONFLICT, f"also claimed by {case.rival}")
    if broken := _broken(case):
        return _said(State.BROKEN, broken)
    if obstacle := _obstacle(case):
        return _said(State.UNSAFE, obstacle, Cause.NOT_EVERYWHERE)
    if case.hook:
        return _said(State.UNSAFE, HOOK_WARNING.removesuffix("."), Cause.HOOK)
    if not set(case.heirs) - {case.owner} - case.refusals.keys():
        sentence = "no other enabled node is ready that could take it"
        return _said(State.OWNED, sentence, Cause.NO_HEIR)
    return Standing(State.OWNED, Cause.NONE, "")


def _unheld(case: Case) -> Standing:
    if case.trouble is not None:
        return _said(case.trouble[0], f"{case.trouble[1]} answers for it")
    if case.doubt:
        return _said(State.UNKNOWN, case.doubt)
    if broken := _broken(case):
        return _said(State.BROKEN, broken)
    if not case.nodes:
        return _said(State.UNOWNED, "no node holds it, and no enabled node is alive that could")
    if case.unproved:
        way = "name a witness there"
        return _said(
            State.UNOWNED, f"no node may take it: nothing proves the wire of {case.unproved}; {way}"
        )
    return _said(State.UNOWNED, "no node holds it")


def _broken(case: Case) -> str:
    """Why the nodes cannot manage it; empty when they can."""
    own = [name for name, sentence in case.refusals.items() if sentence == OWN_ADDRESS]
    if own:
        return f"it is an address of {_named(own)} itself; choose another VIP"
    if case.owner in case.refusals:
        return f"{case.owner} holds it, but cannot manage it: {case.refusals[case.owner]}"
    if case.nodes and case.refusals.keys() >= set(case.nodes):
        return f"{_named(case.nodes)} cannot hold it: {case.refusals[min(case.nodes)]}"
    return ""


def _obstacle(case: Case) -> str:
    """Which nodes could not take it, and why; empty when all could."""
    if refused := case.refusals.keys() & set(case.nodes):
        return f"{_named(refused)} could not take it: {case.refusals[min(refused)]}"
    if failing := case.unhealthy.keys() & set(case.nodes):
        return _failing(case, failing)
    return ""


def _failing(case: Case, failing: set[str]) -> str:
    """Where its health check fails, and what it says of the first of these nodes."""
    others = failing - {case.owner}
    told = case.unhealthy[min(others or failing)]
    said = f": {told}" if told else ""
    if len(failing) == len(case.nodes) > 1:
        return f"its health check fails on every enabled node{said}"
    if not others:
        return f"its health check fails on {case.owner}, which has it{said}"
    return f"{_named(others)} could not take it: its health check fails there{said}"


def _named(nodes: Collection[str]) -> str:
    names = sorted(nodes)
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return ", ".join(names[:NAMED_MAX]) + more


def _said(state: State, sentence: str, cause: Cause = Cause.NONE) -> Standing:
    return Standing(state, cause, sentence[:SENTENCE_MAX])
