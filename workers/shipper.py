"""The Celery worker `logs@N` of a node: it ships the node's logs to all subscribers.

    python -m workers.shipper --config NODE.toml

Shipping is a step of the worker with a thread of its own, not a task for each line; the worker
takes from queue `node.N.logs` alone. What is shipped, and to whom, stands in the definitions that
the agent acts on, and is followed as it changes. A worker whose step fails ends, to be started
again.
"""

import logging
import os
import sys
import threading
from typing import Any

from celery import Celery, bootsteps

from workers.bus.errors import BusError
from workers.bus.exchanges import node_logs_queue
from workers.bus.keys import load_keys
from workers.celery import bare_app, configured_path, make_worker
from workers.defined import Defined
from workers.exit_codes import Exit
from workers.failover.errors import FailoverError
from workers.failover.settings import Settings, read_settings
from workers.logs.carrying import Carriers, Node
from workers.logs.core.definitions import Logs
from workers.logs.shipping_status import STATUS
from workers.logs.telling import Teller

STOP_SECONDS = 10.0
log = logging.getLogger("muster.logs")


class DefinedLogs:
    """The logs that the definitions name; None as long as there are no definitions."""

    def __init__(self, settings: Settings) -> None:
        self._defined = Defined(settings, "what is shipped", log)

    def __call__(self) -> Logs | None:
        """What the newest good definitions say."""
        newest = self._defined()
        return None if newest is None else newest.logs


class Shipper:
    """The thread that ships."""

    def __init__(self, settings: Settings) -> None:
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

    def start(self) -> None:
        """Begin."""
        self._thread.start()
        self._teller.start()

    def stop(self) -> None:
        """Write down how far everything is, and end."""
        self._teller.close()
        self._carriers.stop()
        self._thread.join(STOP_SECONDS)

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
        settings = read_settings(configured_path("python -m workers.shipper"))
        if not settings.brokers:
            raise BusError(f"{settings.node} has no broker; name some in NODE.toml")
        load_keys(settings.key_file)
        app = bare_app(settings.brokers, node_logs_queue(settings.node))
    except (FailoverError, BusError) as error:
        print(f"muster: {error}", file=sys.stderr)
        sys.exit(Exit.USAGE)
    add_step(app, Shipper(settings))
    worker = make_worker(app, "logs", settings.node)
    worker.start()
    sys.exit(int(worker.exitcode or Exit.OK))


if __name__ == "__main__":
    main()
