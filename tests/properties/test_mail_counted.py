"""What is read quickly is counted as it is read with care, whatever stands in a log."""

from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from workers.maillog.core.counted import LINE_BYTES, Counted, Outcome, counted, counted_in
from workers.maillog.core.marks import lines_with

SAMPLES = Path(__file__).parents[2] / "fixtures/maillog"
LINES = [line for path in sorted(SAMPLES.glob("*.log")) for line in path.read_bytes().split(b"\n")]
PIECES = [
    *(b"", b" ", b"@", b"<", b">", b'"', b"\\", b"[", b"]", b":", b";", b",", b"\xa0", b"\xc3\xa9"),
    *(b"\x00", b"\x1c", b"\x85", b"\r", b"\x0b", b"sent", b" status=sent", b"status=sent\xc3\xbc"),
    *(b": connect from ", b"reject: ", b"CONNECT from ", b"rejected ", b" => ", b" == ", b" ** "),
    *(b"; from=<a@b> to=<c@D.test>", b"to=<x@y@Z.test>", b"to=<nobody>", b"orig_to=<a>", b"info: "),
    *(b"postscreen", b"smtpd", b"bulk/", b"/", b"-bulk", b"NOQUEUE: ", b"milter-", b"2026-11-29 "),
    *(b"2026-11-29T00:41:02.123456+00:00", b"Nov 29 00:41:02", b", status=expired", b"removed"),
    *(
        "\u0661 \u2003 \u00df".encode(),
        b"conn_use=2, ",
        b"dsn=5.1.1, ",
        b"relay=none, ",
        b"4bKx2D1q",
    ),
]
DAMAGES = st.lists(st.tuples(st.integers(0, 260), st.integers(0, 30), st.sampled_from(PIECES)))


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A line of a real log, with other texts in places."""
    line = draw(st.sampled_from(LINES))
    for start, length, text in draw(DAMAGES):
        line = line[:start] + text + line[start + length :]
    return line


NAME = st.from_regex(rb"[\w.-]{0,6}", fullmatch=True)
ADDRESS = st.from_regex(rb'([!-~]{0,5}@)?[\w."@<> -]{0,8}', fullmatch=True)
PEER = st.builds(b"%b[%b]".__mod__, st.tuples(NAME, st.sampled_from([b"192.0.2.7", b"::1", b"?"])))
HEAD = st.builds(
    b"%b %b postfix%b/%b[%b]: ".__mod__,
    st.tuples(
        st.sampled_from([b"Nov  9 00:45:23", b"2026-11-29T00:41:02.1+01:00", b"Nov 29 0:45:23"]),
        NAME,
        st.sampled_from([b"", b"-out", b"-"]),
        st.sampled_from([b"smtpd", b"bulk/smtp", b"a/b/smtpd", b"postscreen", b"/smtp", b"x y"]),
        st.sampled_from([b"1", b"31415", b"x"]),
    ),
)
TRIED = st.builds(
    b"%b: to=<%b>%b, relay=%b:25%b, delay=1.5, delays=1/0/0/0%b, status=%b%b".__mod__,
    st.tuples(
        st.sampled_from([b"756DA20C96C", b"4bKx2D1qZrz9sT", b"NOQUEUE", b"short"]),
        ADDRESS,
        st.one_of(st.just(b""), st.builds(b", orig_to=<%b>".__mod__, ADDRESS)),
        PEER,
        st.sampled_from([b"", b", conn_use=3"]),
        st.sampled_from([b"", b", dsn=4.7.1", b", dsn=x"]),
        st.sampled_from([b"sent", b"deferred", b"bounced", b"expired", b"undeliverable", b"sent2"]),
        st.sampled_from([b"", b" (250 ok)", b" (said: status=sent)", b",", b"\xc3\xbc"]),
    ),
)
REFUSED = st.builds(
    b"%bNOQUEUE: %breject: %b from %b: %b; from=<%b> to=<%b> proto=ESMTP".__mod__,
    st.tuples(
        st.sampled_from([b"", b" "]),
        st.sampled_from([b"", b"milter-", b"info: "]),
        st.sampled_from([b"RCPT", b"END-OF-MESSAGE", b"VRFY x", b"CONNECT"]),
        PEER,
        st.sampled_from([b"554 5.7.1 <a@b.test>: no", b"4 x; from=<y> to=<z@q>", b"\xc3\xa9", b""]),
        ADDRESS,
        ADDRESS,
    ),
)
CAME = st.builds(b"connect from %b%b".__mod__, st.tuples(PEER, st.sampled_from([b"", b":25 x"])))
MADE = st.builds(bytes.__add__, HEAD, st.one_of(TRIED, REFUSED, CAME))
LOGS = st.lists(st.one_of(st.sampled_from(LINES), damaged(), MADE), max_size=12).map(b"\n".join)


def with_care(data: bytes) -> list[Counted]:
    return [found for line in data.split(b"\n") if (found := counted(line)) is not None]


@given(LOGS)
@example(b"\n".join(LINES))
@example(b"\n".join(LINES[:40]) * 2)
def test_quick_and_careful_reading_count_the_same(data: bytes) -> None:
    assert list(counted_in(data)) == with_care(data)


@given(st.integers(-200, 20))
def test_what_stands_behind_the_most_that_is_read_does_not_count(more: int) -> None:
    head = b"Nov 29 00:45:23 mta1 postfix/smtp[1]: 756DA20C96C: to=<"
    line = head + b"a" * (LINE_BYTES - len(head) + more) + b"@b.test>, relay=none, delay=1, "
    data = b"%b\n%bdelays=1/0/0/0, dsn=2.0.0, status=sent (250 ok)" % (LINES[0], line)

    assert list(counted_in(data)) == with_care(data)


def test_plain_lines_are_known() -> None:
    data = (
        b"Nov 29 00:45:23 mta1 postfix/bulk/smtp[1]: 756DA20C96C: to=<a@Example.org>, "
        b"relay=b.test[192.0.2.1]:25, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (250 ok)\n"
        b"2026-11-29T00:45:24.5+00:00 mta1 postfix/smtpd[1]: connect from unknown[192.0.2.7]\n"
        b"Nov 29 00:45:24 mta1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[2001:db8::1]: "
        b"554 5.7.1 <a@b.test>: no; from=<> to=<a@B.test> proto=ESMTP helo=<h>\n"
    )

    assert list(counted_in(data)) == [
        Counted("Nov 29 00:45:23", Outcome.DELIVERED, "bulk", "example.org", ""),
        Counted("2026-11-29T00:45:24.5+00:00", Outcome.CONNECTED, "", "", "192.0.2.7"),
        Counted("Nov 29 00:45:24", Outcome.REJECTED, "", "b.test", "2001:db8::1"),
    ]


DATA = st.lists(st.sampled_from([b"a", b"b", b"ab", b"\n"])).map(b"".join)


@given(st.lists(st.sampled_from([b"a", b"b", b"ab", b"ba", b"aa"])), DATA)
def test_lines_with_texts_are_those_of_looking_at_each(texts: list[bytes], data: bytes) -> None:
    lines = data.split(b"\n")
    wanted = [line for line in lines if any(text in line for text in texts)]

    assert [data[start:end] for start, end in lines_with(texts, data)] == wanted
