"""Mail is counted from a collector's real files, each line once, whatever dies or is renamed."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from workers.logs.collector_settings import Settings
from workers.logs.counting import Counter, CountingProcess
from workers.logs.housekeeping import compress
from workers.logs.store import Piece, Store
from workers.maillog.core.tally import By, Tally
from workers.maillog.counts import Counts, CountsError, Progress
from workers.maillog.reading import Reader

START = int(time.time()) // 60 * 60 - 3_600


def line(number: int, status: str = "sent") -> bytes:
    at = time.strftime("%b %e %H:%M:%S", time.localtime(START + number))
    return (
        f"{at} mta1 postfix/smtp[1]: {number:010X}: to=<a@d{number % 7}.test>, relay=r[192.0.2.1]"
        f":25, delay=1, delays=1/0/0/0, dsn=2.0.0, status={status} (250 ok)\n"
    ).encode()


class Site:
    """A collector's store and what counts its files. `now` is turned by hand."""

    def __init__(self, directory: Path) -> None:
        self.settings = Settings(
            "archive",
            "test",
            ("default",),
            ("amqp://a:b@127.0.0.1/",),
            "/key",
            f"{directory}/logs/%Y/%{{l}}/%{{s}}/%{{n}}",
            f"{directory}/state",
        )
        self.path = directory / "logs/2026/mail/default/n1"
        self.store = Store(directory / "state")
        self.counter = Counter(self.settings)
        self.sent, self.now = 0, time.time()

    def keep(self, data: bytes) -> None:
        self.store.keep([Piece("s", self.sent, data, str(self.path))])
        self.sent += len(data)

    def turn(self, times: int = 2) -> None:
        for _ in range(times):
            self.now += 10
            for _batch in self.counter.turn(self.now):
                pass

    def delivered(self) -> int:
        with Reader(self.settings.mail_counts) as reader:
            rows = reader.by_name(By.NODE, START - 60, self.now, self.now)
            _, times = reader.over_time(START - 60, self.now, self.now, node="n1")
        total = sum(row.numbers[0] for row in rows)
        assert total == sum(row.numbers[0] for row in times)
        return total

    def again(self) -> None:
        """As after a death."""
        self.counter.close()
        self.counter = Counter(self.settings)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    found = Site(tmp_path)
    yield found
    found.counter.close()
    found.store.close()


def test_each_line_counts_once(site: Site) -> None:
    for number in range(50):
        site.keep(line(number))
        site.turn(1)
        if number % 7 == 0:
            site.again()
    site.turn()

    assert site.delivered() == 50


def test_nothing_counts_before_it_is_surely_kept(site: Site) -> None:
    site.keep(line(1))
    site.turn()
    with site.path.open("ab") as file:
        file.write(line(2))
    site.turn(5)

    assert site.delivered() == 1


def test_what_was_cut_back_and_comes_again_counts_once(site: Site) -> None:
    site.keep(line(1))
    site.turn()
    with site.path.open("ab") as file:
        file.write(line(2)[:40])
    site.store.close()
    site.store = Store(Path(site.settings.state_directory))
    site.keep(line(2))
    site.turn()

    assert site.delivered() == 2


def test_half_a_line_waits_for_its_other_half(site: Site) -> None:
    data = line(1) + line(2)
    site.keep(data[:-30])
    site.turn()
    assert site.delivered() == 1

    site.keep(data[-30:])
    site.turn()
    assert site.delivered() == 2


def test_a_file_that_was_compressed_goes_on_where_it_was(site: Site) -> None:
    site.keep(line(1) + line(2))
    site.turn()
    site.keep(line(3))
    compress(site.path, 0o640)
    site.now += 3_600
    site.turn(4)
    site.again()
    site.turn(4)

    assert site.delivered() == 3
    assert [one.whole for one in Counts(site.settings.mail_counts).progress().values()] == [True]


def test_another_file_in_its_place_is_counted_from_its_beginning(site: Site) -> None:
    site.keep(line(1) + line(2))
    site.turn()
    site.path.unlink()
    site.keep(line(3) + line(4) + line(5))
    site.turn(3)

    assert site.delivered() == 5


def test_of_two_that_count_at_the_same_time_one_does(site: Site) -> None:
    site.keep(line(1))
    site.turn()
    other = Counter(site.settings)
    site.keep(line(2))
    for _ in range(3):
        site.turn(1)
        for _batch in other.turn(site.now):
            pass
    other.close()

    assert site.delivered() == 2


def test_other_logs_are_not_counted(site: Site) -> None:
    site.store.keep([Piece("t", 0, line(1), str(site.path).replace("/mail/", "/debug/"))])
    site.turn(3)

    assert site.delivered() == 0


def test_numbers_are_made_anew_when_they_are_removed(site: Site) -> None:
    site.keep(b"".join(map(line, range(100))))
    site.turn()
    site.counter.close()
    site.settings.mail_counts.unlink()
    site.counter = Counter(site.settings)
    site.turn()

    assert site.delivered() == 100


def test_a_file_of_another_version_is_refused(site: Site) -> None:
    base = sqlite3.connect(site.settings.mail_counts)
    base.execute("PRAGMA user_version = 7")
    base.close()

    for use in (Counts, Reader):
        with pytest.raises(CountsError, match="another version"):
            use(site.settings.mail_counts)


def test_numbers_that_are_not_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(CountsError, match="start its collector"):
        Reader(tmp_path / "none")


def test_what_is_old_goes(site: Site) -> None:
    site.keep(line(1))
    site.turn()
    counts = Counts(site.settings.mail_counts)
    counts.tidy([], site.now + 3 * 86_400)
    with Reader(site.settings.mail_counts) as reader:
        step, rows = reader.over_time(START, site.now, site.now + 3 * 86_400)
        assert step == 3_600
        assert sum(row.numbers[0] for row in rows) == 1
    counts.tidy([], site.now + 800 * 86_400)
    assert counts.progress() == {}
    assert not counts.keep("p", Progress(5), Progress(9), Tally(), site.now)


def test_it_counts_on_through_kills(site: Site) -> None:
    process = CountingProcess(site.settings, turn_seconds=0.2)
    for number in range(40):
        site.keep(line(number))
    deadline = time.monotonic() + 60
    for _ in range(3):
        process.keep_alive()
        found = process._process
        assert found is not None
        assert found.pid is not None
        time.sleep(0.7)
        os.kill(found.pid, signal.SIGKILL)
        found.join()
    process.keep_alive()
    while site.delivered() < 40:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    found = process._process
    assert found is not None
    found.terminate()
    found.join()

    assert site.delivered() == 40


STARTER = """
import sys, time, msgspec
from workers.logs.collector_settings import Settings
from workers.logs.counting import CountingProcess
one = CountingProcess(msgspec.json.decode(sys.argv[1], type=Settings), 0.2)
one.keep_alive()
print(one._process.pid, flush=True)
time.sleep(600)
"""


def _runs(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_it_ends_when_whoever_started_it_is_killed(site: Site) -> None:
    site.keep(line(1))
    command = [sys.executable, "-c", STARTER, msgspec.json.encode(site.settings).decode()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        pid = starter.stdout.readline().strip()
        deadline = time.monotonic() + 120
        while not site.delivered():
            assert time.monotonic() < deadline
            time.sleep(0.2)
        starter.kill()

    while _runs(pid):
        assert time.monotonic() < deadline
        time.sleep(0.1)
