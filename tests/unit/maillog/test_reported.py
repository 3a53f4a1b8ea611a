"""What of a mail log is reported to a node's limits: logs of real servers, and odd lines."""

from collections import Counter
from pathlib import Path

import pytest

from workers.maillog.core.reported import Reported, Series, reported, reported_in

SAMPLES = Path(__file__).parents[3] / "fixtures/maillog"
HEAD = b"Nov 29 00:45:23 mta1 postfix/"
AT = "Nov 29 00:45:23"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"smtpd[1]: connect from a.test[192.0.2.1]", (Series.CONNECT, "192.0.2.1")),
        (b"smtpd[1]: connect from unknown[unknown]", None),
        (b"smtpd[1]: disconnect from a.test[192.0.2.1]", None),
        (b"smtpd[1]: 756DA20C96C: client=unknown[2001:db8::1]", (Series.RECEPTION, "2001:db8::1")),
        (
            b"smtpd[1]: NOQUEUE: reject: RCPT from a[192.0.2.1]: 450 4.7.1 <x@y.test>: no; "
            b"from=<a@b.test> to=<x@y.test> proto=ESMTP",
            (Series.REJECTION, "192.0.2.1"),
        ),
        (
            b"smtp[1]: 756DA20C96C: to=<x@Y.test>, relay=mx.y.test[198.51.100.7]:25, delay=1, "
            b"delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)",
            (Series.DELIVERY, "198.51.100.7", "y.test"),
        ),
        (
            b"bulk/smtp[1]: 756DA20C96C: to=<x@y.test>, relay=mx.y.test[2001:db8::7]:25, delay=1, "
            b"delays=0/0/0/1, dsn=4.7.0, status=deferred (host said: 421 status=sent)",
            (Series.TRANSFAIL, "2001:db8::7", "y.test", "bulk"),
        ),
        (
            b"smtp[1]: 756DA20C96C: to=<x@y.test>, relay=mx.y.test[198.51.100.7]:25, delay=1, "
            b"delays=0/0/0/1, dsn=5.1.1, status=bounced (550 no)",
            (Series.PERMFAIL, "198.51.100.7", "y.test"),
        ),
        (
            b"smtp[1]: 756DA20C96C: to=<x@y.test>, relay=none, delay=1, delays=0/0/0/1, "
            b"dsn=4.4.1, status=deferred (connect to mx[198.51.100.7]:25: refused)",
            None,
        ),
        (b"postscreen[1]: CONNECT from [192.0.2.1]:25 to [192.0.2.2]:25", None),
        (b"qmgr[1]: 756DA20C96C: removed", None),
    ],
)
def test_a_line_counts_for_the_address_on_its_other_end(
    line: bytes, found: tuple[Series, str] | None
) -> None:
    expected = None if found is None else Reported(AT, *found)
    assert reported(HEAD + line) == expected
    assert list(reported_in(HEAD + line + b"\n")) == ([] if expected is None else [expected])


def test_of_a_whole_log_of_postfix_everything_with_an_address_is_reported() -> None:
    data = (SAMPLES / "postfix.log").read_bytes()
    counts = Counter(one.series for one in reported_in(data))
    words = data.decode("utf-8", "replace").splitlines()
    assert counts[Series.CONNECT] == sum(": connect from " in line for line in words)
    tried = [line for line in words if "status=sent" in line and "[" in line.partition("relay=")[2]]
    assert counts[Series.DELIVERY] == sum("relay=none" not in line for line in tried) > 0
    assert counts[Series.TRANSFAIL] > 0
    assert counts[Series.PERMFAIL] > 0
    assert counts[Series.REJECTION] > 0
    assert counts[Series.RECEPTION] == sum(": client=" in line for line in words)


def test_exims_lines_are_reported_too() -> None:
    counts = Counter(one.series for one in reported_in((SAMPLES / "exim.log").read_bytes()))
    assert counts[Series.DELIVERY] > 0
    assert counts[Series.RECEPTION] > 0
    assert counts[Series.REJECTION] > 0
