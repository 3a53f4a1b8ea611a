"""Exim's lines, most of them from a real Exim 4.96 (fixtures/maillog/exim.log)."""

from collections import Counter
from pathlib import Path

import pytest

from workers.maillog.core.exim import happening
from workers.maillog.core.happenings import Happening, Kind

SAMPLE = Path(__file__).parents[3] / "fixtures/maillog/exim.log"
HEAD = "2026-11-29 00:52:25 1xXT9V-0006sl-06 "


def read(text: str) -> Happening:
    """What a line about the message 1xXT9V-0006sl-06 tells."""
    found = happening(HEAD + text)
    assert found is not None, text
    return found


def test_every_line_of_a_real_log_is_known() -> None:
    lines = SAMPLE.read_text().splitlines()
    told = [happening(line) for line in lines]

    silent = [line for line, one in zip(lines, told, strict=True) if one is None]
    assert all(line[20:].startswith(("Start queue", "End queue", "exim 4.96")) for line in silent)
    assert Counter(one.kind for one in told if one) == {
        Kind.CONNECTED: 13,
        Kind.DISCONNECTED: 8,
        Kind.LOST: 5,
        Kind.ACCEPTED: 9,
        Kind.SUBMITTED: 1,
        Kind.REJECTED: 3,
        Kind.DELIVERED: 13,
        Kind.DEFERRED: 14,
        Kind.BOUNCED: 4,
        Kind.NOTIFIED: 4,
        Kind.UNREACHED: 5,
        Kind.REMOVED: 14,
    }


def test_a_delivery_says_to_whom_where_how_long_and_by_which_transport() -> None:
    assert read(
        "=> b@example.org F=<a@example.net> R=all T=bulk S=428 H=mx.example.org [198.18.0.9] "
        'C="250 2.0.0 Ok" QT=1m2.5s'
    ) == Happening(
        kind=Kind.DELIVERED,
        at="2026-11-29 00:52:25",
        binding="bulk",
        queue_id="1xXT9V-0006sl-06",
        recipient="b@example.org",
        relay="mx.example.org",
        relay_address="198.18.0.9",
        delay=62.5,
        dsn="2.0.0",
        reply="250 2.0.0 Ok",
    )


def test_an_arrival_says_from_where_and_who() -> None:
    found = read("<= a@b H=c.example (d) [198.18.0.9]:4711 P=esmtpsa A=plain:ann S=12 id=x@y")

    assert (found.kind, found.client, found.address) == (Kind.ACCEPTED, "c.example", "198.18.0.9")
    assert (found.user, found.size, found.message_id) == ("ann", 12, "<x@y>")
    assert read("<= root@b U=root P=local S=3").kind is Kind.SUBMITTED


def test_a_message_to_the_sender_is_told_of_the_message_it_is_about() -> None:
    found = read("<= <> R=1xXT9P-0006lq-2Q U=Debian-exim P=local S=1787")

    assert (found.kind, found.queue_id) == (Kind.NOTIFIED, "1xXT9P-0006lq-2Q")
    assert found.other_id == "1xXT9V-0006sl-06"


@pytest.mark.parametrize(
    ("line", "recipient"),
    [
        ("=> ann <ann@example.net> R=local T=mbox", "ann@example.net"),
        ('=> a, b@c <"a, b"@c> R=all T=bulk', '"a, b"@c'),
        ("** x@soft.example: retry timeout exceeded", "x@soft.example"),
        ("== x@soft.example routing defer (-52): retry time not reached", "x@soft.example"),
    ],
)
def test_recipients_in_all_their_forms(line: str, recipient: str) -> None:
    assert read(line).recipient == recipient


def test_newer_releases_have_longer_ids_and_may_write_more_of_the_time() -> None:
    found = happening("2026-11-29 00:52:25.123 +0100 [77] 1xXT9V-00000006sl0-06Ab Completed")

    assert found is not None
    assert (found.kind, found.queue_id) == (Kind.REMOVED, "1xXT9V-00000006sl0-06Ab")
    assert found.at == "2026-11-29 00:52:25.123 +0100"


def test_a_refused_command_has_no_message() -> None:
    found = happening("2026-11-29 00:49:51 rejected EHLO from x [198.18.0.9]: syntactically wrong")

    assert found is not None
    assert (found.kind, found.address, found.queue_id) == (Kind.REJECTED, "198.18.0.9", "")


@pytest.mark.parametrize(
    "line", ["", "2026-11-29 00:52:25 Start queue run: pid=1", HEAD + "frozen"]
)
def test_what_tells_nothing_is_none(line: str) -> None:
    assert happening(line) is None
