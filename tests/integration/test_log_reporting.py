"""What a mail log says is counted once, whoever is killed, rotated, slow or away."""

import contextlib
import os
import random
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.integration.limit_server import serving
from tests.integration.report_taker import Taker, taking
from tests.integration.reporting_child import reporter
from workers.replication.core.definitions import Limit, Per, Replication, Subject

LINE = "2026-11-29T00:45:23+00:00 mta1 postfix/smtpd[{}]: connect from a.test[192.0.2.{}]\n"
"""No line comes twice, as in a real log: files are told apart by how they begin."""
OTHER = "2026-11-29T00:45:23+00:00 mta1 postfix/qmgr[1]: 756DA20C96C: removed\n"
PATIENCE_SECONDS = 60.0


class Mail:
    """A mail log that is written to and rotated, and what its lines come to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.expected: dict[tuple[str, str], int] = {}
        self._out = path.open("a")
        self._written = 0

    def write(self, lines: int) -> None:
        for number in range(lines):
            self._written += 1
            self._out.write(LINE.format(self._written, number % 7) + OTHER)
            key = ("connect", f"192.0.2.{number % 7}")
            self.expected[key] = self.expected.get(key, 0) + 1
        self._out.flush()

    def rotate(self, number: int) -> None:
        self._out.close()
        self.path.rename(self.path.with_name(f"mail.log.{number}"))
        self._out = self.path.open("a")


def wait_until(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def counted(taker: Taker, mail: Mail) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while taker.counts != mail.expected and time.monotonic() < deadline:
        time.sleep(0.02)
    assert taker.counts == mail.expected


@pytest.fixture
def mail(tmp_path: Path) -> Mail:
    return Mail(tmp_path / "mail.log")


@pytest.fixture
def taker(tmp_path: Path) -> Iterator[Taker]:
    with taking(tmp_path) as taker:
        yield taker


@contextlib.contextmanager
def reporting(home: Path, mail: Mail) -> Iterator[None]:
    """The reporter in a thread of this process."""
    one = reporter(home / "state", mail.path, home / "limits.sock")
    thread = threading.Thread(target=one.serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        one.stop()
        thread.join(10)


def test_lines_count_for_addresses_through_a_rotation(
    tmp_path: Path, mail: Mail, taker: Taker
) -> None:
    with reporting(tmp_path, mail):
        mail.write(1_000)
        counted(taker, mail)
        mail.rotate(1)
        mail.write(1_000)
        counted(taker, mail)


def test_a_server_that_is_away_or_refuses_holds_nothing_up(
    tmp_path: Path, mail: Mail, taker: Taker
) -> None:
    taker.refuses = True
    with reporting(tmp_path, mail):
        mail.write(100)
        wait_until(lambda: taker.refused, "it is tried")
        mail.rotate(1)
        mail.write(100)
        taker.refuses = False
        counted(taker, mail)


def test_nothing_is_read_where_there_never_was_a_server(tmp_path: Path, mail: Mail) -> None:
    mail.write(10)
    with reporting(tmp_path, mail):
        time.sleep(1.5)
        assert not list((tmp_path / "state").glob("logs/*"))
        with taking(tmp_path) as taker:
            counted(taker, mail)


def test_lines_that_count_nothing_are_not_reported(
    tmp_path: Path, mail: Mail, taker: Taker
) -> None:
    with mail.path.open("a") as out:
        out.write(OTHER * 1_000)
    with reporting(tmp_path, mail):
        mail.write(1)
        counted(taker, mail)
    assert taker.asked == 1


def test_each_line_counts_once_though_both_sides_are_killed(tmp_path: Path, mail: Mail) -> None:
    seed = int(os.environ.get("MUSTER_TEST_SEED") or secrets.randbelow(1 << 32))
    print(f"MUSTER_TEST_SEED={seed}")
    dice = random.Random(seed)
    words = [sys.executable, "-m", "tests.integration.reporting_child"]
    words += [str(tmp_path / "state"), str(mail.path), str(tmp_path / "limits.sock")]
    with taking(tmp_path, seed) as taker:
        taker.dies = 0.3
        for life in range(12):
            child = subprocess.Popen(words, stderr=subprocess.DEVNULL)
            mail.write(1)
            if not life:  # what is rotated away before anybody looked at the log is left alone
                wait_until(lambda: taker.asked, "somebody looks")
            for _ in range(dice.randrange(1, 6)):
                mail.write(dice.randrange(1, 4_000))
                time.sleep(dice.random() * 0.3)
            if dice.random() < 0.4:
                mail.rotate(life)
            mail.write(1)
            child.send_signal(signal.SIGKILL)
            child.wait()
        taker.dies = 0.0
        child = subprocess.Popen(words)
        try:
            counted(taker, mail)
        finally:
            child.kill()
            child.wait()


def test_deliveries_count_in_the_real_limits_for_addresses_and_domains(
    tmp_path: Path, mail: Mail
) -> None:
    limit = Limit("out", Subject.OUTBOUND_MESSAGES, Per.DOMAIN, 100, 3_600.0, binding="bulk")
    at = datetime.now(UTC).isoformat(timespec="seconds")
    sent = (
        f"{at} mta1 postfix/bulk/smtp[1]: 756DA20C96C: to=<x@Example.org>, "
        "relay=mx.test[198.51.100.7]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (ok)\n"
    )
    with serving(tmp_path) as server:
        server.redefine(Replication(limits=(limit,)))
        with mail.path.open("a") as out:
            out.write(sent * 3 + sent.replace("bulk/", "") + sent.replace("=sent", "=deferred"))

        def counted_there() -> dict[str, int]:
            found = server.limits.explain("bulk::example.org", time.time())
            return {one.key: one.value for one in found}

        with reporting(tmp_path, mail):
            wait_until(
                lambda: server.call(counted_there) == {"bulk::example.org": 4},
                "attempts of the binding count for its limit",
            )
        tables = server.shared.part("series-delivery")
        rows = server.call(lambda: list(tables.rows("series-delivery", now=time.time())))
        assert [tuple(row) for row in rows] == [("198.51.100.7", 4)]
