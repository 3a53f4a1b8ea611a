"""What a node holds reaches managers in pieces, whatever becomes of messages on the way.

Nothing is shown as told while it is not: a picture that differs from what the node says it holds
asks, and has it right once messages come through.
"""

import random
from dataclasses import dataclass, field

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_admin.events.desk import Desk
from cluster_admin.events.node_views import NodeView
from cluster_admin.events.ownership import VipView
from cluster_admin.events.picture import Picture
from workers.bus.codec import Codec
from workers.failover.core import telling
from workers.failover.core.briefing import asked, unknown
from workers.failover.core.claims import Claims
from workers.failover.core.reports import Ask, Holdings, Message, Report, Run
from workers.failover.core.telling import UNKNOWN, Teller, Told

exactly = settings(derandomize=True, deadline=None, max_examples=60)
CODEC: Codec[Message] = Codec("demo", "default", [b"0" * 32], Message)
NODE, VIPS, STEP_SECONDS = "mta1", 1_500, 1.5
"""So many VIPs that one piece does not do; a step is longer than the manager's patience."""


def vip(number: int) -> str:
    return f"198.18.{number // 250}.{number % 250}"


@dataclass
class Node:
    """An agent and its reporter."""

    claims: Claims = field(default_factory=Claims)
    told: Told = field(default_factory=Told)
    started_at: str = ""
    sequence: int = 0

    def look(self) -> list[Report | Holdings]:
        """What is published when the agent was asked once."""
        buckets, more = unknown(self.claims, *asked(self.told.question()))
        held = tuple((one, e, 1.0, "", "") for one, e in self.claims.of(buckets).items())
        brief = msgspec.structs.replace(
            UNKNOWN,
            incarnation=1,
            count=len(self.claims.table),
            sums=self.claims.sums,
            buckets=tuple(buckets),
            more=more,
            held=held,
        )
        self.sequence += 2
        teller = Teller(NODE, self.started_at)
        report = telling.report(teller, self.sequence, brief, [Run(1, 1, 0)], answers=True)
        if not buckets:
            return [report]
        self.told.tell(brief)
        return [telling.holdings(teller, self.sequence - 1, brief), report]

    def restart(self) -> None:
        """The reporter is another one."""
        self.told, self.sequence = Told(), 0
        self.started_at += "+"


class Manager:
    """A desk, and when what it was told was seen to be wrong."""

    def __init__(self) -> None:
        picture = Picture(0.0)
        views = {vip(number): VipView() for number in range(VIPS)}
        picture.define({NODE: NodeView()}, views, 0.0)
        self.desk = Desk("default", CODEC, picture)

    def hear(self, messages: list[Report | Holdings], at: float) -> list[Ask]:
        return self.desk.take([(one, at) for one in messages])

    @property
    def shown(self) -> dict[str, int]:
        held = self.desk.picture._holdings.of(NODE)
        return {one: claim.epoch for one, claim in held.items()}

    def asserted(self) -> float:
        return self.desk.picture._nodes[NODE].asserted_at


steps = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(0, VIPS - 1), st.integers(1, 400)),
        st.tuples(st.just("drop"), st.integers(0, VIPS - 1), st.integers(1, 400)),
        st.tuples(st.sampled_from(("reporter", "manager")), st.just(0), st.just(0)),
        st.tuples(st.just("wait"), st.just(0), st.just(0)),
    ),
    max_size=12,
)


def change(node: Node, what: str, first: int, count: int) -> None:
    for number in range(first, min(VIPS, first + count)):
        if what == "take":
            node.claims.put(vip(number), node.claims.table.get(vip(number), 0) + 1)
        elif what == "drop":
            node.claims.drop(vip(number))


def carry(messages: list[Report | Holdings], rng: random.Random) -> list[Report | Holdings]:
    """Some are lost, some come twice, in any order."""
    kept = [one for one in messages for _ in range(rng.choice((0, 1, 1, 2)))]
    rng.shuffle(kept)
    return kept


def agree(node: Node, manager: Manager, at: float) -> int:
    """Steps in which everything comes through, until the picture is right."""
    for taken in range(20):
        at += STEP_SECONDS
        asks = manager.hear(node.look(), at)
        if manager.shown == node.claims.table:
            assert manager.asserted() == at
            return taken
        for ask in asks:
            node.told.forget(ask.known)
    raise AssertionError("it never becomes right")


@exactly
@given(steps, st.randoms(use_true_random=False))
def test_loss_doubling_and_order_do_no_lasting_harm(
    plan: list[tuple[str, int, int]], rng: random.Random
) -> None:
    node, manager, at = Node(), Manager(), 0.0
    waiting: list[Report | Holdings] = []
    for what, first, count in plan:
        at += STEP_SECONDS
        change(node, what, first, count)
        if what == "reporter":
            node.restart()
        if what == "manager":
            manager = Manager()
        waiting += node.look()
        if what != "wait":
            for ask in manager.hear(carry(waiting, rng), at):
                if rng.random() < 0.5:
                    node.told.forget(ask.known)
            waiting.clear()
    assert agree(node, manager, at) <= 5


@exactly
@given(steps, st.integers(0, 3))
def test_a_lost_piece_is_noticed_by_the_very_next_report(
    plan: list[tuple[str, int, int]], lost: int
) -> None:
    node, manager, at = Node(), Manager(), 0.0
    for number, (what, first, count) in enumerate(plan):
        at += STEP_SECONDS
        change(node, what, first, count)
        messages = node.look()
        if number == lost:
            messages = [one for one in messages if isinstance(one, Report)]
        asks = manager.hear(messages, at)
        [report] = (one for one in messages if isinstance(one, Report))
        right = manager.shown == node.claims.table
        assert (manager.asserted() == at) is right
        assert bool(asks) is (not right and not report.more)
        for ask in asks:
            node.told.forget(ask.known)
    assert agree(node, manager, at) <= 3
