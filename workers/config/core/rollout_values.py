"""A rollout as values: how it is to go, how each node stands in it, what is seen, asked and done.

`Rollout` is the whole state and one JSON-able value: whoever has it stored goes on from it.
Seconds are those in which somebody was watching (`clock`), never the wall's: what nodes do while no
manager listens is not held against them. What follows from what is decided in `rollouts`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Literal

import msgspec

from workers.config.core.reports import Outcome


class Stops(StrEnum):
    """After which batches a rollout waits for somebody to say that it may go on."""

    NEVER = "never"
    CANARY = "canary"
    BATCHES = "batches"
    """After the canary too."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How a rollout is to go."""

    pause_seconds: float = 30.0
    """How long a node has to be well with the revision before its batch is passed."""
    stops: Stops = Stops.NEVER
    drain: bool = False
    """Whether a node gives its VIPs away before its turn, and may take some again after it."""
    drain_seconds: float = 120.0
    """Longest wait for a node to hold none."""
    apply_seconds: float = 120.0
    """Longest wait for a node to have the revision, or the one before again."""
    over_edits: bool = False
    """Whether local edits are replaced (they are saved in any case)."""
    mail_limit: float = 0.0
    """Percentage points by which more attempts may be deferred or bounced than before; 0: any."""


class Phase(StrEnum):
    """How a rollout is; the last three are its ends."""

    RUNNING = "running"
    PAUSED = "paused"
    """No node's turn begins; those that had their turn are watched as ever."""
    TURNING_BACK = "turning_back"
    DONE = "done"
    """All nodes have the revision, but those that were away."""
    TURNED_BACK = "turned_back"
    """A node failed; all are ordered to the revision before."""
    ABORTED = "aborted"
    """As turned back; an operator wanted it so."""


ENDS = frozenset({Phase.DONE, Phase.TURNED_BACK, Phase.ABORTED})


class Stage(StrEnum):
    """How a node stands in a rollout."""

    WAITING = "waiting"
    DRAINING = "draining"
    """Its turn has come; it gives its VIPs away first."""
    ORDERED = "ordered"
    """It is to have the revision, and has not told that it does."""
    APPLIED = "applied"
    """It has the revision, and is watched for the pause."""
    PASSED = "passed"
    SKIPPED = "skipped"
    """It was away when its turn came; it gets what the subcluster has when it is back."""
    UNTOUCHED = "untouched"
    """It was never ordered to have the revision, and will not be."""
    RETURNING = "returning"
    """It is to have the revision before again."""
    RETURNED = "returned"
    LOST = "lost"
    """It is ordered to the revision before, and not known to have it."""


AT_RISK = frozenset({Stage.ORDERED, Stage.APPLIED})
"""Has, or may have, the revision, and has not proved itself."""
ORDERED_TO_IT = AT_RISK | {Stage.PASSED}
OVER = frozenset({Stage.PASSED, Stage.SKIPPED})
BACK = frozenset({Stage.SKIPPED, Stage.UNTOUCHED, Stage.RETURNED, Stage.LOST})


class Node(msgspec.Struct, kw_only=True):
    """A node in a rollout."""

    old: int
    """The revision to go back to; 0 when nothing was deployed."""
    stage: Stage = Stage.WAITING
    since: float = 0.0
    """`clock` when the stage began."""
    sentence: str = ""
    """What there is to say about it; empty while all is well."""
    heard: float = 0.0
    """The stamp of what it told last; compared, nothing else."""
    heard_since: float = 0.0
    """`clock` when that stamp was new."""
    trouble: str = ""
    """What is wrong with it now; empty when nothing is."""
    trouble_since: float = 0.0
    known: tuple[str, ...] = ()
    """What was wrong with it before it was ordered, and is not held against the revision."""
    newest: int = 0
    """Mark of the newest report seen."""
    mark: int = 0
    """`newest` when it was ordered: earlier reports are of earlier orders."""
    drained: bool = False
    """Whether it drains because of the rollout, so that it is to be undrained."""


class Rollout(msgspec.Struct, kw_only=True):
    """One rollout, whole."""

    revision: int
    settings: Settings
    batches: tuple[tuple[str, ...], ...]
    """Names; the first is the canary."""
    nodes: dict[str, Node]
    phase: Phase = Phase.RUNNING
    batch: int = 0
    """The one whose turn it is."""
    clock: float = 0.0
    """Seconds in which somebody watched."""
    seen_at: float = 0.0
    """When somebody last did, in seconds of the wall's clock."""
    reason: str = ""
    """Why it is paused, or turned back; a sentence."""
    failed: str = ""
    """The node that failed."""
    aborted: bool = False
    calm_at: float = 0.0
    """`clock` when no node with the revision was in trouble."""
    format: Literal[1] = 1


@dataclass(frozen=True, slots=True)
class Told:
    """One report of an application. `mark` grows with the order in which reports came in."""

    mark: int
    revision: int
    outcome: Outcome
    sentence: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A node as the manager sees it now. Empty values say that nothing is known."""

    heard: float = 0.0
    """A stamp that changes whenever the node tells how it stands."""
    live: int = 0
    target: int = 0
    """The revision of the newest order it knows; 0 when it knows of none."""
    busy: bool = False
    reports: tuple[Told, ...] = ()
    """Since the rollout began, in rising order of marks; older ones may come again."""
    away: str = ""
    """Why it counts as away ("n2 is dead"); empty when it does not."""
    complaints: tuple[str, ...] = ()
    """What is wrong with it as a server, each the same words as long as it is wrong."""
    draining: bool = False
    """Whether the definitions have it draining."""
    excused: bool = False
    """In maintenance: nothing is expected of it."""
    held: int = 0
    """VIPs that it holds."""


@dataclass(frozen=True, slots=True)
class Look:
    """All nodes of the subcluster as they are seen. `deaf`: nothing is heard of any now."""

    nodes: Mapping[str, Seen] = field(default_factory=dict)
    deaf: bool = False
    unjudged: str = ""
    """Why it cannot be said now whether nodes are well, so that none is passed; empty: it can."""


@dataclass(frozen=True, slots=True)
class Pause:
    """An operator wants no further node to have its turn."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Resume:
    """An operator wants it to go on."""


@dataclass(frozen=True, slots=True)
class Abort:
    """An operator wants everything back as it was."""

    sentence: str


Event = Look | Pause | Resume | Abort


@dataclass(frozen=True, slots=True)
class Order:
    """Tell the node at once which revision it is to have; `wanted` says the same ever after."""

    node: str
    revision: int


@dataclass(frozen=True, slots=True)
class Drain:
    """Let the node drain; asked for again until it is seen to."""

    node: str


@dataclass(frozen=True, slots=True)
class Undrain:
    """Let the node hold VIPs again; asked for again until it is seen to."""

    node: str


@dataclass(frozen=True, slots=True)
class Deploy:
    """Make the revision the subcluster's, in one step with storing the state."""

    revision: int


Action = Order | Drain | Undrain | Deploy


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened, for the history. `what`: the word of a stage or a phase."""

    what: str
    sentence: str
    node: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from an event."""

    actions: tuple[Action, ...] = ()
    facts: tuple[Fact, ...] = ()


class Refusal(Enum):
    """Why an operator's wish changes nothing; the value is the sentence."""

    OVER = "it is over; start another one"
    TURNING_BACK = "it is turning back already; wait for its end"
    PAUSED = "it is paused already; resume or abort it"
    RUNNING = "it is not paused"


def wanted(rollout: Rollout, node: str) -> int | None:
    """The revision that a node is to have; 0: leave what is; None when it takes no part.

    Once the rollout is done, what the subcluster has counts for all.
    """
    found = rollout.nodes.get(node)
    if found is None:
        return None
    return rollout.revision if found.stage in ORDERED_TO_IT else found.old


def counts(rollout: Rollout) -> dict[Stage, int]:
    """How many nodes stand at each stage; those at which none does are left out."""
    found: dict[Stage, int] = {}
    for node in rollout.nodes.values():
        found[node.stage] = found.get(node.stage, 0) + 1
    return found


def progress(rollout: Rollout) -> float:
    """The part of the nodes for which nothing more is to be done, 0 to 1."""
    if rollout.phase in ENDS:
        return 1.0
    settled = BACK if rollout.phase is Phase.TURNING_BACK else OVER
    over = sum(node.stage in settled for node in rollout.nodes.values())
    return over / max(1, len(rollout.nodes))
