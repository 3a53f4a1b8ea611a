"""What a process hands to the one that follows it in its place."""

import subprocess
import sys
from pathlib import Path

from tests.architecture.tree import ROOT

PATIENCE_SECONDS = 60
AGENT = """
import os, signal, sys
from workers.failover.succession import begin_anew

if os.environ.pop("FIRST", ""):
    signal.signal(signal.SIGXCPU, lambda _number, _frame: None)
    print("first", os.getpid(), *sys.argv[1:])
    begin_anew()
signal.raise_signal(signal.SIGXCPU)  # as the kernel does while much is imported
print("second", os.getpid(), *sys.argv[1:])
"""


def test_a_new_instance_outlives_the_limit_of_real_time_that_it_inherits(tmp_path: Path) -> None:
    script = tmp_path / "agent.py"
    script.write_text(AGENT)

    ended = subprocess.run(
        [sys.executable, script, "--config", "a b"],
        env={"FIRST": "yes", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    first, second = (line.split(" ", 1)[1] for line in ended.stdout.splitlines())
    assert first == second  # the same process, with the same command
    assert first.endswith("--config a b")
