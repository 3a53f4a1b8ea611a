"""Manager and node, all parts real: commits go live on a node, whatever is killed on the way."""

import contextlib
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.brokers import RunningBroker
from tests.integration.managers import Manager
from tests.integration.node_parts import Home, wait
from tests.integration.test_config_bus import COMMIT, COMMIT_FILE, EDITS, listen, newest, run
from workers.config.core.messages import PART_BYTES

WORKER = "workers.celery"
SECONDS = 40.0
"""Each part of a machine at work takes some to come back."""
STAND = "SELECT number, live, target, busy FROM configs_replica WHERE node = 'mta1'"
OUTCOMES = "SELECT revision, outcome FROM configs_application WHERE node = 'mta1' ORDER BY id"


@contextlib.contextmanager
def site(directory: Path, broker: RunningBroker) -> Iterator[tuple[Manager, Home]]:
    """A manager with its listener, and a node with its worker."""
    manager = Manager(directory, [broker.url("manager")])
    manager.set_up()
    broker.purge()
    home = Home(directory / "mta1", [broker.url("mta1")])
    home.lay_down()
    (home.directory / "key").write_text(manager.key.hex() + "\n")
    with home.config.open("a") as file:
        file.write('\n[configuration]\nprofile = "nothing"\nsave_seconds = 1\n')
    listen(manager)
    home.start(WORKER)
    try:
        wait(lambda: manager.rows(STAND), "the node is heard", SECONDS)
        yield manager, home
    finally:
        home.end()
        manager.kill()


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq: RunningBroker
) -> Iterator[tuple[Manager, Home]]:
    with site(tmp_path_factory.mktemp("site"), rabbitmq) as found:
        yield found


def at_rest(manager: Manager, number: int) -> None:
    """Wait until a revision is live on the node, as the manager's rows say."""
    expected = [(number, number, number, 0)]
    wait(lambda: manager.rows(STAND) == expected, f"r{number} is live", SECONDS)


def current(home: Home) -> Path:
    found = [path for path in home.state.rglob("current") if path.is_symlink()]
    assert len(found) == 1, found
    return found[0]


def test_a_commit_goes_live(place: tuple[Manager, Home]) -> None:
    manager, home = place
    number, *holders = run(manager, COMMIT, "global/motd", "hello")

    assert holders == ["mta1"]
    at_rest(manager, int(number))
    assert (current(home) / "motd").read_text() == "hello"
    wait(lambda: (int(number), "applied") in manager.rows(OUTCOMES), "it is told", SECONDS)


def test_a_killed_worker_comes_back_to_the_newest(
    place: tuple[Manager, Home], tmp_path: Path
) -> None:
    manager, home = place
    home.processes[-1].kill()
    file = tmp_path / "large"
    file.write_bytes(random.Random(7).randbytes(PART_BYTES + PART_BYTES // 2))
    run(manager, COMMIT_FILE, "global/large", str(file))
    number = int(run(manager, COMMIT_FILE, "default/mta1/motd", str(file))[0])
    home.start(WORKER)

    at_rest(manager, number)
    assert (current(home) / "large").read_bytes() == file.read_bytes()
    assert (current(home) / "motd").read_bytes() == file.read_bytes()


def test_an_edit_on_the_node_is_kept_by_the_manager(place: tuple[Manager, Home]) -> None:
    manager, home = place
    (current(home) / "motd").write_text("edited by hand")

    wait(lambda: manager.rows(EDITS) == [("mta1", "motd")], "it is told", SECONDS)
    assert manager.rows("SELECT content FROM configs_edit") == [(b"edited by hand",)]
    number = int(run(manager, COMMIT, "default/mta1/motd", "committed")[0])
    at_rest(manager, number)
    wait(lambda: manager.rows(EDITS) == [], "nothing differs any more", SECONDS)


def test_whatever_is_killed_the_newest_commit_goes_live(
    tmp_path: Path, spare: RunningBroker
) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    dice = random.Random(seed)
    with site(tmp_path, spare) as (manager, home):
        for turn in range(4):
            part = dice.choice(("listener", "worker", "broker"))
            print(turn, part)
            if part == "listener":
                manager.kill()
            elif part == "worker":
                home.processes[-1].kill()
            else:
                spare.signal(signal.SIGKILL)
            number = int(run(manager, COMMIT, "global/motd", f"turn {turn}")[0])
            time.sleep(dice.uniform(0.0, 1.0))
            if part == "listener":
                manager.start()
            elif part == "worker":
                home.start(WORKER)
            else:
                spare.start()
                spare.wait_ready()
        at_rest(manager, number)
        assert number == newest(manager)
        assert (current(home) / "motd").read_text() == "turn 3"
