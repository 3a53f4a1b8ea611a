"""What a node's history is to the manager's, and what becomes of one that stands against it.

Pure. Invariants: a history that nobody decided against is never given up; a conflict that began
ends by somebody's word alone, though the node may have lost its own meanwhile; a decision is about
the commits that were seen, so that a node that goes on along its own line is a new conflict.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum


class Side(Enum):
    """Whose history the newest commit of a replica is of."""

    OURS = "ours"
    """The manager's; or the replica is empty."""
    GIVEN_UP = "given_up"
    """One that somebody decided against."""
    FOREIGN = "foreign"
    """Another, which nobody decided about."""


class State(StrEnum):
    """How a conflict stands."""

    OPEN = "open"
    """Nothing is committed until somebody decides."""
    OVERRIDDEN = "overridden"
    """The manager's history counts: the node is told to give its own up."""
    PASSED = "passed"
    """The manager goes on; the node stays as it is."""


class Course(Enum):
    """What a node is told."""

    FOLLOW = "follow"
    """What every node is told."""
    ASK = "ask"
    """To tell its history."""
    RESET = "reset"
    """To give its history up."""
    LEAVE = "leave"
    """Nothing."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a node's conflict: its newest commit, and how it stands."""

    commit: str
    state: State


def side(commit: str, *, ours: bool, aside: bool, known: Known | None) -> Side:
    """Whose a commit is ("": none). `ours`: it is of main; `aside`: of what main has left."""
    if not commit or ours:
        return Side.OURS
    overridden = known is not None and known == Known(commit, State.OVERRIDDEN)
    return Side.GIVEN_UP if aside or overridden else Side.FOREIGN


def after(known: Known | None, commit: str, found: Side) -> Known | None:
    """What is known of a conflict once the node tells its newest commit; None: there is none."""
    if found is Side.FOREIGN:
        return known if known is not None and known.commit == commit else Known(commit, State.OPEN)
    if known is None or known.state is State.OPEN:
        return known
    if found is Side.OURS:
        return None
    return Known(commit, State.OVERRIDDEN)


def course(found: Side, *, able: bool, is_here: bool) -> Course:
    """What a node is told. `able`: it can tell or give up its history; `is_here`: it was told."""
    if found is Side.OURS:
        return Course.FOLLOW
    if not able:
        return Course.LEAVE
    if found is Side.GIVEN_UP:
        return Course.RESET
    return Course.LEAVE if is_here else Course.ASK


def decided(known: Known, found: Side) -> Known | None:
    """What is left of a conflict after main has moved, or something was given up."""
    if found is Side.OURS:
        return None
    return Known(known.commit, State.OVERRIDDEN) if found is Side.GIVEN_UP else known
