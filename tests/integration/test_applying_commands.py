"""Commands that a node's settings name, run for real: outcomes, limits, nothing left behind."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.agents import wait
from workers.config.commands import ENVIRONMENT, run
from workers.config.core.reports import OUTPUT_BYTES, Result
from workers.config.greeting import greeted

LIMIT_SECONDS = 10.0


def sh(script: str, limit_seconds: float = LIMIT_SECONDS, leave_children: bool = False) -> Result:
    return run(("/bin/sh", "-c", script), limit_seconds, leave_children)


def alive(pid: int) -> bool:
    """Whether a process runs; one that waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    ("script", "good", "sentence", "output"),
    [
        ("exit 0", True, "", ""),
        ("echo one; echo two >&2", True, "", "one\ntwo\n"),
        ("echo it is broken >&2; exit 3", False, "exit code 3: it is broken", "it is broken\n"),
        ("exit 3", False, "exit code 3", ""),
        ("kill -9 $$", False, "killed by signal 9", ""),
        (r"printf 'a\033[2Jb\0\n'", True, "", "a [2Jb \n"),
        (r"printf '\377\n'", True, "", "\ufffd\n"),
        ("read word || echo no input", True, "", "no input\n"),
    ],
)
def test_what_came_of_a_command(script: str, good: bool, sentence: str, output: str) -> None:
    assert sh(script) == Result(good, sentence, output)


def test_a_command_has_little_environment_and_starts_at_the_root() -> None:
    found = run(("/usr/bin/env",), LIMIT_SECONDS).output.splitlines()
    assert dict(line.split("=", 1) for line in found) == ENVIRONMENT
    assert run(("/bin/pwd",), LIMIT_SECONDS).output == "/\n"


@pytest.mark.parametrize("words", [(), ("true",), ("./true",), ("/nothing/here",), ("/etc",)])
def test_what_is_no_program_is_said(words: tuple[str, ...]) -> None:
    assert not run(words, LIMIT_SECONDS).good


def test_a_file_that_cannot_be_run_is_said(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("no program")
    assert "cannot be run" in run((str(program),), LIMIT_SECONDS).sentence


def test_of_much_output_the_beginning_and_the_end_are_kept() -> None:
    result = sh("echo begin; head -c 10000000 /dev/zero | tr '\\0' x; echo; echo end")
    assert result.good
    assert len(result.output.encode()) <= OUTPUT_BYTES
    assert result.output.startswith("begin\nxxx")
    assert result.output.endswith("xxx\nend\n")
    assert "left out here" in result.output


def test_a_late_command_is_killed_with_all_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    began = time.monotonic()
    script = f"trap '' TERM; sleep 300 & echo $$ $! > {pids}; echo waiting; wait"
    result = sh(script, limit_seconds=1.0)
    assert time.monotonic() - began < 10
    assert result == Result(False, "took longer than 1 s and was killed: waiting", "waiting\n")
    for pid in map(int, pids.read_text().split()):
        wait(lambda pid=pid: not alive(pid), f"{pid} is gone")  # type: ignore[misc]


def test_an_endless_writer_is_killed_in_time() -> None:
    began = time.monotonic()
    result = sh("yes", limit_seconds=1.0)
    assert not result.good
    assert len(result.output.encode()) <= OUTPUT_BYTES
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("leave", [False, True])
def test_what_a_good_command_leaves_running_is_not_waited_for(tmp_path: Path, leave: bool) -> None:
    pid_file = tmp_path / "pid"
    began = time.monotonic()
    result = sh(f"sleep 300 & echo $! > {pid_file}; echo done", leave_children=leave)
    assert result == Result(True, "", "done\n")
    assert time.monotonic() - began < 5
    pid = int(pid_file.read_text())
    if leave:
        assert alive(pid)
        os.kill(pid, 9)
    wait(lambda: not alive(pid), "what was left is gone")


def test_what_a_failed_command_leaves_running_is_killed(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    assert not sh(f"sleep 300 & echo $! > {pid_file}; exit 1", leave_children=True).good
    pid = int(pid_file.read_text())
    wait(lambda: not alive(pid), "what was left is gone")


def test_no_descriptors_are_left_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    for script in ("exit 0", "exit 1", "exec >&- 2>&-; exit 0"):
        sh(script)
    assert len(os.listdir("/proc/self/fd")) == before


@contextmanager
def server(*answers: bytes | None) -> Iterator[int]:
    """A server that gives one answer after the other and hangs up; None: says nothing at all."""
    listener = socket.create_server(("127.0.0.1", 0))
    kept = []

    def serve() -> None:
        for answer in answers:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            if answer is None:
                kept.append(connection)
                continue
            with connection:
                connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)
        for connection in kept:
            connection.close()


@pytest.mark.parametrize(
    ("answers", "seconds", "says"),
    [
        ((b"220 mx ESMTP\r\n",) * 2, 10, None),
        ((b"220-wait\r\n220 mx\r\n",) * 2, 10, None),
        ((b"421 not yet\r\n", b"", b"220 mx\r\n", b"220 mx\r\n"), 20, None),
        ((b"220 mx\r\n", *(b"421 no\r\n",) * 9), 1.2, "'421 no'"),
        ((b"554 go away\r\n",) * 9, 1.2, "'554 go away'"),
        ((b"220-wait\r\n",) * 9, 1.2, "hung up"),
        ((b"x" * 9_000,) * 9, 1.2, "no end"),
        ((None,) * 3, 1.0, "timed out"),
    ],
)
def test_a_greeting_has_to_come_twice(
    answers: tuple[bytes | None, ...], seconds: float, says: str | None
) -> None:
    with server(*answers) as port:
        began = time.monotonic()
        result = greeted("127.0.0.1", port, seconds)
        took = time.monotonic() - began
    assert result.good is (says is None), result
    assert took < seconds + 5
    if says:
        assert says in result.sentence
        assert f"port {port}" in result.sentence


def test_nobody_there_is_said() -> None:
    with server() as port:
        pass
    assert "refused" in greeted("127.0.0.1", port, 1.0).sentence
