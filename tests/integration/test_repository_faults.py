"""Deaths, races and full disks: the old or the new revision stays, whole; nothing sure is lost."""

import contextlib
import os
import random
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.integration.repository_children import COMMIT_POINTS, RECEIVE_POINTS, ended, start
from tests.unit.repository.stage import commit, contents, git, sound
from workers.repository.errors import BusyError, StorageError
from workers.repository.executable import run
from workers.repository.lock import WriteLock, locked
from workers.repository.repository import Repository
from workers.repository.upkeep import LOCK, PACKS, damage, is_due

KILLED = -signal.SIGKILL


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository.create(tmp_path / "config.git")
    commit(made, {"global/a": b"1\n", "global/b": b"1\n"})
    return made


def number_of_newest(repository: Repository) -> int:
    head = Repository.open(repository.directory).head()
    return head.number if head else 0


def leftovers(directory: Path) -> list[str]:
    """What a dead process left that the next one should have cleared away."""
    found = (*directory.glob("refs/heads/*.lock"), *directory.glob("incoming-*"))
    return [path.name for path in found]


# deaths


@pytest.mark.parametrize("point", COMMIT_POINTS)
def test_a_death_while_committing(repository: Repository, point: str) -> None:
    child = start("commits", repository.directory, "mine", 1, point)
    assert ended(child) == (KILLED, [])
    assert number_of_newest(repository) == (2 if point == "moved" else 1)
    assert sound(repository.directory)
    assert commit(repository, {"global/after": b"1"}).number == (3 if point == "moved" else 2)
    assert leftovers(repository.directory) == []
    assert sound(repository.directory)


@pytest.mark.parametrize("point", RECEIVE_POINTS)
def test_a_death_while_receiving(repository: Repository, tmp_path: Path, point: str) -> None:
    replica = Repository.create(tmp_path / "replica.git")
    replica.receive(repository.pack_since(None), None, repository.revision(1).hash)
    old = repository.revision(1).hash
    new = commit(repository, {"global/a": b"2\n", "global/large": os.urandom(100_000)})
    pack = repository.pack_since(old)
    child = start("receives", replica.directory, old, new.hash, point)
    assert ended(child, pack) == (KILLED, [])
    assert number_of_newest(replica) == (2 if point == "moved" else 1)
    assert sound(replica.directory)
    assert replica.receive(pack, old, new.hash) == new
    assert contents(replica, 2) == contents(repository, 2)
    assert leftovers(replica.directory) == []
    assert sound(replica.directory)


def test_a_death_with_half_a_pack(repository: Repository, tmp_path: Path) -> None:
    replica = Repository.create(tmp_path / "replica.git")
    new = commit(repository, {"global/large": os.urandom(1_000_000)})
    pack = repository.pack_since(None)
    child = start("receives", replica.directory, "", new.hash)
    assert child.stdin is not None
    child.stdin.write(pack[: len(pack) // 2])
    child.stdin.flush()
    while not list(replica.directory.glob("incoming-*/pack/tmp_pack_*")):
        assert child.poll() is None
        time.sleep(0.01)
    child.kill()
    child.communicate()
    assert Repository.open(replica.directory).head() is None
    assert replica.receive(pack, None, new.hash) == new
    assert leftovers(replica.directory) == []
    assert sound(replica.directory)


def test_a_death_at_any_instant_loses_nothing_that_was_sure(repository: Repository) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    sure: list[str] = []
    for death in range(12):
        child = start("commits", repository.directory, f"file-{death}", 1_000)
        assert child.stdout is not None
        sure += [child.stdout.readline().decode().strip() for _ in range(dice.randrange(1, 6))]
        time.sleep(dice.random() * 0.02)
        child.kill()
        sure += child.communicate()[0].decode().split()
        assert sound(repository.directory)
    history = {revision.hash for revision in repository.log(1_000)}
    assert history >= set(sure)
    numbers = [revision.number for revision in repository.log(1_000)]
    assert numbers == list(range(len(numbers), 0, -1))


# races


def test_two_processes_at_once_lose_nothing(repository: Repository) -> None:
    children = [start("commits", repository.directory, name, 50) for name in ("one", "two")]
    told = [ended(child) for child in children]
    assert [code for code, _ in told] == [0, 0]
    history = [revision.hash for revision in repository.log(1_000)]
    assert len(history) == 101
    for _, hashes in told:
        assert len(hashes) == 50
        in_order = [commit for commit in reversed(history) if commit in set(hashes)]
        assert in_order == hashes
    assert repository.read(101, "global/one") == repository.read(101, "global/two") == b"49\n"
    assert sound(repository.directory)


def test_threads_of_one_process_lose_nothing(repository: Repository) -> None:
    failed: list[BaseException] = []

    def work(name: str) -> None:
        try:
            base = 1
            for number in range(10):
                made = commit(repository, {f"global/{name}": b"%d" % number}, base=base)
                base = made.number
                assert repository.read(made.number, f"global/{name}") == b"%d" % number
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "wxyz"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(repository.log()) == 41
    assert {path: contents(repository, 41)[f"global/{path}"] for path in "wxyz"} == dict.fromkeys(
        "wxyz", b"9"
    )


def test_one_key_makes_one_revision_however_many_commit_it(repository: Repository) -> None:
    made: list[int] = []

    def work() -> None:
        mine = Repository.open(repository.directory)
        made.append(commit(mine, {"global/k": b"k"}, base=1, key="the-key").number)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [2] * 6
    assert len(repository.log()) == 2


def test_who_writes_too_long_is_not_waited_for_for_ever(repository: Repository) -> None:
    lock = WriteLock(repository.directory)
    with lock.held(), pytest.raises(BusyError, match="try again"), lock.held(0.02):
        pass


def test_a_reader_beside_housekeeping_and_commits(repository: Repository) -> None:
    for number in range(40):
        commit(repository, {f"global/{number}": os.urandom(2_000), "global/a": b"%d" % number})
    expected = contents(repository, 41)
    stop, failed = threading.Event(), list[BaseException]()

    def read() -> None:
        try:
            mine = Repository.open(repository.directory)
            while not stop.is_set():
                fresh = Repository.open(repository.directory)
                for reader in (mine, fresh):
                    assert contents(reader, 41) == expected
                    assert len(reader.log(100, before=42)) == 41
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        for number in range(4):
            assert repository.collect_garbage(always=True)
            commit(repository, {"global/b": b"after %d" % number})
    finally:
        stop.set()
        thread.join()
    assert failed == []
    assert number_of_newest(repository) == 45
    assert sound(repository.directory)


def test_housekeeping_waits_until_there_is_much_to_do(repository: Repository) -> None:
    assert not repository.collect_garbage()
    objects = repository.directory / "objects"
    for number in range(2_001):  # as many commits would leave them
        place = objects / f"{number % 256:02x}"
        place.mkdir(exist_ok=True)
        place.joinpath(f"{number:038x}").touch()
    assert is_due(repository.directory)
    for place in objects.glob("??/" + "0" * 30 + "*"):
        place.unlink()
    assert not is_due(repository.directory)
    for number in range(PACKS):
        commit(repository, {f"global/{number}/{n}": b"%d %d" % (number, n) for n in range(65)})
    assert repository.collect_garbage()
    assert not repository.collect_garbage()
    assert len(list(repository.directory.glob("objects/pack/*.pack"))) == 1
    assert number_of_newest(repository) == PACKS + 1
    assert sound(repository.directory)


def test_housekeeping_is_not_due_again_for_what_it_had_to_keep(repository: Repository) -> None:
    kept = repository.directory / "objects" / "aa"
    kept.mkdir(exist_ok=True)
    for number in range(2_001):
        kept.joinpath(f"{number:038x}").touch()
    assert is_due(repository.directory)
    with locked(repository.directory / LOCK, 0.0):
        assert not repository.collect_garbage(always=True)
    assert not is_due(repository.directory)
    os.utime(repository.directory / LOCK, (0, 0))
    assert is_due(repository.directory)


def test_a_large_commit_is_one_pack(repository: Repository) -> None:
    files = {f"global/d{n % 7}/{n}": os.urandom(n % 50) * 40 for n in range(3_000)}
    commit(repository, {**files, "global/huge": os.urandom(9_000_000)})
    assert contents(repository, 2) == {**contents(repository, 1), **files} | {
        "global/huge": repository.read(2, "global/huge")
    }
    assert len(list(repository.directory.glob("objects/pack/*.pack"))) == 1
    assert sound(repository.directory)


def test_a_death_while_tidying_up_loses_nothing(repository: Repository) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    for number in range(8):
        commit(repository, {f"global/{number}": os.urandom(2_000)})
        child = start("tidies", repository.directory)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(dice.random() * 0.2)
        for victim in (*_children(child.pid), child.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        child.communicate()
        assert len(contents(Repository.open(repository.directory), number + 2)) == number + 3
        assert sound(repository.directory)
    while not repository.collect_garbage(always=True):
        time.sleep(0.01)  # what was killed may not quite have ended
    assert number_of_newest(repository) == 9
    assert list(repository.directory.glob("objects/pack/.tmp-*")) == []


def _children(process: int) -> list[int]:
    """The processes that one started, and those that these started."""
    listed = Path(f"/proc/{process}/task/{process}/children")
    found = [int(word) for word in listed.read_text().split()] if listed.exists() else []
    return [*found, *(deeper for child in found for deeper in _children(child))]


def test_what_takes_too_long_is_ended_with_its_children(repository: Repository) -> None:
    alias = "alias.slow=!sleep 60 & echo $! > slow.pid; wait"
    with pytest.raises(StorageError, match="took more than 1 s and was ended; try again later"):
        run(repository.directory, "-c", alias, "slow", seconds=1.0)
    sleeper = int(repository.directory.joinpath("slow.pid").read_text())
    state = Path(f"/proc/{sleeper}/stat")
    deadline = time.monotonic() + 10
    while state.exists() and state.read_text().split()[2] != "Z":
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_git_that_is_killed_has_refused_nothing(repository: Repository) -> None:
    alias = "alias.die=!kill -TERM $PPID"
    with pytest.raises(StorageError, match="was ended by signal 15; try again later"):
        run(repository.directory, "-c", alias, "die")


def test_a_check_that_is_killed_finds_no_damage(repository: Repository) -> None:
    pipe = repository.directory / "skipped"
    os.mkfifo(pipe)
    git(repository.directory, "config", "fsck.skipList", str(pipe))  # which it waits for
    killer = threading.Thread(target=_kills_the_reader, args=(pipe,))
    killer.start()
    with pytest.raises(StorageError, match="git fsck was ended by signal 15; try again later"):
        damage(repository.directory)
    killer.join()
    git(repository.directory, "config", "--unset", "fsck.skipList")
    assert damage(repository.directory) == ""


def _kills_the_reader(pipe: Path) -> None:
    """End the child of this process that opens a pipe for reading; nothing comes out before."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):  # nobody reads yet
            handle = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
            break
        time.sleep(0.01)
    for child in _children(os.getpid()):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # one that has ended
            if Path(f"/proc/{child}/comm").read_text() == "git\n":
                os.kill(child, signal.SIGTERM)
    os.close(handle)


# full disks


def test_a_file_that_does_not_fit_leaves_the_old_revision(repository: Repository) -> None:
    code, lines = ended(start("has_little_room", repository.directory, 1_000_000))
    assert code == 0
    assert lines[0].startswith("StorageError")
    assert "make room" in lines[0]
    assert number_of_newest(repository) == 1
    assert [path.name for path in repository.directory.glob("objects/tmp_*")] == []
    assert commit(repository, {"global/after": b"1"}).number == 2
    assert sound(repository.directory)


def test_a_full_disk_leaves_the_old_revision(small_disk: Path) -> None:
    repository = Repository.create(small_disk / "config.git")
    commit(repository, {"global/a": b"1"})
    with pytest.raises(StorageError, match="make room"):
        _fill(repository)
    last = number_of_newest(repository)
    assert last > 10
    assert contents(repository, last)["global/n"] == b"%d" % (last - 2)
    assert sound(repository.directory)
    assert leftovers(repository.directory) == []


def _fill(repository: Repository) -> None:
    for number in range(2_000):
        commit(repository, {"global/a": os.urandom(3_000), "global/n": b"%d" % number})


def test_a_full_disk_refuses_a_pack(small_disk: Path, repository: Repository) -> None:
    replica = Repository.create(small_disk / "replica.git")
    first = repository.revision(1)
    replica.receive(repository.pack_since(None), None, first.hash)
    made = commit(repository, {"global/large": os.urandom(2_000_000)})
    with pytest.raises(StorageError, match="make room"):
        replica.receive(repository.pack_since(first.hash), first.hash, made.hash)
    assert number_of_newest(replica) == 1
    assert leftovers(replica.directory) == []
    after = Repository.open(replica.directory)
    assert commit(after, {"global/small": b"1"}).number == 2
    assert sound(replica.directory)


# surroundings


@pytest.mark.parametrize("locale", ["POSIX", "C.UTF-8"])
def test_the_locale_of_the_process_does_not_matter(repository: Repository, locale: str) -> None:
    surroundings = {"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    code, lines = ended(start("has_foreign_names", repository.directory, **surroundings))
    assert (code, lines) == (
        0,
        [
            r"[b'1\n', ['global/a', 'global/b', 'global/\xfcber/\xdf']]",
            r"[('global/\xfcber/\xdf', True), ('global/\u20ac', False)]",
            "[3, 2]",
        ],
    )
    assert git(repository.directory, "ls-tree", "-r", "-z", "--name-only", "main").split("\0") == [
        *("global/a", "global/b", "global/\u00fcber/\u00df"),
        "",
    ]


def test_settings_and_hooks_of_the_user_do_not_matter(
    repository: Repository, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for name in ("pre-commit", "reference-transaction", "post-index-change", "pre-auto-gc"):
        home.joinpath(name).write_text(f"#!/bin/sh\ntouch {home}/ran\n")
        home.joinpath(name).chmod(0o755)
    home.joinpath(".gitconfig").write_text(
        f"[core]\nautocrlf = true\nhooksPath = {home}\nexcludesFile = {home}/x\n"
        f"[init]\ntemplateDir = {home}\n[user]\nname = Other\n[core\n"
    )
    child = start("commits", repository.directory, "mine", 1, HOME=str(home))
    code, hashes = ended(child)
    assert (code, len(hashes)) == (0, 1)
    replica = Repository.create(tmp_path / "replica.git")
    pack = repository.pack_since(None)
    child = start("receives", replica.directory, "", hashes[0], HOME=str(home))
    assert ended(child, pack) == (0, hashes)
    assert not home.joinpath("ran").exists()
    assert git(replica.directory, "log", "-1", "--format=%an %cn").strip() == "Ann Ann"
