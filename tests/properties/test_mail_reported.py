"""What is read quickly for the limits of a node is what is read with care."""

from hypothesis import given

from tests.properties.test_mail_counted import LINES, LOGS
from workers.maillog.core.counted import LINE_BYTES
from workers.maillog.core.reported import Reported, Series, reported, reported_in


def carefully(data: bytes) -> list[Reported]:
    found = (reported(line[: LINE_BYTES + 1]) for line in data.split(b"\n"))
    return [one for one in found if one is not None]


def test_the_samples() -> None:
    for line in LINES:
        assert list(reported_in(line)) == carefully(line), line


@given(LOGS)
def test_both_ways_report_the_same(data: bytes) -> None:
    assert list(reported_in(data)) == carefully(data)


@given(LOGS)
def test_parts_of_a_log_report_what_the_whole_does(data: bytes) -> None:
    cut = data.rfind(b"\n", 0, len(data) // 2) + 1
    assert [*reported_in(data[:cut]), *reported_in(data[cut:])] == list(reported_in(data))


@given(LOGS)
def test_an_address_is_never_empty_and_every_series_is_known(data: bytes) -> None:
    for one in reported_in(data):
        assert one.address
        assert one.series in Series
