"""Hosts that become nodes for real: RabbitMQ's own accounts, managers as processes, the command.

Two managers on one database stand for two that are asked at once. A broker is stopped, killed and
brought back; a manager is killed at random instants (MUSTER_SEED repeats them).
"""

import contextlib
import dataclasses
import json
import os
import random
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pika
import pika.exceptions
import pytest

from tests.integration.brokers import RunningBroker
from tests.integration.managing import ADMIN, PASSWORD, Manager, free_port
from workers.bus.exchanges import NODE_QUEUE_ARGUMENTS, heartbeat_exchange, node_queue
from workers.bus.keys import load_keys
from workers.failover.core.definitions_text import parse
from workers.failover.settings import Settings, read_settings

MUSTER = Path(sys.executable).with_name("muster")
PATIENCE_SECONDS = 60.0
ROUNDS = 4
CLUSTER, SUBCLUSTER = "demo", "default"
LOOK = """
from datetime import timedelta
from cluster_admin.joining import leaving
leaving.look(timezone.now())
leaving.look(timezone.now() + timedelta(seconds=61))
"""
HASH_AGAIN = """
from cluster_admin.accounts.models import User
user = User.objects.get(username=sys.argv[1])
user.set_password(sys.argv[2])
user.save()
"""
"""The manager was laid down with settings that hash in another way."""
LET_GO = """
from cluster_admin.joining.models import BrokerAccount
BrokerAccount.objects.update(held_at=None)
"""
"""What the minute does that a hold of a dead manager lasts."""


@dataclass
class Site:
    """A broker, two managers on one database, and an administrator's token."""

    directory: Path
    broker: RunningBroker
    managers: tuple[Manager, Manager]
    token: str = ""
    count: int = 0
    seed: int = field(default_factory=lambda: int(os.environ.get("MUSTER_SEED", "7")))

    def ask(self, method: str, where: str, body: Any = None, manager: int = 0) -> httpx.Response:
        return httpx.request(
            method,
            f"{self.managers[manager].url}/api/v1/{where}",
            json=body,
            headers={"Authorization": f"Bearer {self.token}"} if self.token else {},
            timeout=PATIENCE_SECONDS,
        )

    def new_node(self) -> str:
        self.count += 1
        name = f"new{self.count}"
        address = f"198.18.0.{200 + self.count}"
        body = {"name": name, "subcluster": SUBCLUSTER, "address": address}
        assert self.ask("POST", "nodes/", body).status_code == 201
        return name

    def new_token(self, node: str) -> str:
        made = self.ask("POST", f"nodes/{node}/join-token/", {})
        assert made.status_code == 201, made.text
        return str(made.json()["token"])

    def redeem(self, token: str, attempt: str, manager: int = 0) -> httpx.Response:
        return self.ask("POST", "join/", {"token": token, "attempt": attempt}, manager)

    def join(self, token: str, place: str, *more: str, manager: int = 0) -> "Ended":
        """Run the command as on a host whose files are in `place`."""
        home = self.directory / place
        words = [
            *(str(MUSTER), "node", "join", self.managers[manager].url, "--token", token),
            *("--directory", str(home / "etc"), "--state", str(home / "state")),
            *("--socket", str(home / "muster.sock"), "--no-start", "-o", "json", *more),
        ]
        return subprocess.run(
            words, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )

    def settings(self, place: str) -> Settings:
        return read_settings(self.directory / place / "etc" / "node.toml")


Ended = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Everything, started once; whoever ill-treats a part has it well again at the end."""
    directory = tmp_path_factory.mktemp("joining")
    broker = RunningBroker.laid_down(directory / "rabbitmq", managed=True)
    first = Manager.laid_down(directory)
    key = directory / "cluster.key"
    key.touch(0o600)
    key.write_text(secrets.token_hex(32) + "\n")
    first.environment |= {
        "DJANGO_SETTINGS_MODULE": "cluster_admin.settings.production",
        "MUSTER_SECRET_KEY": secrets.token_hex(32),
        "MUSTER_ALLOWED_HOSTS": "127.0.0.1",
        "MUSTER_PLAIN_HTTP": "1",
        "MUSTER_CLUSTER": CLUSTER,
        "MUSTER_KEY_FILE": str(key),
        "MUSTER_BROKER_URL": broker.url("manager"),
        "MUSTER_BROKER_MANAGEMENT_URL": broker.management_url,
    }
    second = dataclasses.replace(first, port=free_port())
    site = Site(directory, broker, (first, second))
    try:
        broker.start()
        broker.wait_ready()
        for manager in site.managers:
            manager.start()
        first.code(HASH_AGAIN, ADMIN, PASSWORD)
        login = {"username": ADMIN, "password": PASSWORD}
        site.token = site.ask("POST", "login/", login).json()["token"]
        yield site
    finally:
        for manager in site.managers:
            manager.kill()
        broker.stop()


@contextlib.contextmanager
def channel(settings: Settings) -> Iterator[Any]:
    """A channel with a node's account."""
    with pika.BlockingConnection(pika.URLParameters(settings.brokers[0])) as connection:
        yield connection.channel()


def lets_in(urls: Sequence[str]) -> bool:
    """Whether the broker knows that account and password."""
    try:
        with pika.BlockingConnection(pika.URLParameters(urls[0])):
            return True
    except pika.exceptions.ProbableAuthenticationError:
        return False


def test_a_host_becomes_a_node_that_may_do_its_own_and_no_more(site: Site) -> None:
    node = site.new_node()
    token = site.new_token(node)

    done = site.join(token, "whole")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["node"] == node
    settings = site.settings("whole")
    assert (settings.cluster, settings.subcluster, settings.node) == (CLUSTER, SUBCLUSTER, node)
    assert load_keys(settings.key_file) == load_keys(site.directory / "cluster.key")
    found = parse((settings.state_directory / "definitions.toml").read_text(), "definitions")
    assert node in found.nodes
    room = heartbeat_exchange(CLUSTER, SUBCLUSTER)
    with channel(settings) as mine:
        mine.queue_declare(node_queue(node), durable=True, arguments=NODE_QUEUE_ARGUMENTS)
        mine.confirm_delivery()
        mine.basic_publish(room, "", b"hello", pika.BasicProperties(user_id=node))
    deeds: tuple[Callable[[Any], object], ...] = (
        lambda mine: mine.queue_declare(node_queue("mta1")),
        lambda mine: mine.exchange_delete(room),
        lambda mine: mine.basic_publish(room, "", b"x", pika.BasicProperties(user_id="mta1")),
    )
    for deed in deeds:
        with channel(settings) as mine:
            mine.confirm_delivery()
            with pytest.raises(pika.exceptions.ChannelClosedByBroker):
                deed(mine)
    for secret in (token, settings.brokers[0]):
        assert secret not in (site.directory / "web.log").read_text()


def test_a_used_token_is_refused_on_another_host(site: Site) -> None:
    token = site.new_token(site.new_node())
    assert site.join(token, "first").returncode == 0

    done = site.join(token, "second")

    assert done.returncode == 3
    assert "was used by another host or attempt" in done.stderr
    assert not (site.directory / "second" / "etc" / "node.toml").exists()
    assert lets_in(site.settings("first").brokers)


def test_a_host_whose_disk_died_joins_with_a_new_token_and_the_old_account_is_dead(
    site: Site,
) -> None:
    node = site.new_node()
    assert site.join(site.new_token(node), "before").returncode == 0
    old = pika.BlockingConnection(pika.URLParameters(site.settings("before").brokers[0]))
    assert site.join(site.new_token(node), "after").returncode == 0

    with pytest.raises(pika.exceptions.AMQPConnectionError):
        old.process_data_events(time_limit=10)
    assert lets_in(site.settings("after").brokers)
    assert not lets_in(site.settings("before").brokers)


def test_an_account_of_another_cluster_is_not_taken(site: Site) -> None:
    token = site.new_token("mta1")  # the broker's is one of cluster "test"

    done = site.join(token, "foreign")

    assert done.returncode == 1
    assert "with other rights than a node of demo" in done.stderr
    assert lets_in([site.broker.url("mta1")])


@contextlib.contextmanager
def hung(broker: RunningBroker) -> Iterator[None]:
    """Nothing is answered, and every connection stays."""
    broker.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        broker.signal(signal.SIGCONT)


@contextlib.contextmanager
def dead(broker: RunningBroker) -> Iterator[None]:
    """The broker has lost its power; afterwards it is back."""
    broker.signal(signal.SIGKILL)
    try:
        yield
    finally:
        broker.start()
        broker.wait_ready()


@pytest.mark.parametrize("fault", [hung, dead])
def test_a_broker_that_is_away_uses_nothing_up(site: Site, fault: Callable[..., Any]) -> None:
    node = site.new_node()
    token = site.new_token(node)

    with fault(site.broker):
        done = site.join(token, f"away-{node}")
    assert done.returncode == 1
    assert "cannot be given its broker account now" in done.stderr
    assert "secret-administrator" not in done.stderr

    assert site.join(token, f"away-{node}").returncode == 0
    assert lets_in(site.settings(f"away-{node}").brokers)


def at_once(site: Site, attempts: Sequence[str]) -> list[httpx.Response]:
    """A new token, shown with all attempts at once, to both managers in turn."""
    token = site.new_token(site.new_node())

    def redeem(number: int) -> httpx.Response:
        return site.redeem(token, attempts[number], number % 2)

    with ThreadPoolExecutor(len(attempts)) as pool:
        return list(pool.map(redeem, range(len(attempts))))


def test_two_managers_that_are_asked_at_once_make_one_node(site: Site) -> None:
    for _ in range(ROUNDS):
        answers = at_once(site, [secrets.token_hex(16) for _ in range(4)])

        good = [answer for answer in answers if answer.status_code == 200]
        assert len(good) == 1, [answer.text[:200] for answer in answers]
        assert {answer.status_code for answer in answers} <= {200, 403, 503}
        assert lets_in(good[0].json()["brokers"])


def test_one_attempt_that_is_sent_twice_gets_one_answer(site: Site) -> None:
    for _ in range(ROUNDS):
        answers = at_once(site, [secrets.token_hex(16)] * 4)

        good = {answer.text for answer in answers if answer.status_code == 200}
        assert len(good) == 1
        assert {answer.status_code for answer in answers} <= {200, 503}
        assert lets_in(json.loads(good.pop())["brokers"])


def test_a_manager_that_is_killed_at_any_instant_loses_nothing(site: Site) -> None:
    chance = random.Random(site.seed)
    manager = site.managers[0]
    for number in range(ROUNDS):
        token, place = site.new_token(site.new_node()), f"killed-{number}"
        timer = threading.Timer(chance.uniform(0.4, 1.4), manager.kill)
        timer.start()
        site.join(token, place)
        timer.join()
        manager.start()
        manager.code(LET_GO)

        done = site.join(token, place)

        assert done.returncode == 0 or "a node already" in done.stderr, (site.seed, done.stderr)
        assert lets_in(site.settings(place).brokers), f"MUSTER_SEED={site.seed}, {number}"
        assert not (site.directory / place / "etc" / "join.json").exists()


def test_a_removed_node_is_locked_out_and_its_queue_goes(site: Site) -> None:
    node = site.new_node()
    assert site.join(site.new_token(node), "removed").returncode == 0
    settings = site.settings("removed")
    site.managers[0].code("from cluster_admin.joining import leaving; leaving.look(timezone.now())")
    connection = pika.BlockingConnection(pika.URLParameters(settings.brokers[0]))
    connection.channel().queue_declare(
        node_queue(node), durable=True, arguments=NODE_QUEUE_ARGUMENTS
    )
    assert site.ask("DELETE", f"nodes/{node}/?force=1").status_code == 204

    site.managers[0].code(LOOK)

    with pytest.raises(pika.exceptions.AMQPConnectionError):
        connection.process_data_events(time_limit=10)
    assert not lets_in(settings.brokers)
    queues = httpx.get(f"{site.broker.management_url}/api/queues").json()
    assert node_queue(node) not in [queue["name"] for queue in queues]
    assert lets_in([site.broker.url("mta2")])


def test_expired_and_foreign_tokens_are_refused(site: Site) -> None:
    node = site.new_node()
    token = site.new_token(node)
    site.managers[0].code(
        "from cluster_admin.joining.models import JoinToken\n"
        "JoinToken.objects.filter(node__name=sys.argv[1]).update(expires_at=timezone.now())",
        node,
    )

    expired = site.join(token, "late")
    foreign = site.join(f"muster_join_{'0' * 16}_{'x' * 43}", "late")

    assert (expired.returncode, foreign.returncode) == (3, 3)
    assert "has expired" in expired.stderr
    assert "knows no such token" in foreign.stderr
