"""A machine of its own as far as files go, on which tests install what they like.

A private mount namespace has its own /opt, /etc, /usr/local and /var/lib; packages, processes and
network are this machine's.
"""

import contextlib
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INSTALL_SECONDS, READY_SECONDS = 400.0, 60.0
APART = """
set -eu
mkdir -p "$1/etc" "$1/opt" "$1/local/bin" "$1/lib"
cp -a /etc/. "$1/etc/"
mount --bind /var/lib/dpkg "$1/lib"
mount -t tmpfs tmpfs /var/lib
mkdir /var/lib/dpkg
mount --move "$1/lib" /var/lib/dpkg
mount --bind "$1/etc" /etc
mount --bind "$1/opt" /opt
mount --bind "$1/local" /usr/local
echo ready
exec sleep infinity
"""


class Machine:
    """Files of its own, held by a process that sleeps."""

    def __init__(self, home: Path) -> None:
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", APART, "sh", home],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.holder.stdout
        assert self.holder.stdout.readline() == "ready\n"

    def words(self, *words: str) -> list[str]:
        """A command line that runs there."""
        return ["nsenter", "--mount", "--target", str(self.holder.pid), "--wd=/", *words]

    def run(
        self,
        *words: str,
        seconds: float = 60.0,
        status: int = 0,
        stdin: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command there to its end; it has to end with that status."""
        done = subprocess.run(
            self.words(*words),
            env={**os.environ, **(environment or {})},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done

    def install(self, *roles: str) -> str:
        """Run the script; what it told."""
        return self.run(str(ROOT / "script" / "install"), *roles, seconds=INSTALL_SECONDS).stderr

    def text(self, path: str) -> str:
        """A file there."""
        return self.run("cat", path).stdout


@contextlib.contextmanager
def running(
    machine: Machine, unit: str, instead: dict[str, str]
) -> Iterator["subprocess.Popen[str]"]:
    """What the unit starts, as its user, with its environment file."""
    text = machine.text(f"/etc/systemd/system/{unit}.service")
    [command] = re.findall(r"^ExecStart=(.+)$", text, re.MULTILINE)
    for old, new in instead.items():
        assert old in command
        command = command.replace(old, new)
    lines = machine.text("/etc/muster/manager.env").splitlines()
    variables = dict(line.split("=", 1) for line in lines)
    command = re.sub(r"\$\{(\w+)\}", lambda name: variables[name[1]], command)
    user = ("setpriv", "--reuid=muster", "--regid=muster", "--clear-groups")
    process = subprocess.Popen(
        machine.words(*user, "sh", "-c", f"cd /opt/muster && exec {command}"),
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(READY_SECONDS)


def wait_for(machine: Machine, process: "subprocess.Popen[str]", url: str) -> None:
    """Until the address answers with success."""
    ask = (
        "import sys,urllib.request as u\n"
        "try: sys.exit(u.urlopen(sys.argv[1], timeout=2).status != 200)\n"
        "except OSError: sys.exit(1)"
    )
    words = machine.words("/opt/muster/.venv/bin/python", "-c", ask, url)
    wait(lambda: subprocess.run(words, check=False).returncode == 0, process)


def wait(condition: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    """Until the condition holds, as long as the process lives."""
    deadline = time.monotonic() + READY_SECONDS
    while not condition():
        assert process.poll() is None, process.stdout and process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.2)
