"""Tables: aligned, fitted to the terminal, and nothing in them steers it."""

import csv
import io
import json

import pytest

from cluster_admin.cli import tables
from cluster_admin.cli.columns import Column, Rank, printable
from cluster_admin.cli.durations import ago, moment, seconds
from cluster_admin.cli.errors import Usage
from tests.unit.cli.manager import Manager, vip
from tests.unit.cli.operator import Operator

ADDRESS, OWNER = Column("address", rank=Rank.KEY), Column("owner")
REASON = Column("reason")
ROW = {"address": "198.18.0.101", "owner": "mta1", "reason": "a reason that is rather long"}


@pytest.mark.parametrize(
    ("width", "shown", "left_out"),
    [
        (80, ["address", "owner", "reason"], []),
        (40, ["address", "owner", "reason"], []),
        (28, ["address", "owner"], ["reason"]),
        (15, ["address"], ["owner", "reason"]),
        (5, ["address"], ["owner", "reason"]),
    ],
)
def test_what_has_no_room_is_left_out_from_the_right(
    width: int, shown: list[str], left_out: list[str]
) -> None:
    fitted = tables.fit([ADDRESS, OWNER, REASON], [ROW], width, whole=False)

    assert [column.name for column in fitted.columns] == shown
    assert fitted.left_out == left_out
    if width > 12:
        assert all(len(line) <= width for line in tables.lines(fitted, [ROW], colours=False))


def test_a_column_with_a_limit_keeps_to_it_only_without_room() -> None:
    about = Column("about", "owner reason", most=10)
    for width, text in ((80, "mta1 a reason that is rather long"), (30, "mta1 a re…")):
        fitted = tables.fit([ADDRESS, about], [ROW], width, whole=False)
        assert list(tables.lines(fitted, [ROW], colours=False))[1] == f"198.18.0.101  {text}"


def test_a_long_last_cell_is_cut_with_a_mark() -> None:
    fitted = tables.fit([ADDRESS, OWNER, REASON], [ROW], 40, whole=False)

    assert list(tables.lines(fitted, [ROW], colours=False))[1].endswith("…")


def test_wide_characters_keep_the_columns_straight() -> None:
    rows = [{"address": "日本", "owner": "a"}, {"address": "long name", "owner": "b"}]
    fitted = tables.fit([ADDRESS, OWNER], rows, 80, whole=True)

    heading, first, second = tables.lines(fitted, rows, colours=False)

    assert heading == "ADDRESS    OWNER"
    assert first == "日本       a"
    assert second == "long name  b"


def test_nothing_steers_the_terminal() -> None:
    assert printable("a\x1b[2Jb\n\x9b") == "a\\x1b[2Jb\\n\\x9b"
    assert printable("\u202ereversed") == "\\u202ereversed"


def test_a_revision_does_not_steer_the_terminal(operator: Operator, manager: Manager) -> None:
    [one] = manager.rows["subclusters/default/revisions"]
    one |= {"comment": "\u202ereversed", "diff": "+\x1b[2J\n"}

    done = operator.types("subcluster revisions default 12")

    assert done.stdout == "+\\x1b[2J\n"
    assert "\\u202ereversed" in done.stderr


@pytest.mark.parametrize("shape", ["table", "wide", "json", "yaml"])
def test_no_format_lets_a_name_steer_the_terminal(
    shape: str, operator: Operator, manager: Manager
) -> None:
    evil = vip("198.18.0.101", "mta1\x1b[2J\x9b31m\u202e")
    evil["description"] = "\x1b]0;title\x07"
    manager.rows["vips"] = [evil]

    shown = operator.types(f"vip list -o {shape}").stdout

    assert not set("\x1b\x9b\x07\u202e") & set(shown)


def test_colours_are_for_terminals_that_want_them(operator: Operator) -> None:
    operator.around |= {"shows": True, "size": (120, 24)}
    coloured = operator.types("node list").stdout
    operator.environment["NO_COLOR"] = "1"
    plain = operator.types("node list").stdout
    operator.environment.pop("NO_COLOR")
    operator.around["shows"] = False

    assert "\x1b[" in coloured
    assert "\x1b[" not in plain
    assert "\x1b[" not in operator.types("node list").stdout


def test_narrow_says_what_is_missing(operator: Operator) -> None:
    operator.around |= {"shows": True, "size": (60, 24)}

    done = operator.types("node list")

    assert all(len(line) <= 60 for line in done.stdout.splitlines() if "\x1b" not in line)
    assert "address (-o wide shows all)" in done.stderr


def test_chosen_columns_come_in_that_order_in_every_shape(operator: Operator) -> None:
    names = "owner,address"

    csv_rows = list(
        csv.reader(io.StringIO(operator.types(f"vip list -o csv --columns {names}").stdout))
    )
    json_rows = json.loads(operator.types(f"vip list -o json --columns {names}").stdout)

    assert csv_rows[:2] == [["owner", "address"], ["mta1", "198.18.0.101"]]
    assert json_rows[0] == {"owner": "mta1", "address": "198.18.0.101"}


def test_csv_has_exact_values(operator: Operator, manager: Manager) -> None:
    done = operator.types("vip list -o csv --columns address,since,prefer,description")

    row = list(csv.reader(io.StringIO(done.stdout)))[1]
    assert row == ["198.18.0.101", "4000.0", "mta1 mta2", "to, the \x1b[31mworld"]


def test_json_is_what_the_manager_said(operator: Operator, manager: Manager) -> None:
    assert json.loads(operator.types("vip list -o json").stdout) == manager.rows["vips"]


def test_lists_go_over_all_pages_up_to_the_limit(operator: Operator, manager: Manager) -> None:
    manager.rows["vips"] = [vip(f"2001:db8::{number:x}", "mta1") for number in range(1, 2501)]

    every = operator.types("vip list -o json")
    few = operator.types("vip list -o json --limit 1200")

    assert len(json.loads(every.stdout)) == 2500
    assert len(json.loads(few.stdout)) == 1200
    assert "1200 of 2500" in few.stderr


def test_a_row_that_slips_to_the_next_page_is_shown_once(
    operator: Operator, manager: Manager
) -> None:
    manager.rows["vips"] = [vip(f"2001:db8::{number:x}", "mta1") for number in range(1, 1002)]
    manager.rows["vips"].append(manager.rows["vips"][0])

    assert len(json.loads(operator.types("vip list -o json").stdout)) == 1001


def test_a_stale_picture_is_said_to_be_stale(operator: Operator, manager: Manager) -> None:
    manager.stale = True

    for command in ("status", "vip list", "node list", "vip show 198.18.0.101"):
        assert "STALE" in operator.types(command).stderr


@pytest.mark.parametrize(
    ("age", "text"),
    [(None, ""), (0.44, "0.4 s"), (59.7, "60 s"), (600, "10 min"), (7300, "2 h"), (2e6, "23 d")],
)
def test_ages_are_short(age: float | None, text: str) -> None:
    assert ago(age) == text


@pytest.mark.parametrize(
    ("written", "found"), [("90", 90), ("90s", 90), ("10m", 600), ("2h", 7200), ("30d", 2592000)]
)
def test_durations_are_seconds(written: str, found: int) -> None:
    assert seconds(written, "--expires") == found


@pytest.mark.parametrize("written", ["", "soon", "-5", "1e9", "9" * 40, "5 parsecs"])
def test_what_is_no_duration_is_refused(written: str) -> None:
    with pytest.raises(Usage, match="--expires"):
        seconds(written, "--expires")


def test_moments_have_an_offset() -> None:
    from datetime import UTC, datetime

    now = datetime(2026, 1, 1, 12, tzinfo=UTC)

    assert moment("2h", "--since", now) == "2026-01-01T10:00:00.000+00:00"
    assert moment("2026-01-01T00:00:00+02:00", "--since") == "2026-01-01T00:00:00.000+02:00"
    assert moment("2026-01-01", "--since")[10:13] == "T00"
