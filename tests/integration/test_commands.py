"""Commands that definitions name, run for real: outcomes, limits, nothing left behind."""

import asyncio
import os
import selectors
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.integration.agents import wait
from workers.failover.commands import BREATH_SECONDS, SENTENCE_CHARACTERS, Outcome, run

LIMIT_SECONDS = 5.0
ANYWHERE = Path("/")


def ran(
    *words: str,
    limit_seconds: float = LIMIT_SECONDS,
    environment: dict[str, str] | None = None,
    directory: Path = ANYWHERE,
) -> Outcome:
    """Run a command to its end; its one outcome."""
    outcomes: list[Outcome] = []
    asyncio.run(run(directory, words, environment or {}, limit_seconds, outcomes.append))
    assert len(outcomes) == 1
    return outcomes[0]


def sh(script: str, limit_seconds: float = LIMIT_SECONDS) -> Outcome:
    return ran("/bin/sh", "-c", script, limit_seconds=limit_seconds)


def alive(pid: int) -> bool:
    """Whether a process runs; one that waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def pid_in(file: Path) -> int:
    wait(lambda: file.exists() and file.read_text().endswith("\n"), f"{file} is written")
    return int(file.read_text())


@pytest.mark.parametrize(
    ("script", "good", "sentence"),
    [
        ("exit 0", True, ""),
        ("echo one; echo two; echo", True, "two"),
        ("echo it is broken >&2; exit 3", False, "exit code 3: it is broken"),
        ("kill -9 $$", False, "killed by SIGKILL"),
        (r"printf 'a\033[2Jb\n'; exit 1", False, "exit code 1: a [2Jb"),
        (r"printf '\377\n'", True, "\ufffd"),
    ],
)
def test_an_outcome_is_told_in_words(script: str, good: bool, sentence: str) -> None:
    assert sh(script) == Outcome(good, sentence)


def test_a_long_last_line_is_cut() -> None:
    assert len(sh("printf 'x%.0s' $(seq 1000)").sentence) == SENTENCE_CHARACTERS


def test_arguments_are_not_given_to_a_shell() -> None:
    assert ran("/bin/echo", "$HOME", "a  b", ";", "*").sentence == "$HOME a  b ; *"


def test_the_environment_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSTER_TOKEN", "secret")

    told = ran("/usr/bin/env", environment={"MUSTER_VIP": "198.18.0.101"})
    names = sh("env | cut -d= -f1 | sort | tr '\\n' ' '").sentence.split()

    assert told.good
    assert set(names) == {"HOME", "LANG", "PATH", "PWD"}


def test_a_command_that_takes_too_long_is_killed_with_all_it_started(tmp_path: Path) -> None:
    began = time.monotonic()

    outcome = sh(
        f"sleep 60 & echo $! >{tmp_path}/child; echo $$ >{tmp_path}/own; echo half; wait",
        limit_seconds=0.3,
    )

    assert outcome == Outcome(False, "took longer than 0.3 s and was killed: half")
    assert time.monotonic() - began < 30  # seconds; of itself it would have taken 60
    for name in ("own", "child"):
        wait(lambda name=name: not alive(pid_in(tmp_path / name)), f"{name} is gone")  # type: ignore[misc]


def test_what_a_command_leaves_running_is_killed(tmp_path: Path) -> None:
    assert sh(f"sleep 60 & echo $! >{tmp_path}/child").good

    wait(lambda: not alive(pid_in(tmp_path / "child")), "the child is gone")


def test_a_cancelled_command_is_killed_and_tells_nothing(tmp_path: Path) -> None:
    told: list[Outcome] = []

    async def cancel() -> None:
        words = ("/bin/sh", "-c", f"echo $$ >{tmp_path}/own; sleep 60")
        task = asyncio.ensure_future(run(ANYWHERE, words, {}, 60, told.append))
        while not (tmp_path / "own").exists():
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(cancel())

    wait(lambda: not alive(pid_in(tmp_path / "own")), "the command is gone")
    assert told == []


@pytest.fixture
def setuid() -> Iterator[Path]:
    """A directory with `as_root`, which runs a command as root for whoever calls it."""
    if os.geteuid() != 0:
        pytest.skip("setuid programs need root")
    with tempfile.TemporaryDirectory() as made:
        directory = Path(made)
        if os.statvfs(directory).f_flag & os.ST_NOSUID:
            pytest.skip(f"{directory} is mounted nosuid")
        directory.chmod(0o755)
        program = directory / "as_root"
        shutil.copy(shutil.which("setpriv") or "", program)
        program.chmod(0o4755)
        yield directory


def ran_by_nobody(directory: Path, script: str, limit_seconds: float) -> Outcome:
    """As an agent would that is not root: have `script` run as root, to its end."""
    words = (f"{directory}/as_root", "--reuid", "0", "/bin/sh", "-c", script)
    os.setresuid(65534, 65534, 0)
    try:
        return ran(*words, limit_seconds=limit_seconds, directory=directory)
    finally:
        os.setresuid(0, 0, 0)


def test_a_command_that_runs_as_another_user_is_told_of_too(setuid: Path) -> None:
    assert ran_by_nobody(setuid, "id -ru", LIMIT_SECONDS) == Outcome(True, "0")


def test_a_command_that_cannot_be_killed_is_told_of_and_waited_for(setuid: Path) -> None:
    outcome = ran_by_nobody(setuid, f"echo up; sleep 2; touch {setuid}/ended", limit_seconds=1.0)

    late = "took longer than 1 s and cannot be killed: it runs as another user: up"
    assert outcome == Outcome(False, late)
    assert (setuid / "ended").exists()


class CountingSelector(selectors.DefaultSelector):
    """Counts how often something was there to be read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(timeout)
        self.reads += len(found)
        return found


def test_a_command_that_writes_without_end_neither_blocks_the_loop_nor_fills_memory() -> None:
    selector = CountingSelector()
    told: list[Outcome] = []
    began = time.monotonic()

    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
        runner.run(run(ANYWHERE, ("/usr/bin/yes",), {}, 0.4, told.append))

    assert told == [Outcome(False, "took longer than 0.4 s and was killed: y")]
    others = 10  # its end, the loop's own, and the first of it, which may be little
    assert 2 < selector.reads <= (time.monotonic() - began) / BREATH_SECONDS + others


def test_a_command_runs_as_any_other_process() -> None:
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        pytest.skip("real-time scheduling is not permitted here")
    try:
        outcome = sh("chrt -p $$ | head -1; exec 1>&-")
        policy = os.sched_getscheduler(0)
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))

    assert outcome.sentence.endswith("SCHED_OTHER")
    assert policy == os.SCHED_RR


def test_what_cannot_be_run_is_said(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("hello\n")
    text.chmod(0o644)

    assert ran("/nowhere/to/go") == Outcome(
        False, "/nowhere/to/go cannot be run: No such file or directory"
    )
    assert ran(str(text)) == Outcome(False, f"{text} cannot be run: Permission denied")


def test_a_link_to_itself_is_no_program_and_that_is_said(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(link)

    said = f"{link} cannot be run: Too many levels of symbolic links"
    assert ran(str(link)) == Outcome(False, said)


@pytest.mark.parametrize("loose", ["program", "directory"])
def test_a_program_that_others_can_change_is_not_run(tmp_path: Path, loose: str) -> None:
    directory = tmp_path / "bin"
    directory.mkdir(mode=0o755)
    program = directory / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert ran(str(program)).good or os.geteuid() != 0
    changed = program if loose == "program" else directory
    changed.chmod(0o777)

    outcome = ran(str(program))

    assert not outcome.good
    assert f"{program} is not run: others than root can change {changed}" in outcome.sentence


def test_only_programs_of_the_operators_directory_are_run(tmp_path: Path) -> None:
    directory = tmp_path / "commands"
    directory.mkdir()
    (directory / "true").symlink_to("/bin/true")

    assert ran(str(directory / "true"), directory=directory).good
    for program in ("/bin/true", f"{directory}/../true", f"{directory}/x/../../true"):
        outcome = ran(program, directory=directory)
        assert not outcome.good
        assert f"this node runs what is in {directory} only; link it there" in outcome.sentence
    directory.chmod(0o1777)
    assert "others than root can change" in ran(f"{directory}/true", directory=directory).sentence


def test_nothing_is_left_open(tmp_path: Path) -> None:
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    async def many(words: Sequence[str]) -> list[int]:
        await run(ANYWHERE, words, {}, 0.05, lambda _: None)  # what a loop opens once is open now
        before = count()
        for _ in range(20):
            await run(ANYWHERE, words, {}, 0.05, lambda _: None)
        return [before, count()]

    for words in (("/bin/true",), ("/bin/sleep", "9"), ("/etc/passwd",), ("/nowhere",)):
        before, after = asyncio.run(many(words))
        assert after == before, words
