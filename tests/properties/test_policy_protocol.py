"""The policy protocol takes any bytes, and pieces say what the whole says."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.replication.asking import asked
from tests.unit.replication.fake_counters import FakeCounters
from workers.replication.core import policy_protocol
from workers.replication.core.attributes import Reader, read
from workers.replication.core.definitions import Limit, Per, Replication, Subject
from workers.replication.core.limits import Limits
from workers.replication.core.policy_protocol import Conversation, Faults

LIMITS = tuple(
    Limit(f"a{number}", Subject.INBOUND_MESSAGES, per, 3, 60.0)
    for number, per in enumerate((Per.ADDRESS, Per.SENDER, Per.RECIPIENT_DOMAIN, Per.GLOBAL))
)
WORDS = (
    *(b"\n", b"\n\n", b"=", b"\0", b"\xff", b"request=smtpd_access_policy\n"),
    *(b"protocol_state=RCPT\n", b"client_address=", b"192.0.2.1\n", b"instance=", b"sender=a@b\n"),
    asked(),
    b"x" * (policy_protocol.REQUEST_BYTES - 2),
    b"x" * policy_protocol.REQUEST_BYTES,
)
texts = st.lists(st.sampled_from(WORDS) | st.binary(max_size=20), max_size=12).map(b"".join)


def said(pieces: list[bytes]) -> tuple[bytes, dict[str, int], dict[str, int]]:
    """Everything that comes of some pieces: answers, faults and counts."""
    counters = FakeCounters()
    limits = Limits(Replication(limits=LIMITS), counters, "n1")
    talk = Conversation(limits.answer, limits.faults)
    answers = b"".join(talk.feed(piece, 0.0) for piece in pieces)
    return answers, limits.faults.counts(), counters.counted()


@given(texts, st.lists(st.integers(0, 200_000), max_size=8))
def test_pieces_say_what_the_whole_says(text: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    pieces = [text[a:b] for a, b in pairwise(places)]

    assert said(pieces) == said([text])


@given(st.lists(texts, max_size=6))
def test_what_is_read_in_one_look_is_what_is_read_one_by_one(requests: list[bytes]) -> None:
    reader = Reader()
    for request in (*requests, *requests):
        assert reader.read(request) == read(request)


@given(texts)
def test_every_request_has_one_answer(text: bytes) -> None:
    answers, _, _ = said([text])

    ends, at = 0, text.find(b"\n\n")
    while at >= 0:
        ends, at = ends + 1, text.find(b"\n\n", at + 2)
    assert answers.count(b"action=") == answers.count(b"\n\n") == ends


@given(texts, st.lists(st.integers(1, 5_000), min_size=1, max_size=50))
def test_memory_is_bounded_by_a_request_and_a_piece(text: bytes, sizes: list[int]) -> None:
    talk = Conversation(lambda request, now: b"", Faults())
    at = 0
    for size in sizes:
        talk.feed(text[at : at + size], 0.0)
        at += size
        assert len(talk._rest) <= policy_protocol.REQUEST_BYTES + size
