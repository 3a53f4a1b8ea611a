"""The Celery worker `metrics@N` of a node: it counts with its peers, and answers mail servers.

    python -m workers.metrics --config NODE.toml

Replicating is a step of the worker with an event loop in a thread of its own, not a task for each
count; the worker takes from queue `node.N.metrics` alone. What is shared and limited stands in the
definitions that the agent acts on, and is followed as it changes. A worker whose step fails ends,
to be started again.
"""

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from celery import Celery, bootsteps

from workers.bus.errors import BusError
from workers.bus.exchanges import node_metrics_queue
from workers.bus.keys import load_keys
from workers.celery import bare_app, configured_path, make_worker
from workers.defined import Defined
from workers.exit_codes import Exit
from workers.failover.core.definitions import AdminState
from workers.failover.errors import FailoverError
from workers.failover.reporter_door import AgentSilentError, Caller
from workers.failover.settings import REPLICATION, Settings, read_file, read_settings
from workers.replication.collection import collect_in_steps
from workers.replication.errors import ReplicationError
from workers.replication.replicator import Membership, Replicator, Site
from workers.replication.services import Services
from workers.replication.settings import Places, places

STOP_SECONDS = 20.0
SWITCH_SECONDS = 0.0005
"""How long the thread that waits for tasks may keep the other one waiting."""
log = logging.getLogger("muster.replication")


class Members(msgspec.Struct):
    """The part of the agent's answer that counts here."""

    members: tuple[str, ...]
    mature: bool


class DefinedReplication:
    """What the definitions say of replication; None as long as there are no definitions."""

    def __init__(self, settings: Settings) -> None:
        self._defined = Defined(settings, "what is shared and limited", log)

    def __call__(self) -> Membership | None:
        """What the newest good definitions say; a node that drains still delivers its share."""
        newest = self._defined()
        if newest is None:
            return None
        at_work = (
            node.name
            for node in newest.nodes.values()
            if node.admin_state is not AdminState.MAINTENANCE
        )
        return Membership(tuple(sorted(at_work)), newest.replication)


class Agent:
    """The agent's view of who is alive. An agent that is down says nothing, and so changes none."""

    def __init__(self, door: Path) -> None:
        self._caller = Caller(door)

    async def __call__(self) -> Collection[str] | None:
        """The nodes in its view; None when it does not answer, or has not looked long enough."""
        try:
            found = await self._caller.ask({"command": "report"}, Members)
        except AgentSilentError:
            return None
        return found.members if found.mature else None


class Step:
    """The thread that replicates."""

    def __init__(self, settings: Settings, local: Places) -> None:
        self._settings, self._local = settings, local
        self._loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        self._stop: Callable[[], None] | None = None
        self._thread = threading.Thread(target=self._run, name="replicator", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Tell peers what they lack, write down everything, and end."""
        if self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop)
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        sys.setswitchinterval(SWITCH_SECONDS)
        try:
            asyncio.set_event_loop(self._loop)
            self._loop.run_until_complete(self._replicate())
        except ReplicationError as error:
            log.error("%s; the worker ends", error)
            os._exit(Exit.REFUSED)
        except Exception:
            log.exception("nothing is replicated or limited any more; the worker ends")
            logging.shutdown()
            os._exit(Exit.FAILED)  # the main thread waits for a broker, and is not to go on alone

    async def _replicate(self) -> None:
        settings = self._settings
        site = Site(
            settings.cluster,
            settings.subcluster,
            settings.node,
            settings.brokers,
            settings.key_file,
            self._local.directory,
        )
        replicator = Replicator(site, DefinedReplication(settings), Agent(settings.socket))
        self._stop = replicator.stop
        services = Services(replicator, self._local)
        collecting = asyncio.create_task(collect_in_steps())
        await services.open()
        try:
            await replicator.run()
        finally:
            collecting.cancel()
            await services.close()


def add_step(app: Celery, step: Step) -> None:
    """Have the app's worker replicate while it runs."""

    class Replicating(bootsteps.StartStopStep):  # type: ignore[misc]
        """Started before the worker looks for a broker."""

        requires = ("celery.worker.components:Timer",)

        def start(self, _worker: Any) -> None:
            """With the worker."""
            step.start()

        def stop(self, _worker: Any) -> None:
            """With the worker too."""
            step.stop()

    app.steps["worker"].add(Replicating)


def main() -> None:
    """Run the worker; exits with one of `workers.exit_codes`."""
    try:
        path = configured_path("python -m workers.metrics")
        settings = read_settings(path)
        local = read_file(
            path,
            lambda top: places(
                top.table(REPLICATION, REPLICATION), settings.state_directory, settings.socket
            ),
        )
        if not settings.brokers:
            raise BusError(f"{settings.node} has no broker; name some in NODE.toml")
        load_keys(settings.key_file)
        app = bare_app(settings.brokers, node_metrics_queue(settings.node))
    except (FailoverError, BusError) as error:
        print(f"muster: {error}", file=sys.stderr)
        sys.exit(Exit.USAGE)
    add_step(app, Step(settings, local))
    worker = make_worker(app, "metrics", settings.node)
    worker.start()
    sys.exit(int(worker.exitcode or Exit.OK))


if __name__ == "__main__":
    main()
