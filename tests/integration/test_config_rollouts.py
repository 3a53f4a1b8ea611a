"""Rollouts, all parts real: a listener drives the workers of three nodes, whatever is killed."""

import contextlib
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.brokers import NODES, RunningBroker
from tests.integration.managers import Manager
from tests.integration.node_parts import Home, wait
from tests.integration.test_config_bus import COMMIT, DEPLOY, listen, run

WORKER = "workers.celery"
SECONDS = 60.0
START = """
from cluster_admin.configs import rollouts
from workers.config.core.rollout_values import Settings
wish = rollouts.Wish(int(sys.argv[1]), batch=2, settings=Settings(pause_seconds=1))
print(rollouts.start(actor, Subcluster.objects.get(), wish).pk)
"""
PHASE = "SELECT phase FROM configs_rollout ORDER BY id DESC LIMIT 1"
LIVE = "SELECT node, live FROM configs_replica ORDER BY node"
FACTS = (
    "SELECT node, what FROM configs_rolloutfact WHERE rollout_id = "
    "(SELECT max(id) FROM configs_rollout) ORDER BY id"
)


class Site:
    """A manager with its listener, and three nodes with their workers."""

    def __init__(self, directory: Path, broker: RunningBroker) -> None:
        self.manager = Manager(directory, [broker.url("manager")])
        self.homes = {name: Home(directory / name, [broker.url(name)], name) for name in NODES}
        self.directory = directory
        self.broker = broker

    def set_up(self) -> None:
        """Everything is heard, and a first revision is deployed by hand."""
        self.manager.set_up()
        self.broker.purge()
        for name, home in self.homes.items():
            home.lay_down()
            (home.directory / "key").write_text(self.manager.key.hex() + "\n")
            script = f"cat {{tree}}/motd >>{self.ran(name)}"
            good = "! grep -q broken {tree}/motd"
            with home.config.open("a") as file:
                file.write('\n[configuration]\nprofile = "command"\n')
                file.write(f'reload = ["/bin/sh", "-c", "{script}"]\n')
                file.write(f'check = ["/bin/sh", "-c", "{good}"]\n')
        listen(self.manager)
        for home in self.homes.values():
            home.start(WORKER)
        first = self.commit("first")
        run(self.manager, DEPLOY, str(first))
        wait(lambda: self.live() == dict.fromkeys(NODES, first), "all have the first", SECONDS)

    def ran(self, node: str) -> Path:
        """A file with every motd that the node's server ever ran."""
        return self.directory / f"{node}.ran"

    def commit(self, text: str) -> int:
        return int(run(self.manager, COMMIT, "global/motd", f"{text}\n")[0])

    def start(self, revision: int) -> None:
        run(self.manager, START, str(revision))

    def phase(self) -> str:
        return str(self.manager.rows(PHASE)[0][0])

    def live(self) -> dict[str, int]:
        return dict(self.manager.rows(LIVE))


@contextlib.contextmanager
def site(directory: Path, broker: RunningBroker) -> Iterator[Site]:
    found = Site(directory, broker)
    try:
        found.set_up()
        yield found
    finally:
        for home in found.homes.values():
            home.end()
        found.manager.kill()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, rabbitmq: RunningBroker) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site"), rabbitmq) as found:
        yield found


def test_a_revision_goes_to_the_canary_and_then_to_the_others(place: Site) -> None:
    revision = place.commit("second")
    assert place.live() == dict.fromkeys(NODES, revision - 1), "nobody has it by itself"
    place.start(revision)

    wait(lambda: place.phase() == "done", "it is done", SECONDS)

    assert place.live() == dict.fromkeys(NODES, revision)
    told = place.manager.rows(FACTS)
    assert told[:3] == [("", "running"), ("mta1", "ordered"), ("mta1", "applied")]
    assert told[-1] == ("", "done")


def test_a_bad_revision_is_back_within_seconds_and_nobody_else_ever_ran_it(place: Site) -> None:
    before = place.live()["mta1"]
    revision = place.commit("broken")
    began = time.monotonic()
    place.start(revision)

    wait(lambda: place.phase() == "turned_back", "it turned back", SECONDS)

    print(f"{time.monotonic() - began:.2f} s from the start to the end of the rollout")
    told = place.manager.rows(
        "SELECT outcome FROM configs_application WHERE revision = ?", revision
    )
    assert told == [("turned_back",)]
    assert place.live() == dict.fromkeys(NODES, before)
    assert "broken" in place.ran("mta1").read_text()
    for other in ("mta2", "mta3"):
        assert "broken" not in place.ran(other).read_text()


def test_a_manager_that_is_killed_again_and_again_goes_on(place: Site) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    dice = random.Random(seed)
    for number in range(2):
        bad = number == 1
        before = place.live()["mta1"]
        revision = place.commit("broken again" if bad else f"fine {seed}")
        place.start(revision)
        kills = 0
        while place.phase() not in ("done", "turned_back") and kills < 6:
            time.sleep(dice.uniform(0.1, 2.5))
            place.manager.kill()
            listen(place.manager)
            kills += 1
        wait(lambda: place.phase() in ("done", "turned_back"), "it ends", SECONDS * 2)

        assert place.phase() == ("turned_back" if bad else "done")
        assert place.live() == dict.fromkeys(NODES, before if bad else revision)
    for other in ("mta2", "mta3"):
        assert "broken" not in place.ran(other).read_text()
