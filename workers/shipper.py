"""The Celery worker `logs@N` of a node: it ships the node's logs to all subscribers.

    python -m workers.shipper --config NODE.toml

Shipping is a step of the worker with a thread of its own, not a task for each line; the worker
takes from queue `node.N.logs` alone. What is shipped, and to whom, stands in the definitions that
the agent acts on, and is followed as it changes. A worker whose step fails ends, to be started
again. What the logs say of mail is reported to the node's own limits, by a thread that holds
nothing up.
"""

import logging
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from celery import Celery, bootsteps

from workers.bus.errors import BusError
from workers.bus.exchanges import node_logs_queue
from workers.bus.keys import load_keys
from workers.celery import bare_app, configured_path, make_worker
from workers.defined import Defined
from workers.exit_codes import Exit
from workers.failover.core.toml_text import Table
from workers.failover.errors import FailoverError
from workers.failover.settings import REPLICATION, Settings, read_file, read_settings
from workers.logs.carrying import Carriers, Node
from workers.logs.core.definitions import Logs, Source
from workers.logs.limits_door import LimitsDoor
from workers.logs.reporting import DIRECTORY as REPORTING
from workers.logs.reporting import Reporter
from workers.logs.shipping import Identity
from workers.logs.shipping_status import STATUS
from workers.logs.telling import Teller
from workers.replication.settings import places

STOP_SECONDS = 10.0
log = logging.getLogger("muster.logs")


class DefinedLogs:
    """The logs that the definitions name; None as long as there are no definitions."""

    def __init__(self, settings: Settings, what: str = "what is shipped") -> None:
        self._defined = Defined(settings, what, log)

    def __call__(self) -> Logs | None:
        """What the newest good definitions say."""
        newest = self._defined()
        return None if newest is None else newest.logs


def reporter_of(settings: Settings, limits_socket: Path) -> Reporter:
    """Who reports what the node's logs say of mail to the limits that listen on the socket."""
    logs = DefinedLogs(settings, "what counts for limits")

    def sources() -> Sequence[Source]:
        found = logs()
        return found.of_node(settings.node) if found else ()

    return Reporter(
        Identity(settings.subcluster, settings.node),
        sources,
        LimitsDoor(limits_socket),
        settings.state_directory / REPORTING,
    )


class Shipper:
    """The threads that ship, and that report."""

    def __init__(self, settings: Settings, limits_socket: Path) -> None:
        self._reporter = reporter_of(settings, limits_socket)
        node = Node(
            settings.cluster,
            settings.subcluster,
            settings.node,
            settings.brokers,
            settings.key_file,
            settings.state_directory,
        )
        self._carriers = Carriers(node, DefinedLogs(settings))
        self._teller = Teller(
            settings.cluster,
            settings.subcluster,
            settings.node,
            load_keys(settings.key_file),
            settings.brokers,
            settings.state_directory / STATUS,
        )
        self._thread = threading.Thread(target=self._run, name="shipper", daemon=True)
        self._reports = threading.Thread(target=self._reporter.serve, name="reporter", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()
        self._teller.start()
        self._reports.start()

    def stop(self) -> None:
        """Write down how far everything is, and end."""
        self._teller.close()
        self._reporter.stop()
        self._carriers.stop()
        self._thread.join(STOP_SECONDS)
        self._reports.join(STOP_SECONDS)

    def _run(self) -> None:
        try:
            self._carriers.run()
        except Exception:
            log.exception("logs are not shipped any more; the worker ends")
            logging.shutdown()
            os._exit(Exit.FAILED)  # the main thread waits for a broker, and is not to go on alone


def add_step(app: Celery, shipper: Shipper) -> None:
    """Have the app's worker ship while it runs."""

    class Shipping(bootsteps.StartStopStep):  # type: ignore[misc]
        """Started before the worker looks for a broker."""

        requires = ("celery.worker.components:Timer",)

        def start(self, _worker: Any) -> None:
            """With the worker."""
            shipper.start()

        def stop(self, _worker: Any) -> None:
            """With the worker too."""
            shipper.stop()

    app.steps["worker"].add(Shipping)


def main() -> None:
    """Run the worker; exits with one of `workers.exit_codes`."""
    try:
        path = configured_path("python -m workers.shipper")
        settings = read_settings(path)
        limits_socket = read_file(path, lambda top: _limits_socket(top, settings))
        if not settings.brokers:
            raise BusError(f"{settings.node} has no broker; name some in NODE.toml")
        load_keys(settings.key_file)
        app = bare_app(settings.brokers, node_logs_queue(settings.node))
    except (FailoverError, BusError) as error:
        print(f"muster: {error}", file=sys.stderr)
        sys.exit(Exit.USAGE)
    add_step(app, Shipper(settings, limits_socket))
    worker = make_worker(app, "logs", settings.node)
    worker.start()
    sys.exit(int(worker.exitcode or Exit.OK))


def _limits_socket(top: Table, settings: Settings) -> Path:
    table = top.table(REPLICATION, REPLICATION)
    return places(table, settings.state_directory, settings.socket).limits_socket


if __name__ == "__main__":
    main()
