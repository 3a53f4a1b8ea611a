"""Whatever a log says, reading it never fails, and strangers' texts stay in their fields."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from workers.maillog.core import exim, postfix
from workers.maillog.core.happenings import Kind
from workers.maillog.core.moments import Moments

SAMPLES = Path(__file__).parents[2] / "fixtures/maillog"
LINES = [line for path in sorted(SAMPLES.glob("*.log")) for line in path.read_text().splitlines()]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
QUOTED = st.from_regex(r"\"(?:[^\"\\\r\n]|\\[^\r\n]){0,40}\"", fullmatch=True)


@given(st.sampled_from(LINES), st.integers(0, 400), st.integers(0, 40), TEXT)
def test_a_damaged_line_is_read_or_left(line: str, start: int, length: int, text: str) -> None:
    damaged = line[:start] + text + line[start + length :]

    for read in (postfix.happening, exim.happening):
        found = read(damaged)
        assert found is None or found.at


@given(QUOTED, TEXT.map(lambda text: text.replace("\n", "?")))
def test_a_recipient_and_a_reply_can_be_anything(local: str, reply: str) -> None:
    found = postfix.happening(
        f"Nov 29 00:45:23 mta1 postfix/smtp[1]: 756DA20C96C: to=<{local}@example.org>, "
        f"relay=a[198.18.0.9]:25, delay=1, delays=1/0/0/0, dsn=4.0.0, status=deferred ({reply})"
    )

    assert found is not None
    assert (found.kind, found.recipient) == (Kind.DEFERRED, f"{local}@example.org")
    assert (found.relay, found.reply) == ("a", reply)


MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2199, 1, 1)).map(  # noqa: DTZ001
    lambda when: when.replace(microsecond=0, tzinfo=UTC)
)


@given(MOMENTS, st.integers(0, 360 * 86_400), st.integers(-12, 14))
def test_times_are_those_of_the_calendar(when: datetime, later: int, zone: int) -> None:
    local = when + timedelta(hours=zone)
    moments = Moments(zone * 3_600)
    now = when.timestamp() + later

    for form in ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%b %d %H:%M:%S"):
        assert moments.seconds(local.strftime(form), now) == when.timestamp()
