"""Parts of our log shipping as the bench runs them: their files, their start, when they are ready.

A disk is a directory with everything that a collector writes: the collected files, and its state.
"""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.errors import BenchError
from tests.integration.brokers import CLUSTER, SUBCLUSTER
from tests.integration.node_parts import KEY, Home, text
from workers.failover.core.definitions_text import parse, render
from workers.failover.store import DEFINITIONS
from workers.logs.core.definitions import Logs, Source, Subscriber
from workers.logs.shipping_status import STATUS

SUBSCRIBER = "bench"
COLLECTOR = "workers.logs.collector"
DESTINATION = "%Y/%m/%d/%{l}/%{s}/%{n}"
START_SECONDS = 240.0
"""A broker on a machine with much else to do takes more than one minute."""
LOOK_SECONDS = 0.1


def lay_down_node(home: Home, sources: Sequence[Source], backlog_bytes: int) -> None:
    """Write the files of a node that ships these logs, in order of their names, to one subscriber.

    The logs are there, empty.
    """
    home.lay_down()
    for source in sources:
        log = Path(source.path)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()
    shipped = Logs(tuple(sources), (Subscriber(SUBSCRIBER, backlog_bytes),))
    (home.state / DEFINITIONS).write_text(render(replace(parse(text(1)), logs=shipped)))


def lay_down_collector(place: Path, disk: Path, broker: str, mail_logs: Sequence[str]) -> Path:
    """Write the settings of the subscriber's collector into `place`, and return their file.

    `broker`: its address with the managers' account. `mail_logs`: whose mail is counted; without
    any there is no index either.
    """
    key = place / "key"
    key.touch(mode=0o600)
    key.write_text(KEY + "\n")
    values = {
        "name": SUBSCRIBER,
        "cluster": CLUSTER,
        "subclusters": [SUBCLUSTER],
        "brokers": [broker],
        "key_file": str(key),
        "destination": f"{disk}/collected/{DESTINATION}",
        "state_directory": str(disk / "state"),
        "index": bool(mail_logs),
        "mail_logs": list(mail_logs),
    }
    settings = place / "collector.toml"
    lines = (f"{name} = {json.dumps(value)}\n" for name, value in values.items())
    settings.write_text("".join(lines))
    return settings


def collected_files(disk: Path) -> list[Path]:
    """What a collector has on its disk, of every log: the names have the date in them."""
    return [path for path in (disk / "collected").rglob("*") if path.is_file()]


def started(module: str, arguments: Sequence[str], output: Path) -> subprocess.Popen[bytes]:
    """Start a program of ours; what it says goes to the end of `output`."""
    with output.open("ab") as said:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )


def wait_followed(homes: Sequence[Home]) -> None:
    """Wait until every node follows a log: what is rotated before is nobody's business.

    Raises `BenchError`.
    """
    deadline = time.monotonic() + START_SECONDS
    while missing := [home.node for home in homes if not _followed(home)]:
        if time.monotonic() > deadline:
            nodes = f"{missing[0]} and {len(missing) - 1} others" if missing[1:] else missing[0]
            raise BenchError(f"{nodes} followed no log within {START_SECONDS:.0f} s; see the load")
        time.sleep(LOOK_SECONDS)


def _followed(home: Home) -> bool:
    with contextlib.suppress(FileNotFoundError):
        told = json.loads((home.state / STATUS).read_text())
        return any(one["sources"] for one in told["subscribers"])
    return False
