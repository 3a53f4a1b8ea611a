"""The Celery worker `node@N` of a node: what managers want done there, one task at a time.

    python -m workers.celery --config NODE.toml

It takes from queue `node.N` alone, JSON alone, signed with a cluster key for this node alone, and
declares nothing else on the broker. It runs for ever, through any number of brokers' deaths;
failover does without it. Tasks may come twice.
"""

import argparse
import logging
import os
import secrets
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from celery import Celery, Task
from celery.worker.consumer import Consumer

from workers.bus.celery_parts import TaskAmqp, task_queue
from workers.bus.connection import broker_parameters
from workers.bus.errors import BusError
from workers.bus.exchanges import node_queue
from workers.bus.keys import load_keys
from workers.bus.signing import HEADER, Signer
from workers.config.core.messages import ORDER, Order
from workers.config.core.orders import OrderRefusedError, read_order
from workers.config.desk import Desk, Identity
from workers.config.settings import Configuration, configuration
from workers.config.speaking import Speaker
from workers.exit_codes import Exit
from workers.failover.core.definitions_text import parse
from workers.failover.errors import FailoverError
from workers.failover.settings import CONFIGURATION, Settings, read_file, read_settings
from workers.failover.tasks import DEFINE, define

CONFIG_VARIABLE = "MUSTER_NODE_CONFIG"
CONNECT_SECONDS = 2.0
"""How long a broker may take to let us in."""
HEARTBEAT_SECONDS = 2
"""A broker silent for twice as long is left: a hung one keeps its TCP connection."""
USER_TIMEOUT_MS = 2_000
"""Bytes that the broker's host does not acknowledge for so long end the connection."""
QUIET_SECONDS = 60.0

log = logging.getLogger("muster")


class StrictConsumer(Consumer):  # type: ignore[misc]
    """Refuses what Celery would die of: a message that stays is met again by the next process."""

    def create_task_handler(self, *arguments: Any, **options: Any) -> Callable[[Any], None]:
        """What is called for each message."""
        handle = super().create_task_handler(*arguments, **options)
        connection_lost = (*self.connection_errors, *self.channel_errors)

        def guarded(message: Any) -> None:
            try:
                handle(message)
            except connection_lost:
                raise
            except Exception as error:
                log.error("a message that is no task was thrown away: %r", error)
                if not message.acknowledged:
                    message.reject_log_error(log, connection_lost)

        return guarded


class Seldom(logging.Filter):
    """Lets one kind of Celery's lines through once in a while: a broker may be down for days."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to say it."""
        now, kind = time.monotonic(), str(record.msg)
        if record.name.startswith("muster"):
            return True
        if now - self._said.get(kind, -QUIET_SECONDS) < QUIET_SECONDS:
            return False
        self._said[kind] = now
        return True


def make_app(
    settings: Settings,
    signer: Signer,
    order: Callable[[Order], None],
    refused: Callable[[str], None],
) -> Celery:
    """The Celery app of a node; raises `BusError` for a broker's address that is none.

    `order` is given every order for the node's configuration, and returns at once; `refused` hears
    the name of every task that no manager signed.
    """
    app = bare_app(settings.brokers, node_queue(settings.node))
    _add_tasks(app, settings, signer, order, refused)
    return app


def bare_app(brokers: Sequence[str], name: str) -> Celery:
    """A Celery app that takes from one queue of a node, and knows no task yet.

    Raises `BusError` for a broker's address that is none.
    """
    for address in brokers:
        broker_parameters(address)
    queue = task_queue(name)
    app = Celery("muster.node", amqp=TaskAmqp, set_as_current=False)
    app.conf.update(
        broker_url=list(brokers),
        broker_connection_timeout=CONNECT_SECONDS,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_heartbeat=HEARTBEAT_SECONDS,
        broker_transport_options={"socket_settings": {socket.TCP_USER_TIMEOUT: USER_TIMEOUT_MS}},
        task_queues=[queue],
        task_default_queue=queue.name,
        task_create_missing_queues=False,
        accept_content=["json"],
        task_serializer="json",
        result_backend=None,
        task_ignore_result=True,
        task_acks_late=True,
        worker_prefetch_multiplier=1,
        worker_consumer=StrictConsumer,
        worker_enable_prefetch_count_reduction=False,
        worker_cancel_long_running_tasks_on_connection_loss=True,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_redirect_stdouts=False,
        worker_log_format="%(message)s",
    )
    return app


def _add_tasks(
    app: Celery,
    settings: Settings,
    signer: Signer,
    order: Callable[[Order], None],
    refused: Callable[[str], None],
) -> None:
    """What managers may ask for."""

    def run(
        subcluster: object = None, revision: object = None, text: object = None, *_more: object
    ) -> None:
        define(settings, subcluster, revision, text)

    def take(argument: object = None, *_more: object) -> None:
        try:
            order(read_order(argument, settings.subcluster))
        except OrderRefusedError as error:
            log.error("configuration: an order is refused: %s", error)

    def add(name: str, work: Callable[..., None]) -> None:
        def checked(task: Task, *arguments: object, **named: object) -> None:
            signature = task.request.get(HEADER)
            if not named and signer.verifies(name, settings.node, arguments, signature):
                work(*arguments)
                return
            refused(name)

        app.task(name=name, bind=True)(checked)

    add(DEFINE, run)
    add(ORDER, take)


def make_worker(app: Celery, kind: str, node: str) -> Any:
    """A worker that is told by its name what it is for, and where; it says little."""
    worker = app.Worker(
        hostname=f"{kind}@{node}-{secrets.token_hex(4)}",
        pool="solo",
        concurrency=1,
        loglevel=logging.WARNING,
        without_mingle=True,
        without_gossip=True,
        without_heartbeat=True,
        quiet=True,
    )
    for handler in logging.getLogger().handlers:
        handler.addFilter(Seldom())
    log.setLevel(logging.INFO)
    return worker


def work(settings: Settings, configured: Configuration) -> int:
    """Take tasks until a signal ends it; the exit code."""
    keys = load_keys(settings.key_file)
    signer = Signer(settings.cluster, keys)
    speaker = Speaker(
        settings.cluster,
        settings.subcluster,
        keys,
        settings.brokers,
        back=lambda: desk.tell_again(),
    )
    desk = Desk(configured, Identity(settings.subcluster, settings.node), parse, speaker.say)
    worker = make_worker(make_app(settings, signer, desk.order, desk.refuse), "node", settings.node)
    speaker.start()
    threading.Thread(target=desk.run, name="desk", daemon=True).start()
    try:
        worker.start()
    finally:
        desk.close()
        speaker.close()
    return int(worker.exitcode or Exit.OK)


def configured_path(program: str) -> Path:
    """NODE.toml, as the arguments of a worker or the environment name it; ends for others."""
    parser = argparse.ArgumentParser(prog=program)
    usual = os.environ.get(CONFIG_VARIABLE)
    parser.add_argument(
        "--config",
        type=Path,
        default=usual,
        required=usual is None,
        help=f"NODE.toml of this node; else what {CONFIG_VARIABLE} says",
    )
    # Definitions belong to the agent's user, normally root; without pickle that is harmless.
    warnings.filterwarnings("ignore", message=".*superuser privileges")
    return Path(parser.parse_args().config)


def main() -> None:
    """Run the worker; exits with one of `workers.exit_codes`."""
    try:
        path = configured_path("python -m workers.celery")
        settings = read_settings(path)
        configured = read_file(
            path,
            lambda top: configuration(
                top.table(CONFIGURATION, CONFIGURATION), settings.state_directory
            ),
        )
        if not settings.brokers:
            raise BusError(f"{settings.node} has no broker; name some in NODE.toml")
        sys.exit(work(settings, configured))
    except (FailoverError, BusError) as error:
        print(f"muster: {error}", file=sys.stderr)
        sys.exit(Exit.USAGE)


if __name__ == "__main__":
    main()
