"""What a round consists of: faults, their healing, and changes of the definitions, at instants.

Values only. A round begins at rest with the definitions of `core.edits.base`, and its last step
heals everything and puts these definitions back; so every round stands alone and can be repeated
alone.
"""

from dataclasses import dataclass
from enum import StrEnum

from workers.lab.core.faults import FaultKind


class ChangeKind(StrEnum):
    """A change of the definitions."""

    ADD_VIP = "add-vip"
    REMOVE_VIP = "remove-vip"
    PREFER = "prefer"
    DRAIN = "drain"
    ENABLE = "enable"
    REMOVE_NODE = "remove-node"
    ADD_NODE = "add-node"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class Inject:
    """Do a fault; `words` as after `muster lab fault KIND`."""

    kind: FaultKind
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"fault {self.kind.value} {' '.join(self.words)}"


@dataclass(frozen=True, slots=True)
class Heal:
    """End the fault of that kind on those hosts."""

    kind: FaultKind
    hosts: tuple[str, ...]

    def __str__(self) -> str:
        return f"heal {self.kind.value} {' '.join(self.hosts)}"


@dataclass(frozen=True, slots=True)
class Change:
    """Change the definitions and write them to the nodes in `via`; their peers get them by them."""

    kind: ChangeKind
    target: str = ""
    """A VIP or a node."""
    nodes: tuple[str, ...] = ()
    """What a VIP prefers."""
    via: tuple[str, ...] = ()

    def __str__(self) -> str:
        words = [f"define {self.kind.value}", self.target, *self.nodes]
        return " ".join(filter(None, words)) + f" (via {' '.join(self.via)})"


@dataclass(frozen=True, slots=True)
class HealAll:
    """End every fault and put the round's first definitions back."""

    def __str__(self) -> str:
        return "heal all, restore definitions"


Deed = Inject | Heal | Change | HealAll


@dataclass(frozen=True, slots=True)
class Step:
    """A deed at `at` seconds from the probe's start."""

    at: float
    deed: Deed

    def __str__(self) -> str:
        return f"{self.at:6.2f}  {self.deed}"


@dataclass(frozen=True, slots=True)
class Layout:
    """Who is there: names of hosts, and the VIPs that every round begins with."""

    nodes: tuple[str, ...]
    brokers: tuple[str, ...]
    vips: tuple[str, ...]
    spare_vips: tuple[str, ...]
    """Addresses that a round may add."""


@dataclass(frozen=True, slots=True)
class Round:
    """One round as planned."""

    seed: int
    number: int
    swift: bool
    """Views mature and balance after one and two seconds instead of five and ten."""
    wishes: tuple[tuple[str, tuple[str, ...]], ...]
    """VIP -> the nodes that it prefers at the start."""
    steps: tuple[Step, ...]

    @property
    def ends(self) -> float:
        """When the last step is done."""
        return self.steps[-1].at
