"""What Postfix is told at each stage, and what it costs."""

import tracemalloc
from typing import Any

import pytest

from tests.unit.replication.asking import asked
from tests.unit.replication.fake_counters import FakeCounters
from workers.replication.core.definitions import (
    Action,
    CutOff,
    Exempt,
    Limit,
    Per,
    Replication,
    Subject,
)
from workers.replication.core.limits import Limits
from workers.replication.core.policy_protocol import DUNNO

DEFERRED = b"action=DEFER_IF_PERMIT 4.7.1 too many inbound messages, try again later\n\n"


def limit(name: str = "a", most: int = 2, per: Per = Per.ADDRESS, **fields: Any) -> Limit:
    subject = fields.pop("subject", Subject.INBOUND_MESSAGES)
    window = 0.0 if subject.is_gauge else 60.0
    return Limit(name, subject, per, most, **{"window": window, **fields})


def limits(*several: Limit, nodes: int = 1, **fields: Any) -> tuple[Limits, FakeCounters]:
    counters = FakeCounters()
    return Limits(Replication(limits=several, **fields), counters, "n1", nodes), counters


def answers(
    decider: Limits, *instances: int | str, now: float = 0.0, **attributes: str
) -> list[bool]:
    """Whether each is admitted."""
    requests = [asked(instance=str(one), **attributes) for one in instances]
    return [decider.answer(one, now) == DUNNO for one in requests]


def test_at_most_so_many_messages_of_one_address() -> None:
    decider, counters = limits(limit())

    assert answers(decider, 1, 2, 3) == [True, True, False]
    assert answers(decider, 4, client_address="192.0.2.2") == [True]
    assert counters.counted() == {"a/192.0.2.1": 2, "a/192.0.2.2": 1}
    assert decider.answer(asked(instance="9"), 0.0) == DEFERRED


def test_there_is_room_again_when_the_window_has_passed() -> None:
    decider, _ = limits(limit())

    assert answers(decider, 1, 2, 3) == [True, True, False]
    assert answers(decider, 4, now=60.0) == [True]


def test_a_message_counts_once_per_stage_however_often_it_is_asked_about() -> None:
    decider, counters = limits(limit(), limit("d", stage="DATA"))

    assert answers(decider, 1, 1, 1, 1) == [True] * 4
    assert answers(decider, 1, 1, protocol_state="DATA") == [True] * 2
    assert counters.counted() == {"a/192.0.2.1": 1, "d/192.0.2.1": 1}


def test_a_message_without_instance_counts_each_time() -> None:
    decider, counters = limits(limit(most=9))

    assert answers(decider, "", "") == [True, True]
    assert counters.counted() == {"a/192.0.2.1": 2}


def test_a_message_counts_once_for_each_recipient_domain() -> None:
    decider, counters = limits(limit(per=Per.RECIPIENT_DOMAIN))
    for recipient in ("a@x.example", "b@X.example", "c@y.example"):
        assert answers(decider, 1, recipient=recipient) == [True]

    assert counters.counted() == {"a/x.example": 1, "a/y.example": 1}


def test_each_recipient_counts_once() -> None:
    decider, counters = limits(limit(subject=Subject.INBOUND_RECIPIENTS))

    assert answers(decider, 1, recipient="a@x") == [True]
    assert answers(decider, 1, 1, recipient="b@x") == [True, True]
    assert answers(decider, 1, recipient="c@x") == [False]
    assert counters.counted() == {"a/192.0.2.1": 2}


@pytest.mark.parametrize(
    ("said", "counted"), [("3", 3), ("0", 1), ("", 1), ("x", 1), ("-5", 1), ("9" * 5000, 1)]
)
def test_recipients_are_counted_at_the_end_of_a_message(said: str, counted: int) -> None:
    stage = "END-OF-MESSAGE"
    decider, counters = limits(limit(most=99, subject=Subject.INBOUND_RECIPIENTS, stage=stage))

    assert answers(decider, 1, 1, protocol_state=stage, recipient_count=said) == [True, True]
    assert counters.counted() == {"a/192.0.2.1": counted}


def test_what_is_refused_is_charged_nowhere() -> None:
    decider, counters = limits(limit(most=9), limit("b", most=1, per=Per.SENDER))

    assert answers(decider, 1, 2, 3) == [True, False, False]
    assert counters.counted() == {"a/192.0.2.1": 1, "b/a@example.org": 1}


def test_a_message_that_was_refused_is_looked_at_anew() -> None:
    decider, _ = limits(limit(most=1))

    assert answers(decider, 1, 2) == [True, False]
    assert answers(decider, 2, now=61.0) == [True]


def test_a_limit_of_nothing_refuses_all() -> None:
    decider, _ = limits(limit(most=0))

    assert answers(decider, 1) == [False]


def test_networks_count_as_one() -> None:
    decider, counters = limits(limit(per=Per.NETWORK, prefix_v4=24))

    assert answers(decider, 1, client_address="192.0.2.77") == [True]
    assert answers(decider, 2, client_address="::ffff:192.0.2.1") == [True]
    assert answers(decider, 3, client_address="2001:db8:0:0:1::5") == [True]
    assert counters.counted() == {"a/192.0.2.0/24": 2, "a/2001:db8::/64": 1}


@pytest.mark.parametrize("address", ["", "unknown", "1.2.3", "1.2.3.4.5", "::g", "\0", "1" * 400])
def test_an_address_that_is_none_is_not_limited_but_counted(address: str) -> None:
    decider, counters = limits(limit(most=0))

    assert answers(decider, 1, client_address=address) == [True]
    assert counters.counted() == {}
    assert decider.faults.bad_address > 0


def test_keys_with_nuls_are_keys_like_others_but_printable() -> None:
    decider, counters = limits(limit(most=1, per=Per.SENDER))

    assert answers(decider, 1, 2, sender="a\0b@x") == [True, False]
    assert list(counters.counted()) == ["a/a\\x00b@x"]


def test_a_long_sender_is_limited_too() -> None:
    decider, counters = limits(limit(most=1, per=Per.SENDER))

    assert answers(decider, 1, 2, sender="a" * 5_000) == [True, False]
    assert answers(decider, 3, sender="a" * 5_001) == [True]
    assert all(len(key) < 300 for key in counters.counted())


def test_who_is_exempt_has_another_limit_or_none_at_once() -> None:
    decider, _ = limits(limit(most=1))
    assert answers(decider, 1, 2) == [True, False]
    exempts = (Exempt("e", "", "192.0.2.0/24"), Exempt("f", "a", "192.0.2.9", 2))
    decider.redefine(Replication(limits=(limit(most=1),), exempts=exempts), 1)

    assert answers(decider, 3, 4, 5) == [True, True, True]
    assert answers(decider, 6, 7, 8, client_address="192.0.2.9") == [True, True, False]


def test_a_message_under_way_is_not_charged_anew_by_new_definitions() -> None:
    decider, counters = limits(limit())
    assert answers(decider, 1) == [True]
    decider.redefine(Replication(limits=(limit(most=5),)), 1)

    assert answers(decider, 1) == [True]
    assert counters.counted() == {"a/192.0.2.1": 1}


def test_a_limit_that_is_only_tried_refuses_nobody_and_says_so() -> None:
    decider, counters = limits(limit(most=1, test=True))

    assert answers(decider, 1, 2, 3) == [True] * 3
    assert counters.counted() == {"a/192.0.2.1": 1}
    assert [(one.limit, one.test) for one in decider.refusals] == [("a", True)] * 2


def test_in_test_mode_no_limit_refuses() -> None:
    decider, _ = limits(limit(most=0), test=True)

    assert answers(decider, 1) == [True]
    assert decider.refusals.counts == {("a", True): 1}


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (Action.DEFER, b"action=DEFER_IF_PERMIT 4.7.1 no\n\n"),
        (Action.REJECT, b"action=REJECT 5.7.1 no\n\n"),
        (Action.HOLD, b"action=HOLD no\n\n"),
    ],
)
def test_a_limit_says_what_it_is_told_to(action: Action, said: bytes) -> None:
    decider, _ = limits(limit(most=0, action=action, message="no"))

    assert decider.answer(asked(), 0.0) == said


def test_the_hardest_of_several_refusals_is_told() -> None:
    decider, _ = limits(limit(most=0), limit("b", most=0, action=Action.REJECT, message="5.1.1 go"))

    assert decider.answer(asked(), 0.0) == b"action=REJECT 5.1.1 go\n\n"
    assert {one.limit for one in decider.refusals} == {"a", "b"}


def test_an_open_connection_is_looked_at_when_a_client_connects() -> None:
    decider, counters = limits(limit(most=1, subject=Subject.INBOUND_OPEN))
    assert answers(decider, 1, protocol_state="CONNECT") == [True]
    counters.gauge("connections-inbound", "192.0.2.1").others = 1

    assert answers(decider, 2, protocol_state="CONNECT") == [False]
    assert counters.counted() == {}


@pytest.mark.parametrize(
    ("how", "admitted"),
    [(CutOff.SHARE, 2), (CutOff.FULL, 4), (CutOff.REFUSE, 0)],
)
def test_a_node_that_is_cut_off_goes_on_as_it_is_told(how: CutOff, admitted: int) -> None:
    decider, counters = limits(limit(most=4), nodes=2, cut_off=how)
    decider.cut_off(True)

    assert sum(answers(decider, *range(9))) == admitted
    decider.cut_off(False)
    assert sum(answers(decider, *range(10, 19))) == 4 - admitted
    assert counters.counted() == {"a/192.0.2.1": 4}


def test_cut_off_what_peers_had_does_not_take_from_the_share() -> None:
    decider, counters = limits(limit(most=4), nodes=2)
    assert answers(decider, 1) == [True]
    window = counters.window("named-throttles", "a/192.0.2.1", 60.0)
    window.others = 3
    window.roll(0.0)
    assert answers(decider, 2) == [False]
    decider.cut_off(True)

    assert answers(decider, 3, 4) == [True, False]


@pytest.mark.parametrize(
    "request_",
    [
        b"\0\n\n",
        b"request=x\n\n",
        b"a=b\n\n",
        b"request=smtpd_access_policy\n\n",
        b"\xff" * 9 + b"\n\n",
    ],
)
def test_what_is_no_request_is_let_through(request_: bytes) -> None:
    decider, _ = limits(limit(most=0))

    assert decider.answer(request_, 0.0) == DUNNO


def test_the_attributes_may_come_in_any_order() -> None:
    decider, _ = limits(limit(most=0))
    lines = asked().decode().split("\n")[:-2]

    assert decider.answer("\n".join(reversed(lines)).encode() + b"\n\n", 0.0) == DEFERRED


def test_it_is_explained_what_applies_to_a_key() -> None:
    decider, _ = limits(limit(most=5), limit("n", per=Per.SENDER_DOMAIN), limit("o", enabled=False))
    answers(decider, 1, 2)

    (address,) = decider.explain("192.0.2.1", 0.0)
    assert (address.limit.name, address.value, address.own, address.remaining) == ("a", 2, 2, 3)
    assert (address.cell, address.stage) == ("a/192.0.2.1", "RCPT")
    assert [one.limit.name for one in decider.explain("example.org", 0.0)] == ["n"]


def test_what_is_long_is_counted_but_not_kept() -> None:
    per = (Per.ADDRESS, Per.SENDER, Per.SASL_USER, Per.RECIPIENT)
    several = [limit(f"a{number}", 10**6, one) for number, one in enumerate(per)]
    several.append(limit("r", 10**6, subject=Subject.INBOUND_RECIPIENTS))
    decider, counters = limits(*several)
    tracemalloc.start()
    for number in range(300):
        long = f"{number}" + "x" * 15_000
        request = asked(sender=long, recipient=long, sasl_username=long, instance=long)
        assert decider.answer(request, 0.0) == DUNNO
        assert decider.answer(request, 0.0) == DUNNO
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert counters.counted()["a0/192.0.2.1"] == 300
    assert counters.counted()["r/192.0.2.1"] == 300
    assert kept < 300 * 15_000
