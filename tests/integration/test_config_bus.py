"""A commit on its way to replicas and back: real broker, real listener, real repositories."""

import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.brokers import RunningBroker
from tests.integration.managers import ROOT, Manager
from tests.integration.node_parts import wait
from tests.integration.replicas import ScriptedNode, report
from workers.bus.codec import Codec
from workers.config.core.messages import PART_BYTES, Applied, Edited, Message
from workers.config.core.reports import Outcome

BEGIN = """
import sys
import django; django.setup()
from cluster_admin.audit.actor import Actor
from cluster_admin.configs import deploying, services, store
from cluster_admin.configs.waiting import wait_for_replica
from cluster_admin.inventory.models import Node, Subcluster
from workers.repository.core.changes import Entry
actor = Actor("tester")
"""
COMMIT = """
path, text = sys.argv[1:3]
base = store.repository().head().number
made = services.commit(actor, {path: Entry(text.encode())}, "test", base=base)
print(made.revision.number, *wait_for_replica(made.revision.number))
"""
COMMIT_FILE = """
from pathlib import Path
base = store.repository().head().number
entry = Entry(Path(sys.argv[2]).read_bytes())
print(services.commit(actor, {sys.argv[1]: entry}, "test", base=base).revision.number)
"""
DEPLOY = """
print(deploying.deploy(actor, Subcluster.objects.get(), revision=int(sys.argv[1])).revision)
"""
APPLY = """
deploying.apply(actor, Node.objects.get(name=sys.argv[1]), over_edits=True)
print(1)
"""
STANDS = "SELECT node, number, target FROM configs_replica ORDER BY node"
APPLICATIONS = "SELECT node, revision, outcome FROM configs_application ORDER BY id"
LIVE = "SELECT live FROM configs_replica WHERE node = 'mta1'"
EDITS = "SELECT node, path FROM configs_edit ORDER BY node, path"


def run(manager: Manager, code: str, *words: str) -> list[str]:
    """What a few lines in a process of the manager print, in words."""
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + code, *words],
        env=manager.environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.fixture(scope="module")
def database(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq: RunningBroker
) -> Iterator[Manager]:
    """A manager's database and repository, with definitions."""
    manager = Manager(tmp_path_factory.mktemp("manager"), [rabbitmq.url("manager")])
    manager.set_up()
    yield manager
    manager.kill()


@pytest.fixture
def manager(database: Manager) -> Iterator[Manager]:
    """The same with its listener, which hears nodes."""
    listen(database)
    yield database
    database.kill()


def listen(manager: Manager) -> None:
    manager.errors.write_text("")
    manager.start()
    wait(lambda: "configuration: heard at" in manager.errors.read_text(), "it hears")


@pytest.fixture
def node(manager: Manager, rabbitmq: RunningBroker, tmp_path: Path) -> Iterator[ScriptedNode]:
    """A node with a replica of its own, up to date."""
    with ScriptedNode("mta1", rabbitmq, manager.key, tmp_path / "mta1.git") as found:
        wait(lambda: found.number == newest(manager), "it has all that there is")
        yield found


def newest(manager: Manager) -> int:
    return int(manager.rows("SELECT max(number) FROM configs_revision")[0][0])


def stands(manager: Manager) -> dict[str, tuple[int, int]]:
    return {node: (number, target) for node, number, target in manager.rows(STANDS)}


def test_a_commit_reaches_a_replica_and_is_acknowledged(
    manager: Manager, node: ScriptedNode
) -> None:
    node.orders.clear()
    number, *holders = run(manager, COMMIT, "global/motd", "hello")

    assert holders == ["mta1"]
    assert node.number == int(number)
    assert node.replica.read(int(number), "global/motd") == b"hello"
    assert [order.target for order in node.orders] == [int(number)]
    assert 0 < node.orders[0].size == len(node.orders[0].pack) < 4_000, "a thin pack"


def test_a_node_that_was_away_catches_up(
    manager: Manager, rabbitmq: RunningBroker, tmp_path: Path
) -> None:
    run(manager, COMMIT, "global/motd", "while it was away")
    with ScriptedNode("mta2", rabbitmq, manager.key, tmp_path / "mta2.git") as node:
        seconds = wait(lambda: node.number == newest(manager), "it has all")

    assert seconds < 3.0, "it is told as soon as it is back"


def test_a_lost_task_is_sent_again(manager: Manager, node: ScriptedNode) -> None:
    node.deaf = True
    run(manager, COMMIT, "global/motd", "nobody heard of it")
    node.deaf = False

    wait(lambda: node.number == newest(manager), "it is told again")
    wait(lambda: stands(manager)["mta1"] == (newest(manager),) * 2, "and the manager knows")


def test_a_large_pack_comes_in_parts(manager: Manager, node: ScriptedNode, tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(random.Random(5).randbytes(3 * PART_BYTES))
    node.orders.clear()
    run(manager, COMMIT_FILE, "global/large", str(file))

    wait(lambda: node.number == newest(manager), "it has all parts")
    assert max(len(order.pack) for order in node.orders) == PART_BYTES
    assert len(node.orders) >= 4


def test_what_was_told_while_no_listener_ran_is_kept_once(
    manager: Manager, node: ScriptedNode
) -> None:
    before = len(manager.rows(APPLICATIONS))
    manager.kill()
    told: list[Message] = [
        Applied(node="mta1", started_at="2026-01-01T00:00:00.000Z", sequence=n, report=report(n))
        for n in (1, 2, 3)
    ]
    node.tell(*told, told[0], told[2])
    listen(manager)

    wait(lambda: len(manager.rows(APPLICATIONS)) == before + 3, "all are there")
    node.tell(*told)
    node.tell(node.standing(live=77))
    wait(lambda: manager.rows(LIVE) == [(77,)], "it goes on")
    assert manager.rows(APPLICATIONS)[before:] == [("mta1", n, Outcome.APPLIED) for n in (1, 2, 3)]


def test_a_listener_that_is_killed_again_and_again_loses_nothing(
    manager: Manager, node: ScriptedNode
) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    dice = random.Random(seed)
    before = len(manager.rows(APPLICATIONS))
    sequence = 0
    for _ in range(4):
        for _ in range(25):
            sequence += 1
            started_at = "2026-01-02T00:00:00.000Z"
            one = report(sequence)
            node.tell(Applied(node="mta1", started_at=started_at, sequence=sequence, report=one))
        count = before + dice.randrange(sequence)
        wait(lambda least=count: len(manager.rows(APPLICATIONS)) >= least, "some are there")  # type: ignore[misc]
        manager.kill()
        listen(manager)

    wait(lambda: len(manager.rows(APPLICATIONS)) == before + sequence, "all are there")


def test_while_the_database_refuses_nothing_is_lost(manager: Manager, node: ScriptedNode) -> None:
    def rename(old: str, new: str) -> None:
        path = manager.directory / "muster.sqlite3"
        with closing(sqlite3.connect(path, timeout=20)) as database:
            database.execute(f"ALTER TABLE {old} RENAME TO {new}")

    before = len(manager.rows(APPLICATIONS))
    rename("configs_application", "aside")
    started_at = "2026-01-05T00:00:00.000Z"
    node.tell(Applied(node="mta1", started_at=started_at, sequence=1, report=report(1)))
    said = "the database does not take what is heard"
    wait(lambda: said in manager.errors.read_text(), "it is said")
    rename("aside", "configs_application")

    wait(lambda: len(manager.rows(APPLICATIONS)) == before + 1, "it is kept after all")


def test_rubbish_and_forged_senders_are_dropped_and_counted(
    manager: Manager, node: ScriptedNode, rabbitmq: RunningBroker, tmp_path: Path
) -> None:
    foreign: Codec[Message] = Codec("other", "default", [manager.key], Message)
    unsigned: Codec[Message] = Codec("test", "default", [b"x" * 32], Message)
    standing = node.standing(live=99)
    forged = node.standing(live=99, node="mta3")
    before = stands(manager)
    node.tell(b"", b"rubbish", foreign.encode(standing), unsigned.encode(standing), forged)

    said = "mta1: messages about configuration refused so far: "
    wait(lambda: said in manager.errors.read_text(), "it is said")
    node.tell(node.standing(live=42))
    wait(lambda: manager.rows(LIVE) == [(42,)], "an honest word counts")
    assert stands(manager).keys() == before.keys()
    assert manager.rows("SELECT count(*) FROM configs_replica WHERE live = 99") == [(0,)]


def test_edits_come_and_go(manager: Manager, node: ScriptedNode) -> None:
    started_at = "2026-01-03T00:00:00.000Z"
    edits = [
        Edited(node="mta1", started_at=started_at, sequence=n, live=1, path=path, content=b"x")
        for n, path in enumerate(("main.cf", "sub/access"), 1)
    ]
    node.tell(*edits)
    kept = [("mta1", "main.cf"), ("mta1", "sub/access")]
    wait(lambda: manager.rows(EDITS) == kept, "they are kept")
    node.tell(node.standing())
    wait(lambda: manager.rows(EDITS) == [], "nothing differs any more")


def test_deploying_by_hand_and_applying(manager: Manager, node: ScriptedNode) -> None:
    assert run(manager, DEPLOY, "1") == ["1"]
    wait(lambda: stands(manager)["mta1"][1] == 1, "it goes back")
    order = node.orders[-1]
    assert (order.target, order.ordered, order.backwards) == (1, True, True)
    run(manager, COMMIT, "global/motd", "not deployed")
    wait(lambda: stands(manager)["mta1"] == (newest(manager), 1), "it has it, and not live")
    run(manager, APPLY, "mta1")
    wait(lambda: node.orders[-1].over_edits, "somebody insists")
    assert node.orders[-1].target == 1
