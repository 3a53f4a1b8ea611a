"""Every class by name, and how large its share of a batch is."""

from __future__ import annotations

from tests.simulation import classes as c
from tests.simulation import classes_handoff as h
from tests.simulation.classes_drain import drain
from tests.simulation.classes_health import health, sick_death
from tests.simulation.classes_many import joiners, many_nodes, removed
from tests.simulation.classes_middle import (
    late_burst,
    late_words,
    middle,
    middle_double,
    slow_heir,
)
from tests.simulation.classes_random import random_faults
from tests.simulation.late_look import late_look

CLASSES: dict[str, tuple[c.Build, int]] = {
    "power-loss": (c.power_loss, 2),
    "cable": (c.cable, 2),
    "kill-restart": (c.kill_restart, 2),
    "agent-gone": (c.agent_gone, 2),
    "freeze": (c.freeze, 2),
    "node-cut": (c.node_cut, 2),
    "clean-stop": (c.clean_stop, 1),
    "split": (c.split, 2),
    "broker": (c.broker, 2),
    "broker+power-loss": (c.broker_power_loss, 2),
    "ring-b+power-loss": (c.ring_b_power_loss, 1),
    "partition": (c.partition, 2),
    "mute-node": (c.mute_node, 1),
    "deaf-heir": (c.deaf_heir, 1),
    "stop+flap": (c.stop_and_flap, 2),
    "vm-pause": (c.vm_pause, 1),
    "double-cut": (c.double_cut, 1),
    "quorum": (c.quorum, 1),
    "starve": (c.starve, 2),
    "ambush": (c.ambush, 2),
    "lossy": (c.lossy, 2),
    "lossy-arp": (c.lossy_arp, 1),
    "one-way": (c.one_way, 2),
    "definitions": (c.definitions, 1),
    "cold-start": (c.cold_start, 1),
    "stuck": (c.stuck, 1),
    "balance": (c.balance, 1),
    "refused": (c.refused, 1),
    "drain": (drain, 2),
    "move": (h.move, 2),
    "failback": (h.failback, 2),
    "stop-many": (h.stop_many, 1),
    "drain-many": (h.drain_many, 1),
    "heir-stops": (h.heir_stops, 1),
    "upgrade": (h.upgrade, 1),
    "upgrade-fails": (h.upgrade_fails, 1),
    "upgrade-flap": (h.upgrade_flap, 1),
    "last-resort": (h.last_resort, 2),
    "health": (health, 2),
    "sick-death": (sick_death, 1),
    "middle": (middle, 8),
    "middle-double": (middle_double, 3),
    "late-words": (late_words, 2),
    "late-burst": (late_burst, 1),
    "slow-heir": (slow_heir, 1),
    "many-nodes": (many_nodes, 1),
    "joiners": (joiners, 1),
    "removed": (removed, 1),
    "late-look": (late_look, 3),
    "random": (random_faults, 10),
    "third-voice": (c.third_voice, 1),
}
ROTATION = tuple(name for name, (_, weight) in CLASSES.items() for _ in range(weight))


def class_of(seed: int) -> str:
    """The class of a seed when none is named: all in turn, by weight."""
    return ROTATION[seed % len(ROTATION)]
