"""The settings (knobs) of a subcluster as people are told of them: bounds, unit, meaning, value.

Names, defaults and bounds are the core's; a row `Setting` exists only for a value that differs from
the default. What knobs must agree on together is checked when the change ends.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cluster_admin.inventory.models import Setting, Subcluster
from cluster_admin.inventory.services import Change
from workers.failover.core.definitions import Knobs
from workers.failover.core.definitions_rules import (
    BOUNDS,
    CHOICES,
    COMMANDS,
    KNOB_NAMES,
    usual_dead_after,
)

HELP = {
    "heartbeat_interval": "How often a node speaks on both rings. Lower: faster, more traffic.",
    "dead_after": "Silence after which a peer is dead; at least two heartbeat intervals. "
    "Three intervals when not set.",
    "lease_ttl": "Lifetime of the kernel's lease; more than dead_after and one second. "
    "So long a dead agent's host goes on serving.",
    "start_delay": "How long a node that starts, or was isolated, listens before it takes VIPs.",
    "view_mature_time": "How long the membership must stay unchanged before VIPs move for balance.",
    "balance_interval": "Pause between two rounds of moving VIPs for balance or preference.",
    "balance_set_size": "At most so many VIPs move in one such round.",
    "handoff_timeout": "How long a released VIP is kept for its heir.",
    "definition_wait": "How long members wait for one that lacks the new definitions.",
    "probe_count": "ARP or neighbour probes without an answer before a VIP is taken.",
    "probe_interval": "Time between two probes, and after the last.",
    "audit_interval": "How often the kernel's addresses are compared with what should be there.",
    "flap_limit": "How long a health check must be good again before it counts; doubled, up to "
    "15 times, with each flap.",
    "announce_count": "Announcements in the second after taking a VIP.",
    "announce_period": "A VIP that stays is announced again this often.",
    "announce_to": "Who is told of a VIP's new owner: all hosts of the network, or interest: only "
    "the hosts of interest that its topology names.",
    "partition_policy": "What a part of a cut cluster may hold: cover keeps mail flowing, quorum "
    "never has two owners.",
    "check_interval": "How often each health check runs on each node.",
    "check_timeout": "A health check that takes longer has failed.",
    "check_fall": "Failures in a row after which a health check counts as failed.",
    "hook_timeout": "A hook that takes longer is killed.",
    "on_change": "A command, /PATH ARGUMENTS, that a node runs when it took or lost a VIP; it is "
    "given taken or lost, VIP, node and reason.",
}
COUNTS = frozenset({"balance_set_size", "probe_count", "announce_count", "check_fall"})


@dataclass(frozen=True, slots=True)
class Knob:
    """One knob, and what may be written."""

    name: str
    default: float | int | str
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    unit: str
    help: str

    @property
    def whole(self) -> bool:
        """Whether only whole numbers will do."""
        return isinstance(self.default, int)

    @property
    def command(self) -> bool:
        """Whether it is a command rather than a number or a choice."""
        return self.name in COMMANDS


def knob(name: str) -> Knob:
    """What is to be known of a knob; `KeyError` for none."""
    text = HELP[name]
    default = getattr(Knobs(), name)
    if name in CHOICES:
        return Knob(name, default.value, None, None, tuple(map(str, CHOICES[name])), "", text)
    if name in COMMANDS:
        return Knob(name, default, None, None, (), "", text)
    low, high = BOUNDS[name]
    return Knob(name, default, low, high, (), "" if name in COUNTS else "seconds", text)


def all_knobs() -> tuple[Knob, ...]:
    """Every knob, in the order of the reference."""
    return tuple(map(knob, KNOB_NAMES))


def values_of(subcluster: Subcluster) -> dict[str, Any]:
    """The values that differ from the defaults."""
    return dict(Setting.objects.filter(subcluster=subcluster).values_list("name", "value"))


def default_of(name: str, values: Mapping[str, Any]) -> Any:
    """What holds when a knob is not set; `dead_after` goes by the heartbeat interval."""
    if name == "dead_after":
        return usual_dead_after(values.get("heartbeat_interval", Knobs().heartbeat_interval))
    return knob(name).default


def write(done: Change, values: Mapping[str, Any]) -> None:
    """Make the settings what `values` says, within a change; a knob not in it gets its default."""
    rows = {row.name: row for row in Setting.objects.filter(subcluster=done.subcluster)}
    for name in KNOB_NAMES:
        row, value = rows.get(name), values.get(name)
        if value == default_of(name, values):
            value = None
        if row and value is None:
            row.delete()
            done.note("delete", row, {"name": name, "value": row.value})
        elif row and row.value != value:
            before, row.value = {"name": name, "value": row.value}, value
            row.save(update_fields=["value"])
            done.note("update", row, before)
        elif not row and value is not None:
            made = Setting.objects.create(subcluster=done.subcluster, name=name, value=value)
            done.note("create", made)
