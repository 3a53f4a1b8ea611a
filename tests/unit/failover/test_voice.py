"""The voice: numbers, dates, who was heard, and when claims are said in full."""

import random
from ipaddress import IPv6Address
from typing import Any

from tests.unit.failover.situation import A, B, C, heartbeat, mac, vip
from workers.bus.codec import MAX_BYTES, Codec
from workers.failover.core.actions import Reason
from workers.failover.core.claims import BUCKETS, Claims, bucket_of
from workers.failover.core.detector import Detector
from workers.failover.core.handoffs import Handoffs
from workers.failover.core.holdings import Held, Holdings
from workers.failover.core.messages import CANNOT_MAX, Claim, Heard, Heartbeat, Message, NodeState
from workers.failover.core.voice import (
    FULL_CLAIMS_EVERY,
    FULL_CLAIMS_SENDS,
    PIECE_CLAIMS,
    REMEMBERED_SEQUENCES,
    Voice,
)


class Speaker:
    """A voice, what it has heard and what it holds."""

    def __init__(self) -> None:
        self.voice = Voice(B, 3, (mac(B),))
        self.detector = Detector((A, C), 0.2, 0.6)
        self.holdings = Holdings()

    def say(self, now: float = 0.0, **fields: Any) -> Heartbeat:
        """Speak the next heartbeat."""
        plain: dict[str, Any] = {
            "state": NodeState.READY,
            "revisions": (4, 5),
            "view": "abc",
            "detector": self.detector,
            "holdings": self.holdings,
            "cannot": (),
            "late": False,
            "unhealthy": (),
            "handoffs": Handoffs(),
        }
        return self.voice.heartbeat(now, **(plain | fields))

    def say_all(self, now: float = 0.0, **fields: Any) -> list[Heartbeat]:
        """Speak the next heartbeat in all its pieces."""
        first = self.say(now, **fields)
        return [first, *self.voice.pieces(first, self.holdings, now)]

    def hold(self, number: int = 0) -> None:
        """Hold a VIP."""
        self.holdings.add(Held(vip(number), 7, 0.0, Reason.UNOWNED))


def test_a_heartbeat_says_who_speaks_and_what_of() -> None:
    said = Speaker().say(9.5, cannot=(vip(2),), late=True, asks=True)
    assert (said.node, said.incarnation, said.sequence, said.sent_at) == (B, 3, 1, 9.5)
    assert (said.revision, said.known_revision, said.view) == (4, 5, "abc")
    assert (said.cannot, said.late, said.asks, said.macs) == ((vip(2),), True, True, (mac(B),))


def test_of_many_refused_vips_the_last_are_named_and_it_says_so() -> None:
    many = tuple(vip(n) for n in range(CANNOT_MAX + 1))
    some, more = (Speaker().say(cannot=many[: CANNOT_MAX + n]) for n in (0, 1))
    assert (some.cannot, some.cannot_more) == (many[:CANNOT_MAX], False)
    assert (more.cannot, more.cannot_more) == (many[:CANNOT_MAX], True)


def test_the_largest_heartbeat_fits_a_datagram() -> None:
    rng = random.Random(1)
    vips = [str(IPv6Address(rng.getrandbits(128))) for _ in range(10_240)]
    speaker = Speaker()
    for one in vips:
        speaker.holdings.add(Held(one, rng.randrange(9), 0.0, Reason.UNOWNED))
    said = speaker.say_all(cannot=vips[: CANNOT_MAX + 1])
    assert len(said) > 12
    codec: Codec[Message] = Codec("demo", "default", [b"k" * 32], Message)
    assert max(len(codec.encode(one)) for one in said) < MAX_BYTES - 10_000


def test_sequences_grow_by_one() -> None:
    speaker = Speaker()
    assert [speaker.say().sequence for _ in range(4)] == [1, 2, 3, 4]


def test_the_instant_of_each_sequence_is_remembered() -> None:
    speaker = Speaker()
    for tick in range(3):
        speaker.say(tick * 0.2)
    assert speaker.voice.sent_at(3, 2) == 0.2
    assert speaker.voice.sent_at(2, 2) is None
    assert speaker.voice.sent_at(3, 4) is None


def test_only_the_latest_sequences_are_remembered() -> None:
    speaker = Speaker()
    for tick in range(REMEMBERED_SEQUENCES + 1):
        speaker.say(float(tick))
    assert speaker.voice.sent_at(3, 1) is None
    assert speaker.voice.sent_at(3, 2) == 1.0


def test_a_new_incarnation_starts_over_and_forgets() -> None:
    speaker = Speaker()
    speaker.say(1.0)
    speaker.voice.reincarnate(8)
    assert speaker.voice.sent_at(8, 1) is None
    said = speaker.say(2.0)
    assert (said.incarnation, said.sequence) == (8, 1)
    assert speaker.voice.sent_at(3, 1) is None


def test_the_list_of_the_heard_has_their_ages() -> None:
    speaker = Speaker()
    speaker.detector.hear(heartbeat(A, 12, 0.0, incarnation=2), 1.0)
    assert speaker.say(1.25).heard == (Heard(A, 2, 12, 250),)


def test_what_was_heard_through_others_is_passed_on() -> None:
    speaker = Speaker()
    speaker.detector.hear(heartbeat(A, 1, 0.0, heard=(Heard(C, 1, 9, 100),)), 1.0)
    assert Heard(C, 1, 9, 350) in speaker.say(1.25).heard


def test_nothing_is_listed_of_who_was_never_heard() -> None:
    assert Speaker().say().heard == ()


def test_a_change_of_the_claims_is_said_in_full_more_than_once() -> None:
    speaker = Speaker()
    for _ in range(FULL_CLAIMS_EVERY * 2):
        speaker.say()
    speaker.hold()
    assert [speaker.say().claims for _ in range(2)] == [(Claim(vip(0), 7),)] * 2


def test_unchanged_claims_are_a_digest_but_for_every_few() -> None:
    speaker = Speaker()
    speaker.hold()
    said = [speaker.say() for _ in range(40)]
    full = [s.sequence for s in said if s.claims is not None and s.sequence > 10]
    assert full == [15, 20, 25, 30, 35, 40]
    assert {s.digest for s in said} == {speaker.holdings.digest}


def test_who_asks_is_told_in_full() -> None:
    speaker = Speaker()
    speaker.hold()
    for _ in range(FULL_CLAIMS_EVERY + 1):
        speaker.say()
    assert speaker.say().claims is None
    assert speaker.say(full=True).claims == (Claim(vip(0), 7),)


def test_holding_nothing_is_said_as_no_claims_not_as_silence() -> None:
    assert Speaker().say().claims == ()


MANY = 2000


def many() -> Speaker:
    """Hold so many VIPs that they are told in pieces, and have told of them."""
    speaker = Speaker()
    for number in range(MANY):
        address = f"198.19.{number >> 8}.{number & 255}"
        speaker.holdings.add(Held(address, 7, 0.0, Reason.UNOWNED))
    for _ in range(FULL_CLAIMS_SENDS):
        speaker.say_all()
    while (speaker.voice.sequence + 1) % FULL_CLAIMS_EVERY == 0:
        speaker.say_all()
    return speaker


def told(said: list[Heartbeat]) -> dict[str, int]:
    """All claims in some heartbeats."""
    return {claim.vip: claim.epoch for one in said for claim in (*(one.claims or ()), *one.gained)}


def test_many_changes_are_told_in_pieces_each_a_heartbeat() -> None:
    speaker = Speaker()
    speaker.holdings = many().holdings
    speaker.holdings.changed.update(speaker.holdings.held)
    said = speaker.say_all(asks=True, knows=(5,))
    assert told(said) == speaker.holdings.claimed.table
    assert [len(one.gained) for one in said] == [PIECE_CLAIMS, PIECE_CLAIMS, MANY % PIECE_CLAIMS]
    assert [one.sequence for one in said] == [1, 2, 3]
    assert {one.digest for one in said} == {speaker.holdings.digest}
    assert [one.asks for one in said] == [True, False, False]
    assert [one.more for one in said] == [True, True, False]
    assert [speaker.voice.sent_at(3, one.sequence) for one in said] == [0.0] * 3


def test_of_many_claims_only_the_changed_ones_are_told_a_few_times() -> None:
    speaker = many()
    speaker.hold(3)
    speaker.holdings.drop(["198.19.0.9"])
    said = [speaker.say_all() for _ in range(FULL_CLAIMS_SENDS)]
    assert [told(one) for one in said] == [{vip(3): 7}] * FULL_CLAIMS_SENDS
    assert [one.dropped for (one,) in said] == [("198.19.0.9",)] * FULL_CLAIMS_SENDS
    (after,) = speaker.say_all()
    assert (after.gained, after.dropped) == ((), ())


def test_what_is_said_to_one_peer_counts_for_nobody_else() -> None:
    speaker = many()
    speaker.hold(3)
    for _ in range(FULL_CLAIMS_SENDS):
        assert told(speaker.say_all(everybody=False)) == {vip(3): 7}
    assert [told(speaker.say_all()) for _ in range(FULL_CLAIMS_SENDS)] == [
        {vip(3): 7}
    ] * FULL_CLAIMS_SENDS


def test_of_many_claims_one_bucket_is_repeated_now_and_then() -> None:
    speaker = many()
    said = [one for _ in range(FULL_CLAIMS_EVERY * BUCKETS) for one in speaker.say_all()]
    repeated = [one for one in said if one.claims is not None]
    assert told(said) == speaker.holdings.claimed.table
    assert [len(one.buckets or ()) for one in repeated] == [1] * BUCKETS


def test_who_asks_is_told_the_buckets_it_lacks() -> None:
    speaker = many()
    theirs = Claims(speaker.holdings.claimed.table)
    theirs.drop("198.19.0.9")
    said = speaker.say_all(full=True, lacking=theirs.sums)
    assert [one.buckets for one in said] == [(bucket_of("198.19.0.9"),)]


def test_who_asks_and_lacks_nothing_is_told_no_claims() -> None:
    speaker = many()
    assert speaker.say_all(full=True, lacking=(speaker.holdings.digest,))[0].claims is None


def test_who_knows_nothing_or_something_unclear_is_told_all() -> None:
    speaker = many()
    for lacking in ((), (speaker.holdings.digest + 1,)):
        said = speaker.say_all(full=True, lacking=lacking)
        assert told(said) == speaker.holdings.claimed.table
        assert sorted(b for one in said for b in one.buckets or ()) == list(range(BUCKETS))
        assert max(len(one.claims or ()) for one in said) <= PIECE_CLAIMS


def test_an_urgent_word_of_many_claims_repeats_none() -> None:
    assert many().say_all(full=True)[0].claims is None
