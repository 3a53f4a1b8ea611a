"""Which lines are counted, as what, and by whom."""

from pathlib import Path

import pytest

from workers.maillog.core import exim, postfix
from workers.maillog.core.counted import OUTCOMES, Outcome, counted, counted_in
from workers.maillog.core.tally import OTHER, By, Group, Tally, merged, step_for, trimmed

SAMPLES = Path(__file__).parents[3] / "fixtures/maillog"
DEFERRED = (
    b"Nov 29 00:45:23 mta1 postfix/bulk/smtp[1]: 756DA20C96C: to=<a@Example.org>, relay=none, "
    b"delay=1, delays=1/0/0/0, dsn=4.4.1, status=deferred (connect to b[192.0.2.1]:25: timed out)"
)
REJECTED = (
    b"Nov 29 00:45:24 mta1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[192.0.2.7]: "
    b"554 5.7.1 <a@b.test>: no; from=<x@y.test> to=<a@b.test> proto=ESMTP helo=<h>"
)
CONNECTED = b"Nov 29 00:45:24 mta1 postfix/smtpd[1]: connect from unknown[192.0.2.7]"
EXPIRED = (
    b"Nov 29 00:46:00 mta1 postfix/qmgr[1]: 756DA20C96C: from=<a@b.test>, status=expired, "
    b"returned to sender"
)
MINUTE = 1_764_000_000 // 60 * 60


def outcome(line: bytes) -> Outcome:
    found = counted(line)
    assert found is not None
    return found.outcome


@pytest.mark.parametrize("name", ["postfix", "exim"])
def test_nothing_that_counts_is_left_out(name: str) -> None:
    read = {"postfix": postfix.happening, "exim": exim.happening}[name]
    lines = (SAMPLES / f"{name}.log").read_bytes().splitlines()
    told = [read(line.decode("utf-8", "replace")) for line in lines]

    wanted = [found for found in told if found is not None and found.kind in OUTCOMES]

    assert len(wanted) > 5
    assert [
        (one.at, one.outcome, one.binding, one.domain) for one in counted_in(b"\n".join(lines))
    ] == [(one.at, OUTCOMES[one.kind], one.binding, one.domain) for one in wanted]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (DEFERRED, Outcome.DEFERRED),
        (REJECTED, Outcome.REJECTED),
        (CONNECTED, Outcome.CONNECTED),
        (EXPIRED, Outcome.BOUNCED),
    ],
)
def test_what_a_line_counts_as(line: bytes, expected: Outcome) -> None:
    assert outcome(line) is expected


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xff\0 status=sent",
        b"Nov 29 00:45:24 mta1 postfix/smtpd[1]: disconnect from unknown[192.0.2.7]",
        b"Nov 29 00:45:24 mta1 other[1]: connect from unknown[192.0.2.7]",
    ],
)
def test_what_does_not_count(line: bytes) -> None:
    assert counted(line) is None


def test_by_whom_lines_are_counted() -> None:
    tally = Tally()
    for line in (DEFERRED, REJECTED, CONNECTED):
        found = counted(line)
        assert found is not None
        tally.add(found, MINUTE + 59.9, "default", "n1")

    assert tally.by_steps(60) == {
        Group(MINUTE, "default", By.NODE): {"n1": (0, 1, 0, 1, 1)},
        Group(MINUTE, "default", By.BINDING): {"bulk": (0, 1, 0, 0, 0), "": (0, 0, 0, 1, 1)},
        Group(MINUTE, "default", By.DOMAIN): {
            "example.org": (0, 1, 0, 0, 0),
            "b.test": (0, 0, 0, 1, 0),
        },
        Group(MINUTE, "default", By.CLIENT): {"192.0.2.7": (0, 0, 0, 1, 1)},
    }


def test_the_most_frequent_stay_and_the_rest_is_summed() -> None:
    names = {"a": (1, 0), "b": (5, 0), "c": (0, 3), OTHER: (9, 9)}

    assert trimmed(names, 2) == {"b": (5, 0), "c": (0, 3), OTHER: (10, 9)}
    assert trimmed(names, 3) == names
    assert merged([names, {"a": (1, 1)}])["a"] == (2, 1)


@pytest.mark.parametrize(
    ("since", "until", "most", "step"),
    [
        (0, 3_600, 60, 60),
        (0, 3_601, 60, 3_600),
        (-60 * 86_400, 0, 9_999, 3_600),
        (-9e9, 0, 1, 86_400),
    ],
)
def test_the_step_that_fits(since: float, until: float, most: int, step: int) -> None:
    assert step_for(since, until, 3_600.0, most) == step
