"""A manager with yesterday's disk, all parts real: it notices, asks, and does as it is told."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.brokers import RunningBroker
from tests.integration.managers import Manager
from tests.integration.node_parts import Home, wait
from tests.integration.test_config_bus import COMMIT, listen, run
from tests.integration.test_config_managed import SECONDS, at_rest, current, site
from workers.repository.repository import Repository

STATES = "SELECT node, state FROM configs_conflict"
DECIDE = """
from cluster_admin.configs import conflict_ending, conflict_merging
decide = getattr(conflict_ending, sys.argv[1], None) or getattr(conflict_merging, sys.argv[1])
decide(actor, *sys.argv[2:])
print(store.repository().head().number)
"""
REFUSED = """
from cluster_admin.configs.conflicts import HistoriesDifferError
from cluster_admin.configs import conflict_ending
try:
    services.commit(actor, {"global/motd": Entry(b"no")}, "test", base=1)
except HistoriesDifferError as error:
    print("refused")
"""
IS_HERE = """
from cluster_admin.configs.conflict_models import Conflict
print(all(store.repository().beside.has(one.commit) for one in Conflict.objects.all()))
"""


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq: RunningBroker
) -> Iterator[tuple[Manager, Home]]:
    with site(tmp_path_factory.mktemp("site"), rabbitmq) as found:
        yield found


class Backup:
    """A manager's data directory as it was; the node's own is in it, and left alone."""

    def __init__(self, manager: Manager, directory: Path) -> None:
        self._manager = manager
        self._copy = directory / "copy"
        manager.kill()
        shutil.copytree(
            manager.directory, self._copy, ignore=shutil.ignore_patterns("mta1", "*.sock")
        )
        listen(manager)

    def put_back(self) -> None:
        """Have it again."""
        self._manager.kill()
        for one in self._manager.directory.iterdir():
            if one.is_dir() and one.name != "mta1":
                shutil.rmtree(one)
            elif one.is_file():
                one.unlink()
        shutil.copytree(self._copy, self._manager.directory, dirs_exist_ok=True)
        listen(self._manager)
        wait(lambda: self._manager.rows(STATES) == [("mta1", "open")], "it is noticed", SECONDS)


def parted(place: tuple[Manager, Home], directory: Path) -> int:
    """Have a backup, two commits that reach the node, and the backup put back; the node's head."""
    manager, home = place
    backup = Backup(manager, directory)
    run(manager, COMMIT, "global/theirs", directory.name)
    number = int(run(manager, COMMIT, "global/motd", f"theirs of {directory.name}")[0])
    at_rest(manager, number)
    backup.put_back()
    assert run(manager, REFUSED) == ["refused"]
    wait(lambda: run(manager, IS_HERE) == ["True"], "its history is fetched", SECONDS)
    assert (current(home) / "motd").read_text() == f"theirs of {directory.name}"
    return number


def ends(place: tuple[Manager, Home], number: int, motd: str) -> None:
    """Wait until a revision is live on the node, and nothing stands against it."""
    manager, home = place
    at_rest(manager, number)
    wait(lambda: manager.rows(STATES) == [], "the conflict is over", SECONDS)
    assert (current(home) / "motd").read_text() == motd
    replica = Repository.open(next(home.state.rglob("config.git")))
    main = Repository.open(manager.directory / "configuration.git")
    assert replica.log() == main.log()


def test_the_nodes_history_counts(place: tuple[Manager, Home], tmp_path: Path) -> None:
    manager, _ = place
    run(manager, COMMIT, "global/motd", "before")
    number = parted(place, tmp_path)
    assert run(manager, DECIDE, "master", "mta1") == [str(number)]
    ends(place, number, f"theirs of {tmp_path.name}")
    run(manager, COMMIT, "global/motd", "after")
    ends(place, number + 1, "after")


def test_the_managers_history_counts(place: tuple[Manager, Home], tmp_path: Path) -> None:
    manager, home = place
    before = (current(home) / "motd").read_text()
    number = parted(place, tmp_path)
    run(manager, DECIDE, "override", "mta1")
    ends(place, number - 2, before)
    replica = Repository.open(next(home.state.rglob("config.git")))
    assert [name.rpartition("-")[2] for name in replica.beside.lost()] == [f"r{number}"]


def test_both_histories_count(place: tuple[Manager, Home], tmp_path: Path) -> None:
    manager, home = place
    number = parted(place, tmp_path)
    run(manager, DECIDE, "resolve", "mta1")
    ends(place, number - 1, f"theirs of {tmp_path.name}")
    assert (current(home) / "theirs").read_text() == tmp_path.name
