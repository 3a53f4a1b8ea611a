"""The voice: numbers, dates, who was heard, and when claims are said in full."""

from typing import Any

from tests.unit.failover.situation import A, B, C, heartbeat, mac, vip
from workers.failover.core.actions import Reason
from workers.failover.core.detector import Detector
from workers.failover.core.holdings import Held, Holdings
from workers.failover.core.messages import Claim, Heard, Heartbeat, NodeState
from workers.failover.core.voice import FULL_CLAIMS_EVERY, REMEMBERED_SEQUENCES, Voice


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
        }
        return self.voice.heartbeat(now, **(plain | fields))

    def hold(self, number: int = 0) -> None:
        """Hold a VIP."""
        self.holdings.add(Held(vip(number), 7, 0.0, Reason.UNOWNED))


def test_a_heartbeat_says_who_speaks_and_what_of() -> None:
    said = Speaker().say(9.5, cannot=(vip(2),), late=True, asks=True)
    assert (said.node, said.incarnation, said.sequence, said.sent_at) == (B, 3, 1, 9.5)
    assert (said.revision, said.known_revision, said.view) == (4, 5, "abc")
    assert (said.cannot, said.late, said.asks, said.macs) == ((vip(2),), True, True, (mac(B),))


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
