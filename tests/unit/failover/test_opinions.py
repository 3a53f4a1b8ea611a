"""The second opinion: whom to ask, how long to wait, when it is waived, what answers count."""

import math
from ipaddress import IPv6Address

import pytest

from tests.unit.failover.situation import A, B, C, vip
from workers.bus.codec import Codec
from workers.failover.core.actions import Send
from workers.failover.core.messages import Message, Opinion, Question
from workers.failover.core.opinions import HELPER_SECONDS, Opinions, helper_seconds, opinion_seconds
from workers.failover.core.outbox import Outbox
from workers.failover.core.rounds import ROUND_VIPS


class Inquiry:
    """Opinions and the questions they send."""

    def __init__(self, probe_interval: float = 0.03) -> None:
        self.probe_interval = probe_interval
        self.opinions = Opinions(B)
        self.outbox = Outbox()

    def step(self, now: float, *wanting: str, helpers: tuple[str, ...] = (A, C)) -> bool:
        """Let it ask what it wants; True when the opinion is waived."""
        return self.opinions.step(now, wanting, helpers, self.probe_interval, self.outbox)

    def asked(self) -> list[Question]:
        """Questions sent since last looked at."""
        sends = [action for action in self.outbox.flush()[0] if isinstance(action, Send)]
        questions = [send.message for send in sends if isinstance(send.message, Question)]
        assert [send.to for send in sends] == [(question.to,) for question in questions]
        return questions


def opinion(
    node: str = C, number: int = 1, *, proved: bool = True, held: tuple[str, ...] = ()
) -> Opinion:
    silent = () if held else (vip(0),)
    return Opinion(node=node, to=B, number=number, proved=proved, silent=silent, held=held)


def test_one_helper_is_asked_once() -> None:
    inquiry = Inquiry()
    assert not inquiry.step(0.0, vip(0))
    assert not inquiry.step(0.05, vip(0), vip(1))
    assert inquiry.asked() == [Question(node=B, to=C, number=1, vips=(vip(0),))]


def test_the_next_name_is_asked_first_so_that_takers_ask_different_helpers() -> None:
    asked = []
    for me in (A, B, C):
        opinions, outbox = Opinions(me), Outbox()
        opinions.step(0.0, [vip(0)], {A, B, C} - {me}, 0.03, outbox)
        asked += [action.to for action in outbox.flush()[0] if isinstance(action, Send)]
    assert asked == [(B,), (C,), (A,)]


def test_a_helper_that_does_not_answer_in_time_is_passed_over() -> None:
    inquiry = Inquiry()
    inquiry.step(0.0, vip(0))
    assert inquiry.opinions.deadline() == HELPER_SECONDS
    inquiry.step(HELPER_SECONDS, vip(0))
    assert [(question.to, question.number) for question in inquiry.asked()] == [(C, 1), (A, 2)]


@pytest.mark.parametrize("probe_interval", [0.005, 0.03, 0.12, 1.0])
def test_a_helper_is_given_two_rounds_and_its_opinion_counts_till_the_next(
    probe_interval: float,
) -> None:
    inquiry = Inquiry(probe_interval)
    inquiry.step(7.0, vip(0))
    patience = inquiry.opinions.deadline() - 7.0
    assert patience > 2 * probe_interval
    assert patience + opinion_seconds(probe_interval) / 2 < opinion_seconds(probe_interval)


def test_by_default_a_helper_has_what_it_needs_and_no_more() -> None:
    assert helper_seconds(0.03) == pytest.approx(HELPER_SECONDS)
    assert opinion_seconds(0.03) == pytest.approx(0.3)


def test_when_every_helper_was_tried_the_opinion_is_waived() -> None:
    inquiry = Inquiry()
    inquiry.step(0.0, vip(0))
    inquiry.step(HELPER_SECONDS, vip(0))
    assert inquiry.step(2 * HELPER_SECONDS, vip(0))
    assert inquiry.opinions.deadline() == math.inf


def test_without_helpers_the_opinion_is_waived_at_once() -> None:
    inquiry = Inquiry()
    assert inquiry.step(0.0, vip(0), helpers=())
    assert inquiry.asked() == []


def test_wanting_nothing_asks_nobody_and_waives_nothing() -> None:
    inquiry = Inquiry()
    assert not inquiry.step(0.0, helpers=())
    assert inquiry.asked() == []


def test_after_a_waiver_the_helpers_are_asked_anew() -> None:
    inquiry = Inquiry()
    inquiry.step(0.0, vip(0), helpers=(A,))
    assert inquiry.step(1.0, vip(0), helpers=(A,))
    inquiry.step(2.0, vip(0), helpers=(A,))
    assert [question.number for question in inquiry.asked()] == [1, 2]


def test_the_answer_to_the_question_under_way_is_accepted_once() -> None:
    inquiry = Inquiry()
    inquiry.step(0.0, vip(0))
    accepted = inquiry.opinions.accept(opinion())
    assert accepted is not None
    assert (accepted.vips, accepted.at) == (frozenset({vip(0)}), 0.0)
    assert inquiry.opinions.accept(opinion()) is None


@pytest.mark.parametrize(("node", "number"), [(A, 1), (C, 0), (C, 2)])
def test_an_answer_of_another_or_to_another_question_is_refused(node: str, number: int) -> None:
    inquiry = Inquiry()
    inquiry.step(0.0, vip(0))
    assert inquiry.opinions.accept(opinion(node, number)) is None
    assert inquiry.opinions.accept(opinion()) is not None


def test_a_late_answer_is_refused() -> None:
    inquiry = Inquiry()
    inquiry.step(0.0, vip(0))
    inquiry.step(HELPER_SECONDS, vip(0))
    assert inquiry.opinions.accept(opinion(C, 1)) is None


def test_unproved_silence_is_no_opinion_and_the_next_helper_is_asked() -> None:
    inquiry = Inquiry()
    inquiry.step(0.0, vip(0))
    assert inquiry.opinions.accept(opinion(proved=False)) is None
    inquiry.step(0.1, vip(0))
    assert [question.to for question in inquiry.asked()] == [C, A]


def test_an_answer_seen_needs_no_proof() -> None:
    inquiry = Inquiry()
    inquiry.step(0.0, vip(0))
    assert inquiry.opinions.accept(opinion(proved=False, held=(vip(0),))) is not None


def test_the_largest_question_and_its_answer_fit_datagrams() -> None:
    inquiry = Inquiry()
    # No group of its digits can be left out: as long as an address is written.
    wanting = [str(IPv6Address((1 << 128) - 1 - n)) for n in range(ROUND_VIPS + 1)]
    inquiry.step(0.0, *wanting)
    (asked,) = inquiry.asked()
    assert asked.vips == tuple(wanting[:ROUND_VIPS])
    answer = Opinion(node=C, to=B, number=1, proved=True, silent=asked.vips, held=())
    codec: Codec[Message] = Codec("demo", "default", [b"k" * 32], Message)
    assert all(codec.encode(one) for one in (asked, answer))
