"""The fault classes of failover.md's table: how each is drawn, and what a client may see of it.

The bounds are the table's: a planned move, a clean stop among them, interrupts for 20 ms.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.simulation.draft import Draft
from tests.simulation.plan import Bounds, Plan
from workers.failover.core.definitions import Knobs, PartitionPolicy

INTERVAL = 0.2
DEATH = 0.6 + 0.1
"""dead_after + 100 ms at the default knobs."""
LEASE_END = 0.15
NEVER = 0.0
NONE = 0.0
HEALING = INTERVAL + 0.02
"""One interval, and the way of the message."""
HEIR_IDLE = 1.0 + 0.3 * 3 + 0.3
"""A planned move whose heir is late or hard to hear: anybody takes the orphan."""
RESUMED = 0.1
"""An old owner that goes on while its VIPs are being taken makes the takers begin anew."""
CORRECTED = 0.06
"""Both sides announce when they hear each other again; the keeper's next one corrects it."""

Build = Callable[[int], Plan]


def power_loss(seed: int) -> Plan:
    """One or two nodes lose power; some come back."""
    draft = Draft("power-loss", seed, Bounds(DEATH, NEVER))
    victims = draft.some(1, max(1, len(draft.names) - 2)) if draft.chance(0.2) else [draft.pick()]
    for victim in victims:
        draft.step(draft.at, "power_loss", victim)
        if draft.chance(0.5):
            draft.step(draft.at + draft.between(0.5, 4.0), "power_return", victim)
    return draft.finish()


def cable(seed: int) -> Plan:
    """A node's cable is pulled (or its switch port dies), for a moment or for good."""
    draft = Draft("cable", seed, Bounds(DEATH, NEVER))
    victim, carrier = draft.pick(), draft.chance(0.5)
    seconds = draft.between(0.05, 1.2) if draft.chance(0.5) else draft.between(1.2, 5.0)
    if draft.chance(0.3):
        draft.step(draft.at, "cut_port", victim, carrier)
    else:
        draft.fault(draft.at, seconds, "cut_port", "mend_port", victim, carrier)
    return draft.finish()


def kill_restart(seed: int) -> Plan:
    """Kill -9, restarted by the supervisor within the lease; sometimes again."""
    draft = Draft("kill-restart", seed, Bounds(NONE, NEVER))
    at = draft.at
    for victim in draft.some() if draft.chance(0.4) else [draft.pick()]:
        for _ in range(draft.rng.randint(1, 3)):
            draft.step(at, "kill", victim, draft.between(0.3, 0.6))
            at += draft.between(1.0, 3.0)
    return draft.finish()


def agent_gone(seed: int) -> Plan:
    """Kill -9 or SIGSTOP for good: the kernel serves until the lease ends."""
    draft = Draft("agent-gone", seed, Bounds(LEASE_END, NEVER))
    if draft.chance(0.5):
        draft.step(draft.at, "kill", draft.pick(), None)
    else:
        draft.step(draft.at, "stop", draft.pick())
    return draft.finish(rest=6.0)


def freeze(seed: int) -> Plan:
    """Everything on a node is frozen, then goes on with full sockets."""
    draft = Draft("freeze", seed, Bounds(LEASE_END + RESUMED, NEVER))
    for victim in (
        draft.some(1, max(1, len(draft.names) - 1)) if draft.chance(0.3) else [draft.pick()]
    ):
        seconds = draft.between(0.2, 4.5) if draft.chance(0.7) else draft.between(4.0, 10.0)
        draft.fault(draft.at, seconds, "stop", "resume", victim)
    return draft.finish()


def node_cut(seed: int) -> Plan:
    """A node and one client are cut from peers, witness and broker."""
    draft = Draft("node-cut", seed, Bounds(DEATH, NEVER), clients=2)
    draft.plan.judged = ("client1",)
    victim = draft.pick()
    rest = " ".join([*draft.others(victim), "gateway", "client1"])
    seconds = draft.between(0.3, 5.0)
    draft.fault(draft.at, seconds, "cut", "mend", "both", f"{victim} client2", rest)
    draft.fault(draft.at, seconds, "cut_broker", "mend_broker", victim)
    return draft.finish()


def clean_stop(seed: int) -> Plan:
    """A node leaves cleanly; sometimes it comes back, sometimes another leaves."""
    draft = Draft("clean-stop", seed, Bounds(NONE, NEVER))
    leaver = draft.pick()
    draft.step(draft.at, "ask_to_stop", leaver)
    if draft.chance(0.5):
        draft.step(draft.at + draft.between(0.3, 3.0), "start", leaver)
    if len(draft.names) > 2 and draft.chance(0.3):
        other = draft.rng.choice(draft.others(leaver))
        draft.step(draft.at + draft.between(0.0, 3.0), "ask_to_stop", other)
    return draft.finish()


def split(seed: int) -> Plan:
    """Nodes deaf to each other on ring B and ARP; broker, witness and clients hear all."""
    draft = Draft("split", seed, Bounds(NONE, NEVER), clients=2)
    everybody = " ".join(draft.names)
    shape, seconds = draft.rng.randrange(4), draft.between(0.5, 6.0)
    if shape == 0:
        for index, one in enumerate(draft.names):
            rest = " ".join(draft.names[index + 1 :])
            draft.fault(draft.at, seconds, "cut", "mend", "both", one, rest)
    elif shape == 1:
        one = draft.pick()
        rest = " ".join(draft.others(one))
        draft.fault(draft.at, seconds, "cut", "mend", "both", one, rest)
    elif shape == 2:
        one = draft.pick()
        draft.fault(draft.at, seconds, "cut_one_way", "mend_one_way", "both", one, everybody)
    else:
        one = draft.pick()
        draft.fault(draft.at, seconds, "cut_one_way", "mend_one_way", "both", everybody, one)
    return draft.finish()


def _broker_fault(draft: Draft, at: float, seconds: float) -> None:
    shape = draft.rng.randrange(6)
    if shape == 0:
        draft.step(at, "broker_down", draft.chance(0.5))
        draft.step(at + seconds, "broker_up")
    elif shape == 1:
        names = " ".join(draft.some())
        draft.step(at, "broker_silent", names, draft.chance(0.5))
        draft.step(at + seconds, "broker_speaks")
    elif shape == 2:
        draft.step(at, "broker_holds")
        draft.step(at + seconds, "broker_speaks")
    elif shape == 3:
        draft.fault(at, seconds, "cut_broker", "mend_broker", " ".join(draft.some()))
    elif shape == 4:
        draft.step(at, "slow_broker", draft.between(0.1, 1.0))
        draft.step(at + seconds, "slow_broker", 0.0015)
    else:
        draft.step(at, "broker_silent", " ".join(draft.names), draft.chance(0.5))
        draft.step(at + seconds, "broker_speaks")


def broker(seed: int) -> Plan:
    """The broker is killed, gone, silent, slow, or delivers late: nobody notices."""
    draft = Draft("broker", seed, Bounds(NONE, NEVER))
    _broker_fault(draft, draft.at, draft.between(0.3, 6.0))
    return draft.finish()


def broker_power_loss(seed: int) -> Plan:
    """Whatever the broker does, and then an owner loses power."""
    draft = Draft("broker+power-loss", seed, Bounds(DEATH, NEVER))
    seconds = draft.between(0.3, 5.0)
    _broker_fault(draft, draft.at, seconds)
    draft.step(draft.at + draft.between(0.0, seconds), "power_loss", draft.pick())
    return draft.finish()


def ring_b_power_loss(seed: int) -> Plan:
    """Ring B is dead between all nodes, and then an owner loses power."""
    draft = Draft("ring-b+power-loss", seed, Bounds(DEATH, NEVER))
    everybody = " ".join(draft.names)
    draft.fault(draft.at, draft.between(2.0, 5.0), "cut_one_way", "mend_one_way", "b",
                everybody, everybody)  # fmt: skip
    draft.step(draft.at + draft.between(0.0, 1.5), "power_loss", draft.pick())
    return draft.finish()


def partition(seed: int) -> Plan:
    """Two parts with clients of their own; witness and broker are in one of them."""
    draft = Draft("partition", seed, Bounds(DEATH, HEALING), nodes=(2, 5), clients=2)
    draft.plan.latest_keeps = True
    part = draft.some(1, len(draft.names) - 1)
    rest = draft.others(*part)
    ones, others = [*part, "client1"], [*rest, "client2"]
    with_witness = draft.rng.choice((ones, others))
    with_witness.append("gateway")
    if len(ones) == 2:
        draft.plan.judged = ("client2",)
    elif len(others) == 2:
        draft.plan.judged = ("client1",)
    seconds = draft.between(0.3, 5.0)
    draft.fault(draft.at, seconds, "cut", "mend", "both", " ".join(ones), " ".join(others))
    draft.fault(draft.at, seconds, "cut_broker", "mend_broker",
                " ".join(draft.rng.choice((part, rest))))  # fmt: skip
    return draft.finish()


def mute_node(seed: int) -> Plan:
    """A node is not heard by peers and witness any more, or does not hear them; clients hear it."""
    draft = Draft("mute-node", seed, Bounds(DEATH, NEVER))
    victim = draft.pick()
    rest = " ".join([*draft.others(victim), "gateway"])
    ways = (victim, rest) if draft.chance(0.6) else (rest, victim)
    seconds = draft.between(0.3, 5.0)
    draft.fault(draft.at, seconds, "cut_one_way", "mend_one_way", "both", *ways)
    draft.fault(draft.at, seconds, "cut_broker", "mend_broker", victim)
    return draft.finish()


def deaf_heir(seed: int) -> Plan:
    """An owner's agent is gone, its kernel serves, and heirs receive no ARP: no proof, no take."""
    draft = Draft("deaf-heir", seed, Bounds(DEATH + 2.5, NEVER), nodes=(3, 4))
    victim = draft.pick()
    heirs = draft.others(victim)
    seconds = draft.between(1.0, 5.0)
    if draft.chance(0.5):
        heirs = [draft.rng.choice(heirs)]
    else:
        draft.plan.bounds = Bounds(seconds + DEATH, NEVER)
    everybody = " ".join([*draft.names, "gateway"])
    draft.fault(draft.at - 0.05, seconds, "cut_one_way", "mend_one_way", "arp", everybody,
                " ".join(heirs))  # fmt: skip
    draft.step(draft.at, "kill", victim, None)
    return draft.finish(rest=6.0)


def stop_and_flap(seed: int) -> Plan:
    """The agent is stopped, and the host's own link goes and comes back."""
    draft = Draft("stop+flap", seed, Bounds(DEATH, 0.03 + 0.1))
    victim = draft.pick()
    stopped = draft.between(1.0, 6.0)
    draft.fault(draft.at, stopped, "stop", "resume", victim)
    flap = draft.at + draft.between(0.0, 2.0)
    draft.fault(flap, draft.between(0.05, 2.5), "cut_port", "mend_port", victim)
    return draft.finish()


def vm_pause(seed: int) -> Plan:
    """The hypervisor pauses a machine: its clock and its kernel's timers stand still."""
    draft = Draft("vm-pause", seed, Bounds(DEATH, HEALING))
    draft.plan.latest_keeps = True
    victim = draft.pick()
    draft.step(draft.at, "pause", victim, draft.chance(0.5))
    draft.step(draft.at + draft.between(0.05, 6.0), "unpause", victim)
    return draft.finish()


def _double_cut(name: str, seed: int, bounds: Bounds, policy: PartitionPolicy) -> Plan:
    draft = Draft(name, seed, bounds, clients=2, knobs=Knobs(partition_policy=policy))
    draft.plan.latest_keeps = True
    part = draft.some(1, len(draft.names) - 1)
    rest = draft.others(*part)
    seconds = draft.between(0.3, 5.0)
    draft.fault(draft.at, seconds, "cut", "mend", "both", " ".join(part), " ".join(rest))
    draft.fault(draft.at, seconds, "cut_broker", "mend_broker",
                " ".join(draft.rng.choice((part, rest))))  # fmt: skip
    return draft.finish()


def double_cut(seed: int) -> Plan:
    """Both rings and ARP cut between parts that every client hears: two owners, until it heals."""
    bounds = Bounds(CORRECTED, HEALING, excuses_deaf=True)
    return _double_cut("double-cut", seed, bounds, PartitionPolicy.COVER)


def third_voice(seed: int) -> Plan:
    """Such parts; then one node hears both, and they do not hear each other yet."""
    bounds = Bounds(CORRECTED, HEALING, excuses_deaf=True)
    draft = Draft("third-voice", seed, bounds, nodes=(3, 5), clients=2)
    voice = draft.pick()
    part = draft.some_in_order(1, len(draft.names) - 2, but=voice)
    rest = draft.others(voice, *part)
    alone, seconds = draft.between(0.3, 3.0), draft.between(3.5, 5.0)
    draft.fault(draft.at, alone, "cut", "mend", "both", " ".join(part), voice)
    draft.fault(draft.at, seconds, "cut", "mend", "both", " ".join(part), " ".join(rest))
    draft.fault(draft.at, seconds, "cut_broker", "mend_broker", " ".join(part))
    return draft.finish()


def quorum(seed: int) -> Plan:
    """The same under quorum: never two owners."""
    bounds = Bounds(DEATH, NEVER)
    return _double_cut("quorum", seed, bounds, PartitionPolicy.QUORUM)


def starve(seed: int) -> Plan:
    """Loops run late by 50 to 900 ms, again and again."""
    draft = Draft("starve", seed, Bounds(NONE, NEVER, planned_gap=HEIR_IDLE))
    for victim in draft.some():
        at = draft.at
        for _ in range(draft.rng.randint(1, 6)):
            seconds = draft.between(0.05, 0.9)
            draft.step(at, "starve", victim, seconds)
            at += seconds + draft.between(0.1, 1.0)
    return draft.finish()


def ambush(seed: int) -> Plan:
    """An owner dies, and an heir is stopped or killed around its netlink call."""
    draft = Draft("ambush", seed, Bounds(DEATH + 3.5 + HEIR_IDLE, NEVER), nodes=(3, 4))
    victim = draft.pick()
    for heir in draft.others(victim):
        point = draft.rng.choice(("BEFORE_CHECK", "BEFORE_CALL", "AFTER_CALL"))
        if draft.chance(0.6):
            seconds = draft.between(0.01, 0.3) if draft.chance(0.5) else draft.between(0.3, 4.5)
            draft.step(draft.at, "ambush", heir, point, seconds)
        elif draft.chance(0.6):
            draft.step(draft.at, "assassinate", heir, point, draft.between(0.3, 0.6))
        draft.step(draft.at + 2.0, "disarm", heir)
    draft.step(draft.at + 0.01, "power_loss", victim)
    return draft.finish(rest=10.0)


def lossy(seed: int) -> Plan:
    """Ring B loses, doubles and reorders; sometimes the broker is away as well. ARP is good."""
    draft = Draft("lossy", seed, Bounds(NONE, NEVER, planned_gap=HEIR_IDLE))
    seconds = draft.between(3.0, 7.0)
    draft.step(draft.at, "degrade", "b", draft.between(0.0, 0.3), draft.between(0.0, 0.2),
               draft.between(0.0, 0.2))  # fmt: skip
    draft.step(draft.at + seconds, "restore", "b")
    if draft.chance(0.5):
        draft.step(draft.at, "broker_down", False)
        draft.step(draft.at + seconds, "broker_up")
    return draft.finish()


def lossy_arp(seed: int) -> Plan:
    """ARP loses frames while an owner loses power: slower, but never two owners."""
    draft = Draft("lossy-arp", seed, Bounds(DEATH + 1.2, NEVER))
    draft.step(draft.at - 0.1, "degrade", "arp", draft.between(0.0, 0.1), 0.0,
               draft.between(0.0, 0.05))  # fmt: skip
    draft.step(draft.at, "power_loss", draft.pick())
    draft.step(draft.at + 4.0, "restore", "arp")
    return draft.finish()


def one_way(seed: int) -> Plan:
    """One direction of one layer is cut between some nodes; ARP or ring A is whole."""
    draft = Draft("one-way", seed, Bounds(NONE, NEVER))
    layers = draft.rng.choice(("b", "arp", "both"))
    senders, receivers = " ".join(draft.some()), " ".join(draft.some())
    seconds = draft.between(0.5, 6.0)
    draft.fault(draft.at, seconds, "cut_one_way", "mend_one_way", layers, senders, receivers)
    if layers == "b":
        draft.step(draft.at, "broker_down", False)
        draft.step(draft.at + seconds, "broker_up")
    return draft.finish()


def definitions(seed: int) -> Plan:
    """VIPs come and go by a new revision, while agents restart."""
    draft = Draft("definitions", seed, Bounds(NONE, NEVER))
    at = draft.at
    for number in range(draft.rng.randint(1, 2)):
        add = f"198.18.0.{150 + number}" if draft.chance(0.7) else ""
        remove = draft.rng.choice(draft.vips) if draft.chance(0.5) or not add else ""
        draft.step(at, "define", draft.pick(), add, remove)
        if draft.chance(0.3):
            draft.step(at + draft.between(0.0, 0.5), "kill", draft.pick(), draft.between(0.3, 0.6))
        at += draft.between(0.5, 2.0)
    draft.step(at + 2.5, "expect")
    return draft.finish()


def cold_start(seed: int) -> Plan:
    """Nodes start one after the other, or all lose power and come back at different times."""
    draft = Draft("cold-start", seed, Bounds(NONE, NEVER))
    if draft.chance(0.5):
        draft.plan.starts = {n: draft.between(0.0, 3.0) for n in draft.names}
        draft.plan.watch_from = 5.0
        draft.at = 5.0
        return draft.finish(rest=4.0)
    for name in draft.names:
        draft.step(draft.at, "power_loss", name)
        draft.step(draft.at + draft.between(0.5, 3.0), "power_return", name)
    draft.plan.watch_from = draft.at + 5.0
    return draft.finish()


def stuck(seed: int) -> Plan:
    """A killed agent's lease does not end (a broken host): nobody joins it; freed when mended."""
    draft = Draft("stuck", seed, Bounds(1.0, NEVER))
    victim = draft.pick()
    draft.step(draft.at, "break_lease", victim)
    draft.step(draft.at + 0.1, "kill", victim, None)
    draft.step(draft.at + draft.between(4.0, 8.0), "mend_lease", victim)
    return draft.finish()


def balance(seed: int) -> Plan:
    """A node joins late; once the view is mature, VIPs move to it, each with one short gap."""
    knobs = Knobs(view_mature_time=1.0, balance_interval=2.0)
    draft = Draft("balance", seed, Bounds(NONE, NEVER), nodes=(2, 5), knobs=knobs)
    for name in draft.some(1, len(draft.names) - 1):
        draft.plan.starts[name] = draft.between(1.0, 4.0)
    if draft.chance(0.3):
        draft.plan.bounds = Bounds(NONE, NEVER, planned_gap=HEIR_IDLE)
        draft.step(draft.at, "kill", draft.pick(), draft.between(0.3, 0.6))
    draft.at = 5.0
    draft.plan.balanced = True
    return draft.finish(rest=10.0)


def refused(seed: int) -> Plan:
    """A kernel refuses to add VIPs when their owner dies: somebody else takes them."""
    draft = Draft("refused", seed, Bounds(DEATH + 2.5, NEVER), nodes=(3, 4))
    victim = draft.pick()
    refuser = draft.rng.choice(draft.others(victim))
    draft.step(draft.at - 0.1, "refuse", refuser, " ".join(draft.vips))
    draft.step(draft.at, "power_loss", victim)
    draft.step(draft.at + 5.0, "accept", refuser)
    return draft.finish()
