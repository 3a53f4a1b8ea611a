"""Postfix's policy protocol: any bytes are taken, in pieces of any size."""

from tests.unit.replication.asking import asked
from workers.replication.core.policy_protocol import (
    DUNNO,
    ENDLESS_BYTES,
    REQUEST_BYTES,
    Conversation,
    Faults,
    is_request,
    value_of,
)

HELD = b"action=HOLD\n\n"


def conversation() -> tuple[Conversation, Faults, list[bytes]]:
    heard: list[bytes] = []
    faults = Faults()

    def answer(request: bytes, now: float) -> bytes:
        heard.append(request)
        return HELD

    return Conversation(answer, faults), faults, heard


def test_a_request_is_answered_when_its_blank_line_has_come() -> None:
    talk, _, heard = conversation()

    assert talk.feed(asked()[:-1], 0.0) == b""
    assert talk.is_waiting
    assert talk.feed(b"\n", 0.0) == HELD
    assert heard == [asked()]
    assert not talk.is_waiting


def test_several_at_once_are_answered_at_once() -> None:
    talk, _, heard = conversation()

    assert talk.feed(asked() * 3 + b"request=", 0.0) == HELD * 3
    assert len(heard) == 3


def test_a_blank_line_alone_is_no_request() -> None:
    talk, faults, _ = conversation()

    assert talk.feed(b"\n\n", 0.0) == DUNNO
    assert talk.feed(b"\n", 0.0) == b""
    assert faults.malformed == 1


def test_a_request_that_is_too_long_is_passed_over_and_the_next_is_answered() -> None:
    talk, faults, heard = conversation()
    long = b"sender=" + b"x" * (1 << 20) + b"\n\n"

    assert talk.feed(long + asked(), 0.0) == DUNNO + HELD
    assert faults.oversized == 1
    assert heard == [asked()]


def test_of_a_long_request_in_pieces_next_to_nothing_is_kept() -> None:
    talk, faults, _ = conversation()
    for _ in range(3 * REQUEST_BYTES // 1024):
        assert talk.feed(b"x" * 1023 + b"\n", 0.0) == b""
        assert len(talk._rest) <= REQUEST_BYTES + 1024

    assert talk.feed(b"\n", 0.0) == DUNNO
    assert faults.oversized == 1
    assert talk.feed(asked(), 0.0) == HELD


def test_a_request_without_end_ends_the_conversation() -> None:
    talk, faults, _ = conversation()
    for _ in range(ENDLESS_BYTES // (1 << 20) + 2):
        assert talk.feed(b"x" * (1 << 20), 0.0) == b""

    assert talk.is_endless
    assert faults.endless == 1
    assert talk.feed(asked(), 0.0) == b""


def test_the_first_of_an_attribute_counts_and_a_value_is_none() -> None:
    request = b"request=smtpd_access_policy\nsender=a\nsender=b\nx=recipient=c\n\n"

    assert value_of(request, b"sender") == b"a"
    assert value_of(request, b"recipient") == b""
    assert value_of(request, b"request") == b"smtpd_access_policy"


def test_the_kind_of_request_may_stand_anywhere() -> None:
    assert is_request(b"sender=a\nrequest=smtpd_access_policy\n\n")
    assert not is_request(b"request=junk_mail\n\n")
    assert not is_request(b"sender=request=smtpd_access_policy\n\n")
