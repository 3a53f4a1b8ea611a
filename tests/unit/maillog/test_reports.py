"""Events of lines: what is the same within a second is one, and pieces are whole lines."""

from workers.maillog.core.moments import Moments
from workers.maillog.core.reports import Event, Events, events_of, pieces

NOW = 1795914000.0
LINE = b"2026-11-29T00:45:%02d+00:00 mta1 postfix/smtpd[1]: connect from a[192.0.2.%d]\n"
SENT = (
    b"2026-11-29T00:45:23+00:00 mta1 postfix/bulk/smtp[1]: 756DA20C96C: to=<x@y.test>, "
    b"relay=mx[198.51.100.7]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)\n"
)
AT = 1795913123


def found(data: bytes, now: float = NOW) -> Events:
    return events_of(data, Moments(), now)


def test_the_same_within_a_second_is_one_event() -> None:
    data = LINE % (23, 1) + LINE % (23, 2) + LINE % (23, 1) + LINE % (24, 1)
    assert found(data).events == [
        Event("connect", "192.0.2.1", 2, AT),
        Event("connect", "192.0.2.2", 1, AT),
        Event("connect", "192.0.2.1", 1, AT + 1),
    ]


def test_a_delivery_says_its_domain_and_binding() -> None:
    assert found(SENT * 3).events == [Event("delivery", "198.51.100.7", 3, AT, "y.test", "bulk")]


def test_times_that_cannot_be_are_told_and_not_counted() -> None:
    assert found(LINE % (23, 1), now=NOW - 3 * 86_400) == Events([], 1)
    assert found((LINE % (23, 1)).replace(b"-29T", b"-39T")) == Events([], 1)


def test_lines_that_tell_nothing_make_no_event() -> None:
    assert found(b"Nov 29 00:45:23 mta1 postfix/qmgr[1]: 756DA20C96C: removed\n") == Events([])


def test_pieces_are_whole_lines() -> None:
    data = b"one\ntwo\nthree and more\nfour\nfive"
    assert list(pieces(data, 8)) == [b"one\ntwo\n", b"three and more\n", b"four\n", b"five"]
    assert list(pieces(b"", 8)) == []
