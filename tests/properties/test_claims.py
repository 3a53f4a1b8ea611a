"""Claims on their way: whatever is lost, doubled or out of order, a receiver knows or asks."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.failover.situation import A, B, mac
from workers.bus.codec import Codec
from workers.failover.core.actions import Reason
from workers.failover.core.claims import Claims, digest_of
from workers.failover.core.detector import Detector, Hearing
from workers.failover.core.handoffs import Handoffs
from workers.failover.core.holdings import Held, Holdings
from workers.failover.core.messages import Heartbeat, Message, NodeState
from workers.failover.core.voice import Voice

MESSAGE_BYTES_MAX = 32 * 1024
VIPS = [f"2001:db8:{n:x}::{n * 7919:x}" for n in range(1800)]
CODEC: Codec[Message] = Codec("demo", "default", [b"k" * 32], Message)


@dataclass
class Sender:
    """A node whose holdings change, and what it held when it said each heartbeat."""

    incarnation: int = 1
    holdings: Holdings = field(default_factory=Holdings)
    epoch: int = 0
    held_at: dict[tuple[int, int], dict[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.voice = Voice(A, self.incarnation, (mac(A),))
        self.ears = Detector((B,), 0.2, 0.6)

    def change(self, what: str, vips: list[str]) -> "Sender":
        """Take or drop some VIPs, or begin anew without any."""
        if what == "restart":
            return Sender(self.incarnation + 1, held_at=self.held_at)
        if what == "drop":
            self.holdings.drop(vips)
        elif what == "take":
            self.epoch += 1
            for vip in vips:
                self.holdings.add(Held(vip, self.epoch, 0.0, Reason.UNOWNED))
        return self

    def say(self, lacking: tuple[int, ...] | None = None) -> list[Heartbeat]:
        """The next heartbeat, in all its pieces."""
        first = self.voice.heartbeat(
            0.0,
            state=NodeState.READY,
            revisions=(1, 1),
            view="",
            detector=self.ears,
            holdings=self.holdings,
            cannot=(),
            late=False,
            unhealthy=(),
            handoffs=Handoffs(),
            full=lacking is not None,
            everybody=lacking is None,
            lacking=lacking,
        )
        said = [first, *self.voice.pieces(first, self.holdings, 0.0)]
        for one in said:
            held = {vip: held.epoch for vip, held in self.holdings.held.items()}
            self.held_at[one.incarnation, one.sequence] = held
            assert len(CODEC.encode(one)) <= MESSAGE_BYTES_MAX
        return said


changes = st.one_of(
    st.tuples(st.just("take"), st.integers(0, 1799), st.integers(1, 1800)),
    st.tuples(st.just("drop"), st.integers(0, 1799), st.integers(1, 1800)),
    st.tuples(st.just("say"), st.just(0), st.just(0)),
    st.tuples(st.just("restart"), st.just(0), st.just(0)),
)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), course=st.lists(changes, min_size=1, max_size=12))
def test_a_receiver_knows_what_was_claimed_or_knows_that_it_does_not(
    data: st.DataObject, course: list[tuple[str, int, int]]
) -> None:
    sender, receiver = Sender(), Detector((A,), 0.2, 0.6)
    peer = receiver.peers[A]
    waiting: list[Heartbeat] = []
    for what, at, count in course:
        sender = sender.change(what, VIPS[at : at + count])
        waiting = disturb(data, [*waiting, *sender.say()])
        order = data.draw(st.permutations(range(min(3, len(waiting)))))
        for index in order:
            hear(receiver, waiting[index], sender)
        waiting = waiting[len(order) :]
    for one in [*waiting, *sender.say()]:
        hear(receiver, one, sender)
    for one in sender.say(lacking=peer.known):
        hear(receiver, one, sender)
    assert peer.claims == {vip: held.epoch for vip, held in sender.holdings.held.items()}
    assert peer.claimed == peer.digest


def disturb(data: st.DataObject, waiting: list[Heartbeat]) -> list[Heartbeat]:
    """Lose or double some of what is on its way."""
    for fate in data.draw(st.lists(st.sampled_from(["keep", "lose", "double"]), max_size=8)):
        if waiting and fate == "lose":
            waiting = waiting[1:]
        elif waiting and fate == "double":
            waiting = [*waiting, waiting[0]]
    return waiting


def hear(receiver: Detector, heartbeat: Heartbeat, sender: Sender) -> None:
    """Take a heartbeat in; afterwards the picture is right, or known to be wrong."""
    peer = receiver.peers[A]
    hearing, _ = receiver.hear(heartbeat, 0.0)
    if hearing is Hearing.NEW:
        held = sender.held_at[heartbeat.incarnation, heartbeat.sequence]
        assert (peer.claims == held) is (peer.claimed == peer.digest)


tables = st.dictionaries(st.sampled_from(VIPS), st.integers(0, 2**40), max_size=30)


@given(before=tables, after=tables)
def test_checksums_follow_every_replacement(before: dict[str, int], after: dict[str, int]) -> None:
    claims = Claims(before)
    new = claims.replace(after, None)
    assert claims.table == after
    assert claims.digest == digest_of(after)
    assert claims.sums == Claims(after).sums
    assert new == {vip: epoch for vip, epoch in after.items() if before.get(vip) != epoch}
    assert (digest_of(before) == digest_of(after)) is (before == after)
