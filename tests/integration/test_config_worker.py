"""A node's worker and its configuration, with a real broker, real repositories and real deaths."""

import contextlib
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pika
import pytest
from celery import Celery
from pika.exceptions import AMQPError

from tests.integration import node_parts
from tests.integration.brokers import CLUSTER, SUBCLUSTER, RunningBroker
from tests.integration.configuring import Heard, Manager, ears, live
from tests.integration.node_parts import KEY, Home, push, sender, text, wait
from tests.unit.repository.stage import contents, sound
from workers.bus.exchanges import config_exchange
from workers.bus.signing import HEADER, Signer
from workers.config.core.messages import ORDER, Applied, Edited, Order, Standing
from workers.config.core.reports import Outcome
from workers.exit_codes import Exit
from workers.failover.tasks import DEFINE
from workers.repository.repository import Repository

WORKER = "workers.celery"
DEATHS = int(os.environ.get("DEATHS", "8"))
SEED = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
STOP_SECONDS = 20.0
BACK_SECONDS = 30.0


@contextlib.contextmanager
def at_home(directory: Path, *brokers: str, table: str = "") -> Iterator[Home]:
    home = Home(directory / "mta1", brokers)
    home.lay_down()
    with home.config.open("a") as file:
        file.write(f"\n[configuration]\nsave_seconds = 1\n{table}")
    try:
        yield home
    finally:
        home.end()
    for url in brokers:
        # What waits must not reach the next test; where no broker is, nothing waits.
        with (
            contextlib.suppress(AMQPError),
            pika.BlockingConnection(pika.URLParameters(url)) as one,
        ):
            one.channel().queue_purge("node.mta1")


@pytest.fixture
def manager(tmp_path: Path) -> Manager:
    return Manager(tmp_path / "manager.git")


def send(app: Celery, order: Order, **values: Any) -> None:
    """Send an order to the node, as managers do."""
    argument = {**msgspec.to_builtins(order), **values}
    node_parts.send(app, ORDER, [argument], expiration=60)


def test_an_order_is_taken_applied_and_told_by_the_node_itself(
    tmp_path: Path, rabbitmq: RunningBroker, manager: Manager
) -> None:
    users: set[str] = set()
    first = manager.commit(main_cf_j2="{{ node.name }}\n")
    with (
        at_home(tmp_path, rabbitmq.url("mta1")) as home,
        ears(rabbitmq.url("manager"), users) as heard,
        contextlib.closing(sender(rabbitmq.url("manager"))) as app,
    ):
        worker = home.start(WORKER)
        assert heard.wait(Standing).number == 0
        send(app, manager.order())
        heard.applied(1)
        assert heard.at_rest(1).commit == first.hash
        assert users == {"mta1"}
        assert live(home.state / "config") == {"main.cf": b"mta1\n"}
        worker.terminate()
        assert worker.wait(STOP_SECONDS) == Exit.OK

        mark = len(heard.messages)
        home.start(WORKER)
        told = heard.wait(Standing, after=mark)
        assert (told.number, told.live, told.target) == (1, 1, 0)


def test_what_is_no_order_for_this_node_is_refused_and_the_worker_lives(
    tmp_path: Path, rabbitmq: RunningBroker, manager: Manager
) -> None:
    manager.commit(main_cf="1\n")
    with (
        at_home(tmp_path, rabbitmq.url("mta1")) as home,
        ears(rabbitmq.url("manager"), set()) as heard,
        contextlib.closing(sender(rabbitmq.url("manager"))) as app,
    ):
        worker = home.start(WORKER)
        heard.wait(Standing)
        send(app, manager.order(), subcluster="second")
        for arguments in ([], [None], ["x"], [{}], [[1] * 1_000], [{"pack": "x" * 100}], [1, 2, 3]):
            node_parts.send(app, ORDER, arguments)
        send(app, manager.order(), pack="A" * 2_000_000, size=1_500_000)
        send(app, manager.order(), commit="HEAD")
        send(app, manager.order(), target=-1)
        send(app, manager.order())
        heard.applied(1)
        assert worker.poll() is None
        wait(lambda: home.said().count("an order is refused") == 11, "each is said")
        assert "it is for subcluster 'second', this node is in default" in home.said()


def test_what_no_manager_signed_for_this_node_is_refused_and_counted(
    tmp_path: Path, rabbitmq: RunningBroker, manager: Manager
) -> None:
    manager.commit(main_cf="1\n")
    argument = msgspec.to_builtins(manager.order())
    definitions = [SUBCLUSTER, 1, text(1)]
    key, foreign = bytes.fromhex(KEY), b"f" * 32

    def signed(task: str, node: str = "mta1", cluster: str = CLUSTER, by: bytes = key) -> Any:
        arguments = definitions if task == DEFINE else [argument]
        return Signer(cluster, [by]).headers(task, node, arguments)

    with (
        at_home(tmp_path, rabbitmq.url("mta1")) as home,
        ears(rabbitmq.url("manager"), set()) as heard,
        contextlib.closing(sender(rabbitmq.url("manager"))) as app,
    ):
        home.start(WORKER)
        heard.wait(Standing)
        headers = [
            *({}, {HEADER: ""}, {HEADER: [1]}, signed(ORDER, by=foreign)),
            *(signed(ORDER, "mta2"), signed(ORDER, cluster="another"), signed(DEFINE)),
        ]
        for one in headers:
            app.send_task(ORDER, [argument], queue="node.mta1", headers=one)
        changed = [{**argument, "ordered": True}]
        app.send_task(ORDER, changed, queue="node.mta1", headers=signed(ORDER))
        app.send_task(ORDER, [argument], {"a": 1}, queue="node.mta1", headers=signed(ORDER))
        app.send_task(DEFINE, definitions, queue="node.mta1")
        app.send_task(DEFINE, definitions, queue="node.mta1", headers=signed(ORDER))
        send(app, manager.order())
        heard.applied(1)
        assert heard.at_rest(1).refused == len(headers) + 4
        assert home.revision() == 0
        assert home.said().count("not signed; if a manager sent it") == 2  # the first, the tenth


def test_while_the_key_changes_old_and_new_are_taken(
    tmp_path: Path, rabbitmq: RunningBroker, manager: Manager
) -> None:
    new, first = b"n" * 32, manager.commit(main_cf="1\n")
    with (
        at_home(tmp_path, rabbitmq.url("mta1")) as home,
        ears(rabbitmq.url("manager"), set()) as heard,
        contextlib.closing(sender(rabbitmq.url("manager"))) as app,
    ):
        with (home.directory / "key").open("a") as file:
            file.write(new.hex() + "\n")
        home.start(WORKER)
        send(app, manager.order())
        heard.applied(1)
        manager.commit(main_cf="2\n")
        arguments = [msgspec.to_builtins(manager.order(first))]
        headers = Signer(CLUSTER, [new]).headers(ORDER, "mta1", arguments)
        app.send_task(ORDER, arguments, queue="node.mta1", headers=headers)
        heard.applied(2)


def test_a_report_that_a_death_kept_from_being_told_is_told_by_the_next_run(
    tmp_path: Path, rabbitmq: RunningBroker, manager: Manager
) -> None:
    manager.commit(main_cf="1\n")
    with (
        at_home(tmp_path, rabbitmq.url("mta1")) as home,
        ears(rabbitmq.url("manager"), set()) as heard,
        contextlib.closing(sender(rabbitmq.url("manager"))) as app,
    ):
        worker = home.start(WORKER)
        send(app, manager.order())
        told = heard.applied(1).report
        heard.at_rest(1)
        worker.kill()
        worker.wait(STOP_SECONDS)
        mark = len(heard.messages)
        home.start(WORKER)
        again = heard.wait(Applied, after=mark)
        assert told.key
        assert (again.report.key, again.report.outcome) == (told.key, told.outcome)
        assert again.report.seconds.keys() < told.seconds.keys()  # all but the last step


def test_drift_is_told_and_the_definitions_of_the_agent_go_on(
    tmp_path: Path, rabbitmq: RunningBroker, manager: Manager
) -> None:
    manager.commit(main_cf="1\n")
    with (
        at_home(tmp_path, rabbitmq.url("mta1")) as home,
        ears(rabbitmq.url("manager"), set()) as heard,
        contextlib.closing(sender(rabbitmq.url("manager"))) as app,
    ):
        home.start(WORKER)
        send(app, manager.order())
        heard.at_rest(1)
        home.state.joinpath("config/current/main.cf").write_text("by hand\n")
        edit = heard.wait(Edited)
        assert (edit.path, edit.content, edit.live) == ("main.cf", b"by hand\n", 1)
        assert heard.wait(Standing, lambda m: m.drift_count).drift[0].path == "main.cf"
        push(app, 1)
        wait(lambda: home.revision() == 1, "definitions are put where the agent reads them")


def test_a_bad_table_is_said_with_its_line(tmp_path: Path) -> None:
    url = "amqp://mta1:secret@127.0.0.1:1/"
    with at_home(tmp_path, url, table='profile = "exim"\n') as home:
        assert home.start(WORKER).wait(STOP_SECONDS) == Exit.USAGE
        assert "node.toml:11: configuration: profile is 'exim'; write one of" in home.said()


def test_a_broker_that_is_away_costs_nothing_but_time(
    tmp_path: Path, spare: RunningBroker, manager: Manager
) -> None:
    gate = tmp_path / "gate"
    words = ["/bin/sh", "-c", f"until [ -e {gate} ]; do sleep 0.1; done"]
    table = f'profile = "command"\nreload = {json.dumps(words)}\n'
    first = manager.commit(main_cf="1\n")
    with at_home(tmp_path, spare.url("mta1"), table=table) as home:
        with (
            ears(spare.url("manager"), set(), kept=True) as heard,
            contextlib.closing(sender(spare.url("manager"))) as app,
        ):
            worker = home.start(WORKER)
            send(app, manager.order())
            heard.wait(Standing, lambda m: m.busy and m.number == 1)
        spare.signal(signal.SIGKILL)
        gate.touch()
        wait(lambda: "r1 is applied" in home.said(), "it goes on without a broker", BACK_SECONDS)
        spare.start()
        spare.wait_ready()
        with (
            ears(spare.url("manager"), set(), kept=True) as heard,
            contextlib.closing(sender(spare.url("manager"))) as app,
        ):
            heard.applied(1)
            heard.at_rest(1)
            manager.commit(main_cf="2\n")
            send(app, manager.order(first))
            heard.applied(2)
            assert heard.at_rest(2).number == 2
        assert worker.poll() is None
    with pika.BlockingConnection(pika.URLParameters(spare.url("manager"))) as one:
        one.channel().queue_delete(config_exchange(CLUSTER, SUBCLUSTER))


@pytest.mark.timeout(1800)
def test_a_worker_killed_at_any_instant_leaves_all_whole_and_tells_so(
    tmp_path: Path, rabbitmq: RunningBroker, manager: Manager
) -> None:
    print(f"SEED={SEED} DEATHS={DEATHS}")
    chance = random.Random(SEED)
    manager.commit(main_cf="1\n", maps="a b\n" * 3_000)
    with (
        at_home(tmp_path, rabbitmq.url("mta1")) as home,
        ears(rabbitmq.url("manager"), set()) as heard,
        contextlib.closing(sender(rabbitmq.url("manager"))) as app,
    ):
        worker = home.start(WORKER)
        heard.wait(Standing)
        send(app, manager.order())
        heard.at_rest(1)
        found: Counter[tuple[bool, bool]] = Counter()
        for number in range(2, 2 + DEATHS):
            held = Repository.open(home.state / "config.git").head()
            manager.commit(main_cf=f"{number}\n", maps=f"{number} b\n" * 3_000)
            send(app, manager.order(held))
            time.sleep(chance.uniform(0.0, 0.5))
            worker.kill()
            worker.wait(STOP_SECONDS)
            found[look(home, manager, number)] += 1
            mark = len(heard.messages)
            worker = home.start(WORKER)
            told = heard.wait(Standing, lambda m: not m.busy, mark)
            look(home, manager, told.number)
            agree(home, manager, told)
            catch_up(heard, app, manager, told)
        assert home.said().count("mistake of Muster's") == 0
    print("killed when (replica, tree) had the new revision:", dict(found))


def look(home: Home, manager: Manager, newest: int) -> tuple[bool, bool]:
    """Whether replica and tree are whole, whatever they are; which of them is the newest."""
    assert sound(home.state / "config.git")
    head = Repository.open(home.state / "config.git").head()
    assert head is not None
    assert head == manager.repository.revision(head.number)
    assert head.number <= newest
    revision = int(live(home.state / "config")["main.cf"])
    assert live(home.state / "config") == of_nodes(manager, revision)
    return head.number == newest, revision == newest


def agree(home: Home, manager: Manager, told: Standing) -> None:
    """Whether what is told is what is there."""
    head = Repository.open(home.state / "config.git").head()
    assert head is not None
    assert head.number >= told.number
    assert told.trouble == ""
    assert told.drift == ()
    assert live(home.state / "config") == of_nodes(manager, told.live) or head.number > told.live


def of_nodes(manager: Manager, revision: int) -> dict[str, bytes]:
    """The files of every node at a revision."""
    found = contents(manager.repository, revision).items()
    return {path[7:]: content for path, content in found if path.startswith("global/")}


def catch_up(heard: Heard, app: Celery, manager: Manager, told: Standing) -> None:
    """Send what the node lacks, as it told, and wait until it is live."""
    head = manager.repository.head()
    assert head is not None
    since = manager.repository.revision(told.number) if told.number else None
    send(app, manager.order(since))
    heard.wait(Standing, lambda m: m.live == m.number == head.number and not m.busy)
    assert Outcome.STRANDED not in [applied.report.outcome for applied in heard.of(Applied)]
