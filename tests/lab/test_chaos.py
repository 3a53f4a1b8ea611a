"""Two minutes of chaos with a fixed seed; and an end by Ctrl-C that leaves nothing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.run import Chaos, Options
from tests.lab.looking import assert_nothing_left
from workers.exit_codes import Exit

SEED = 200
ROOT = Path(__file__).resolve().parents[2]
INTERRUPTED = 130


@pytest.mark.timeout(240)
def test_two_minutes_of_chaos_break_no_bound(tmp_path: Path) -> None:
    told: list[str] = []
    name = f"c{os.getpid()}"
    work = Chaos(Options(SEED, minutes=2.0, name=name, output=tmp_path), told.append)
    work.run()

    assert len(work.results) >= 3, "\n".join(told)
    assert work.failed == [], "\n".join(told)
    assert work.save().exists()
    assert_nothing_left(name, [])


def test_ctrl_c_takes_the_lab_down(tmp_path: Path) -> None:
    name = f"i{os.getpid()}"
    command = [sys.executable, "-m", "chaos", "--seed", "1", "--name", name]
    work = subprocess.Popen(
        [*command, "--directory", str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert work.stderr is not None
    while "start" not in work.stderr.readline():
        assert work.poll() is None
    work.send_signal(signal.SIGINT)
    shown, _ = work.communicate(timeout=30)

    assert work.returncode == INTERRUPTED
    assert "Rounds by what they did at once" in shown
    assert_nothing_left(name, [work.pid])


def test_a_lab_that_cannot_be_is_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "chaos", "--name", "Not A Name", "--directory", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == Exit.REFUSED
    assert "is no name for a lab" in done.stderr
