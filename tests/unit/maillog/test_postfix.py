"""Postfix's lines, most of them from a real Postfix 3.7 (fixtures/maillog/postfix.log)."""

from collections import Counter
from pathlib import Path

import pytest

from workers.maillog.core.happenings import Happening, Kind
from workers.maillog.core.postfix import happening

SAMPLE = Path(__file__).parents[3] / "fixtures/maillog/postfix.log"
HEAD = "Nov 29 00:45:23 mta1 postfix/"


def read(text: str) -> Happening:
    """What a line of the host mta1 tells."""
    found = happening(HEAD + text)
    assert found is not None, text
    return found


def test_every_line_of_a_real_log_is_known() -> None:
    lines = SAMPLE.read_text().splitlines()
    told = [happening(line) for line in lines]

    silent = [line for line, one in zip(lines, told, strict=True) if one is None]
    assert [line.partition("]: ")[2].partition(" ")[0] for line in silent] == [
        "starting",
        "daemon",
        "468A120C711:",  # header_checks with WARN: nothing happened to the message
        "Deleted:",
        "stopping",
    ]
    assert Counter(one.kind for one in told if one) == {
        Kind.CONNECTED: 11,
        Kind.DISCONNECTED: 11,
        Kind.LOST: 3,
        Kind.ACCEPTED: 8,
        Kind.SUBMITTED: 1,
        Kind.IDENTIFIED: 12,
        Kind.QUEUED: 21,
        Kind.REJECTED: 4,
        Kind.DELIVERED: 11,
        Kind.DEFERRED: 12,
        Kind.BOUNCED: 1,
        Kind.EXPIRED: 2,
        Kind.NOTIFIED: 3,
        Kind.UNREACHED: 6,
        Kind.REMOVED: 11,
    }


def test_a_delivery_says_to_whom_where_how_long_and_by_which_transport() -> None:
    assert read(
        "bulk/smtp[5977]: 756DA20C96C: to=<b@Example.ORG>, orig_to=<list@example.net>, "
        "relay=mx.example.org[198.18.0.9]:25, conn_use=2, delay=0.14, delays=0.05/0.07/0.02/0, "
        "dsn=2.0.0, status=sent (250 2.0.0 Ok)"
    ) == Happening(
        kind=Kind.DELIVERED,
        at="Nov 29 00:45:23",
        host="mta1",
        binding="bulk",
        queue_id="756DA20C96C",
        recipient="b@Example.ORG",
        relay="mx.example.org",
        relay_address="198.18.0.9",
        delay=0.14,
        dsn="2.0.0",
        reply="250 2.0.0 Ok",
    )


def test_a_domain_is_in_lower_case_and_a_user_has_none() -> None:
    line = "local[1]: 756DA20C96C: to=<{}>, relay=local, delay=0, delays=0/0/0/0, status=sent (x)"

    assert read(line.format("b@Example.ORG")).domain == "example.org"
    assert read(line.format("root")).domain == ""


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("smtp[1]: 756DA20C96C: to=<a@b>, relay=none, delay=9, delays=9/0/0/0, dsn=4.4.1, status=deferred (x)", Kind.DEFERRED),  # noqa: E501
        ("lmtp[1]: 3xYZbcdfghz12: to=<a@b>, relay=none, delay=9, delays=9/0/0/0, status=bounced", Kind.BOUNCED),  # noqa: E501
        ("smtps/smtpd[1]: timeout after DATA (9 bytes) from unknown[2001:db8::1]", Kind.LOST),
        ("postscreen[1]: CONNECT from [198.18.0.9]:4711 to [198.18.0.1]:25", Kind.CONNECTED),
        ("postscreen[1]: HANGUP after 0.1 from [198.18.0.9]:4711 in tests before SMTP handshake", Kind.LOST),  # noqa: E501
        ("smtpd[1]: connect from unknown[unknown]", Kind.CONNECTED),
        ("qmgr[1]: 756DA20C96C: from=<>, size=3, nrcpt=1 (queue active)", Kind.QUEUED),
        ("cleanup[1]: 756DA20C96C: milter-reject: END-OF-MESSAGE from a[198.18.0.9]: 5.7.1 spam; from=<a@b> to=<c@d> proto=ESMTP helo=<e>", Kind.REJECTED),  # noqa: E501
        ("postscreen[1]: NOQUEUE: reject: RCPT from [198.18.0.9]:4711: 550 5.7.1 listed; from=<a@b>, to=<c@d>, proto=ESMTP, helo=<e>", Kind.REJECTED),  # noqa: E501
    ],
)  # fmt: skip
def test_lines_that_the_sample_has_not(line: str, kind: Kind) -> None:
    assert read(line).kind is kind


def test_a_syslog_daemon_writes_other_times() -> None:
    found = happening(
        "2026-11-29T00:45:23.123456+01:00 mta1 postfix-out/smtpd[7]: connect from a[198.18.0.9]"
    )

    assert found is not None
    assert (found.at, found.address) == ("2026-11-29T00:45:23.123456+01:00", "198.18.0.9")


def test_who_logged_in_is_told() -> None:
    found = read(
        "submission/smtpd[1]: 756DA20C96C: client=a[198.18.0.9]:4711, sasl_method=PLAIN, "
        "sasl_username=ann@example.net"
    )

    assert (found.user, found.client, found.address) == ("ann@example.net", "a", "198.18.0.9")


def test_a_stranger_cannot_write_fields_of_his_own() -> None:
    fields = ">, relay=x[198.18.0.66]:25, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (ok)"
    true = "relay=y[198.18.0.9]:25, delay=2, delays=1/0/0/1, dsn=5.1.1, status=bounced"
    address = f'"a{fields}"@example.org'

    found = read(f"smtp[1]: 756DA20C96C: to=<{address}>, {true} (host said: to=<z@z{fields})")

    assert (found.kind, found.recipient, found.relay) == (Kind.BOUNCED, address, "y")
    told = read(
        "cleanup[1]: 756DA20C96C: reject: header Subject: a from x[198.18.0.66]; from=<z@z> from "
        "y[198.18.0.9]; from=<a@b> to=<c@d> proto=SMTP helo=<e>: 5.7.1 no"
    )
    assert (told.address, told.sender, told.recipient) == ("198.18.0.9", "a@b", "c@d")
    assert (told.dsn, told.reply) == ("5.7.1", "5.7.1 no")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Nov 29 00:45:23 mta1 sshd[1]: connect from a[198.18.0.9]",
        HEAD + "smtpd[1]: warning: hostname a does not resolve to address 198.18.0.9",
        HEAD + "smtp[1]: 756DA20C96C: to=<a@b>, relay=none, delay=9, del",
        HEAD
        + "smtp[1]: 756DA20C96C: to=<a@b>, relay=none, delay=9, delays=9/0/0/0, dsn=2.0.0, status=deliverable (x)",  # noqa: E501
        HEAD + "qmgr[1]: 756DA20C96C: removed by hand",
    ],
)
def test_what_tells_nothing_is_none(line: str) -> None:
    assert happening(line) is None
