"""A node's real shipper beside a real broker and a real collector, and the log that it ships."""

import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.integration.brokers import RunningBroker
from tests.integration.log_nodes import SUBSCRIBER, CollectorChild
from tests.integration.node_parts import KEY, Home, text
from workers.failover.core.definitions_text import parse, render
from workers.failover.store import DEFINITIONS
from workers.logs.core.definitions import Logs, Source, Subscriber
from workers.logs.shipping_status import STATUS

NODE = "mta1"
BACKLOG_BYTES = 1 << 30
PATIENCE_SECONDS = 180.0


class Log:
    """A log that is written to, with numbered lines, and rotated."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.written = b""
        """All of it, whatever became of the files."""
        self._count = 0
        self._out = path.open("ab", buffering=0)

    def write(self, lines: int) -> None:
        """Some lines with bytes that are no text."""
        numbers = range(self._count, self._count + lines)
        data = b"".join(
            b"%09d a line with a NUL \0 and \xff\xfe bytes\n" % each for each in numbers
        )
        self._count += lines
        self.written += data
        self._out.write(data)

    def rename(self) -> None:
        """Rotate by renaming; older files move on."""
        self._shift()
        self.path.rename(self._beside(1))
        self._out.close()
        self._out = self.path.open("ab", buffering=0)

    def copy_and_truncate(self) -> None:
        """Rotate as it is done for servers that cannot reopen their log."""
        self._shift()
        shutil.copyfile(self.path, self._beside(1))
        os.truncate(self.path, 0)

    def delete_rotated(self) -> None:
        """The newest of the rotated files."""
        self._beside(1).unlink()

    def _shift(self) -> None:
        for number in range(30, 0, -1):
            if self._beside(number).exists():
                self._beside(number).rename(self._beside(number + 1))

    def _beside(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")


class Site:
    """A node and a manager at one broker; their parts can be killed and started again."""

    def __init__(self, directory: Path, rabbitmq: RunningBroker) -> None:
        self.broker = rabbitmq
        self.home = Home(directory / "node", [rabbitmq.url(NODE)], NODE)
        self.home.lay_down()
        self.log = Log(directory / "logs" / "mail.log")
        self.revision = 0
        self.define({"mail": str(self.log.path)})
        (directory / "manager").mkdir()
        self.manager_keys = directory / "manager" / "cluster-key"
        self.manager_keys.touch(mode=0o600)
        self.manager_keys.write_text(KEY + "\n")
        key_file = json.dumps(str(self.manager_keys))
        self.collector = CollectorChild(directory / "manager", rabbitmq, key_file=key_file)
        self.shipper: subprocess.Popen[bytes] | None = None

    def define(self, sources: dict[str, str], backlog_bytes: int = BACKLOG_BYTES) -> None:
        """Give the node definitions with these logs, by name and path."""
        self.revision += 1
        logs = Logs(
            tuple(Source(name, path) for name, path in sorted(sources.items())),
            (Subscriber(SUBSCRIBER, backlog_bytes),),
        )
        beside = self.home.state / "beside"
        beside.write_text(render(replace(parse(text(self.revision)), logs=logs)))
        beside.rename(self.home.state / DEFINITIONS)

    def start(self) -> None:
        """Start collector and shipper, and wait until they know each other."""
        self.collector.start()
        self.start_shipper()
        self.wait_status("connected", True)

    def start_shipper(self) -> None:
        """Without waiting."""
        self.shipper = self.home.start("workers.shipper")

    def kill_shipper(self) -> None:
        """With no chance to tidy up; it must have run until now."""
        assert self.shipper is not None
        assert self.shipper.poll() is None, self.home.said()
        self.shipper.kill()
        self.shipper.wait(PATIENCE_SECONDS)

    def end_shipper(self) -> int:
        """As systemd does; the exit code."""
        assert self.shipper is not None
        self.shipper.send_signal(signal.SIGTERM)
        return self.shipper.wait(PATIENCE_SECONDS)

    def collected(self, log: str = "mail") -> bytes:
        """What the collector has."""
        return self.collector.collected(NODE, log)

    def wait_collected(self, expected: bytes, log: str = "mail") -> None:
        """Wait until the collector has exactly that."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(found := self.collected(log)) < len(expected):
            assert time.monotonic() < deadline, f"only {len(found)} of {len(expected)} bytes"
            time.sleep(0.02)
        assert found == expected

    def status(self) -> dict[str, Any]:
        """What the shipper says of its one subscriber; empty when it said nothing yet."""
        try:
            found = json.loads((self.home.state / STATUS).read_text())["subscribers"]
        except FileNotFoundError:
            return {}
        return dict(found[0]) if found else {}

    def wait_status(self, key: str, value: object) -> None:
        """Wait until it says so."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.status().get(key) != value:
            assert time.monotonic() < deadline, f"{key} is not {value}: {self.status()}"
            time.sleep(0.05)

    def wait_source(self, **values: object) -> None:
        """Wait until it says this of the only file that is followed."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not any(one.items() >= values.items() for one in self.status().get("sources", ())):
            assert time.monotonic() < deadline, f"it does not say {values}: {self.status()}"
            time.sleep(0.05)

    def end(self) -> None:
        """Kill what runs."""
        self.home.end()
        self.collector.kill()
