"""A node as a collector sees it: it sends numbered lines until it hears that they are kept."""

import contextlib
import secrets
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pika
from pika.exceptions import AMQPError, UnroutableError

from tests.integration.brokers import CLUSTER, SUBCLUSTER, RunningBroker
from workers.bus.exchanges import MANAGER_ACCOUNT, logs_exchange, logs_kept_exchange
from workers.bus.keys import make_key
from workers.logs.core.messages import Kept, Shipment, Want
from workers.logs.wire import packed, read

ROOT = Path(__file__).resolve().parents[2]
SUBSCRIBER = "archive"
SILENCE_SECONDS = 1.0
START_SECONDS = 30.0


class CollectorChild:
    """A real collector of subscriber `SUBSCRIBER`, that can be killed and started again."""

    def __init__(self, directory: Path, rabbitmq: RunningBroker, **more: str) -> None:
        self.directory = directory
        key_file = directory / "key"
        key_file.write_text(make_key())
        key_file.chmod(0o600)
        self.keys = (bytes.fromhex(key_file.read_text()),)
        texts = {
            "name": f'"{SUBSCRIBER}"',
            "cluster": f'"{CLUSTER}"',
            "subclusters": f'["{SUBCLUSTER}"]',
            "brokers": f'["{rabbitmq.url(MANAGER_ACCOUNT)}"]',
            "key_file": f'"{key_file}"',
            "destination": f'"{directory}/logs/%{{l}}/%{{s}}/%{{n}}"',
            "state_directory": f'"{directory}/state"',
            **more,
        }
        self.config = directory / "collector.toml"
        self.config.write_text("".join(f"{key} = {value}\n" for key, value in texts.items()))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, without waiting."""
        with (self.directory / "output").open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "workers.logs.collector", "--config", str(self.config)],
                cwd=ROOT,
                stderr=output,
            )

    def kill(self) -> None:
        """End it with no chance to tidy up."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
        self.process = None

    def output(self) -> str:
        """What it said."""
        return (self.directory / "output").read_text()

    def collected(self, node: str, log: str = "mail") -> bytes:
        """What is in the file of a log."""
        path = self.directory / "logs" / log / SUBCLUSTER / node
        return path.read_bytes() if path.exists() else b""


class Node:
    """A connection with a node's account; it hears what the collector answers."""

    def __init__(self, rabbitmq: RunningBroker, keys: tuple[bytes, ...], name: str) -> None:
        self._rabbitmq, self._keys, self.name = rabbitmq, keys, name
        self.segment = secrets.token_hex(16)
        self.position = 0
        self.wants: list[Want] = []
        self._sent = 0
        self._moved = time.monotonic()
        self._connection: Any = None
        self._channel: Any = None

    def connect(self, seconds: float = START_SECONDS) -> None:
        """Be there as soon as the collector has made the exchanges."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                self._connect()
            except (AMQPError, OSError):
                assert time.monotonic() < deadline, "no broker, or no exchanges"
                time.sleep(0.1)
            else:
                return

    def send(self, offset: int, data: bytes, **more: Any) -> None:
        """Send a piece of the node's one segment."""
        fields = {"node": self.name, "subcluster": SUBCLUSTER, "log": "mail", **more}
        fields = {"segment": self.segment, **fields}
        body = packed(Shipment(offset=offset, data=data, **fields), self._keys)
        user = pika.BasicProperties(user_id=self.name, delivery_mode=2)
        exchange = logs_exchange(CLUSTER, SUBCLUSTER)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self._channel.basic_publish(exchange, SUBSCRIBER, body, user, mandatory=True)
            except UnroutableError:  # the collector has not made its queue yet
                assert time.monotonic() < deadline, "no collector"
                time.sleep(0.05)
            else:
                return

    def hear(self, seconds: float) -> None:
        """Take in answers for so long, or until some come."""
        self._connection.process_data_events(time_limit=seconds)

    def wait_kept(self, position: int, seconds: float = 20.0) -> None:
        """Wait until the collector has everything in front of `position`."""
        deadline = time.monotonic() + seconds
        while self.position < position:
            assert time.monotonic() < deadline, f"only {self.position} of {position} are kept"
            self.hear(0.1)

    def ship(self, text: bytes, *, size: int, window: int, seconds: float) -> None:
        """Send all of `text` for so long at most, as a node does through any death."""
        deadline = time.monotonic() + seconds
        while self.position < len(text) and time.monotonic() < deadline:
            try:
                if time.monotonic() - self._moved > SILENCE_SECONDS:
                    self._rewind(self.position)
                while self._sent < min(len(text), self.position + window * size):
                    self.send(self._sent, text[self._sent : self._sent + size])
                    self._sent += size
                self.hear(0.05)
            except (AMQPError, OSError):
                self.connect()
                self._rewind(self.position)

    def close(self) -> None:
        """Leave."""
        with contextlib.suppress(AMQPError, OSError):
            self._connection.close()

    def _rewind(self, position: int) -> None:
        self._sent, self._moved = position, time.monotonic()

    def _connect(self) -> None:
        self._connection = pika.BlockingConnection(
            pika.URLParameters(self._rabbitmq.url(self.name))
        )
        self._channel = self._connection.channel()
        self._channel.confirm_delivery()
        queue = self._channel.queue_declare("", exclusive=True, auto_delete=True).method.queue
        kept = logs_kept_exchange(CLUSTER, SUBCLUSTER)
        self._channel.queue_bind(queue, kept, self.name)
        self._channel.basic_consume(queue, self._heard, auto_ack=True)

    def _heard(self, _channel: Any, _method: Any, properties: Any, body: bytes) -> None:
        assert properties.user_id == MANAGER_ACCOUNT
        message = read(body, self._keys)
        if isinstance(message, Want):
            self.wants.append(message)
            self._rewind(message.position)
        elif isinstance(message, Kept):
            position = dict(message.positions).get(self.segment, 0)
            assert position >= self.position, "what was kept is gone"
            self.position, self._moved = position, time.monotonic()
