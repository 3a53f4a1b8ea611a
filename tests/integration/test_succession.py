"""What a process hands to the one that follows it in its place."""

import subprocess
import sys
from pathlib import Path

from tests.architecture.tree import ROOT

PATIENCE_SECONDS = 60
AGENT = """
import os, signal, subprocess, sys
from workers.failover.succession import begin_anew

if os.environ.pop("FIRST", ""):
    signal.signal(signal.SIGXCPU, lambda _number, _frame: None)
    for _ in range(3):
        subprocess.Popen(["/bin/sleep", "60"]).kill()
    print("first", os.getpid(), *sys.argv[1:])
    begin_anew()
signal.raise_signal(signal.SIGXCPU)  # as the kernel does while much is imported
print("second", os.getpid(), *sys.argv[1:])
try:
    print("a child is left:", os.waitpid(-1, 0))
except ChildProcessError:
    print("no child")
"""


def begun_anew(tmp_path: Path) -> tuple[str, str, str]:
    """What is said by the first instance, by the second, and by that of its children."""
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
    first, second, children = ended.stdout.splitlines()
    return first, second, children


def test_a_new_instance_outlives_the_limit_of_real_time_that_it_inherits(tmp_path: Path) -> None:
    first, second, _ = begun_anew(tmp_path)

    assert first.split()[1:] == second.split()[1:]  # the same process, with the same command
    assert first.endswith("--config a b")


def test_a_new_instance_has_no_child_of_the_one_before(tmp_path: Path) -> None:
    assert begun_anew(tmp_path)[2] == "no child"
