"""The reporter: tells managers over the bus what the agent of this node does. One per node.

    python -m workers.failover.reporter --config NODE.toml

It follows the agent's socket, publishes events as they come and a report when something changed,
and answers managers who ask for more. Nothing is kept for a broker that is down: whoever missed
something asks. Invariant: the agent is asked seldom and cheaply, and never depends on any of this.
"""

import argparse
import asyncio
import contextlib
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from workers.bus.codec import Codec, Refused
from workers.bus.connection import Connection
from workers.bus.errors import BusError
from workers.bus.exchanges import MANAGER_ACCOUNT, control_room, events_exchange
from workers.bus.keys import load_keys
from workers.exit_codes import Exit
from workers.failover.core import telling
from workers.failover.core.reports import Ask, Message, Report
from workers.failover.errors import FailoverError
from workers.failover.reporter_door import AgentSilentError, Caller, Start, brief
from workers.failover.reporter_past import Runs
from workers.failover.settings import Settings, read_settings

REPORT_SECONDS = 1.0
SPACING_SECONDS = 0.05
COSTS = 10
"""Reports are as many times farther apart as one takes, so that many holdings stay cheap."""
TURN_SECONDS = 10.0
"""How often some of what is held is told again though nothing changed."""
RETRY_SECONDS = 0.1
RETRY_MAX_SECONDS = 0.5
ASKS_MAX = 16
CLOSE_SECONDS = 0.6


class Reporter:
    """Joins the agent and the managers. Raises `BusError` for keys or brokers it cannot use."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        names = (settings.cluster, settings.subcluster)
        self._codec: Codec[Message] = Codec(*names, load_keys(settings.key_file), Message)
        self._connection = Connection(
            settings.brokers,
            control_room(*names),
            self._heard,
            self._changed,
            speak=events_exchange(*names),
        )
        started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._teller = telling.Teller(settings.node, started_at)
        self._runs = Runs(settings.state_directory)
        self._caller, self._follower = Caller(settings.socket), Caller(settings.socket)
        self._librarian = Caller(settings.socket)
        self._brief = telling.UNKNOWN
        self._told = telling.Told()
        self._turned_at = 0.0
        self._sequence = 0
        self._answers: bool | None = None
        self._news = asyncio.Event()
        self._asked = asyncio.Event()
        self._asks: dict[tuple[int, int], None] = {}

    async def run(self) -> None:
        """Report until a signal comes."""
        self._loop = asyncio.get_running_loop()
        finished = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, finished.set)
        self._connection.open()
        works = (self._follow(), self._report(), self._tell_past())
        tasks = [asyncio.create_task(work) for work in works]
        end = asyncio.create_task(finished.wait())
        try:
            await asyncio.wait((*tasks, end), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._connection.close(), CLOSE_SECONDS)
        for task in tasks:
            if task.done() and not task.cancelled():
                task.result()  # none of them ends but by a fault of our own

    # Events.

    async def _follow(self) -> None:
        """Publish events as they come, for ever."""
        retry = RETRY_SECONDS
        while True:
            try:
                await self._begin()
                retry = RETRY_SECONDS
                async for lines in self._follower.stream():
                    self._runs.seen(lines)
                    self._publish_events(lines)
                    self._news.set()
            except AgentSilentError as error:
                self._says(False, str(error))
            self._news.set()
            await asyncio.sleep(retry)
            retry = min(RETRY_MAX_SECONDS, retry * 2)

    async def _begin(self) -> None:
        """Go on behind the last event seen; of a run that began meanwhile, from its first."""
        ask, runs = self._follower.ask, self._runs
        now = await ask({"command": "events", "limit": 0}, Start)
        if now.incarnation != runs.incarnation:
            runs.follow(now.incarnation, 0 if runs.incarnation else now.last)
        start = await ask({"command": "events", "since": runs.last, "follow": True}, Start)
        if start.events:
            runs.seen(start.events)
            self._publish_events(start.events)
        self._says(True, "")
        self._news.set()

    def _publish_events(self, lines: list[telling.Line]) -> bool:
        """Send events to the managers; False when they cannot be taken now."""
        if not self._connection.up:
            return False
        waiting = list(telling.batches(self._settings.node, lines))
        while waiting:
            message = waiting.pop(0)
            try:
                if not self._connection.publish(self._codec.encode(message)):
                    return False
            except Refused:
                waiting[:0] = telling.halves(message)
        return True

    # Reports.

    async def _report(self) -> None:
        """Publish a report when there is news, and every second."""
        while True:
            began = self._loop.time()
            self._news.clear()
            if self._connection.up:
                await self._runs.refresh()
                await self._look()
                self._publish_report()
            cost = self._loop.time() - began
            await asyncio.sleep(min(REPORT_SECONDS, max(SPACING_SECONDS, COSTS * cost)))
            rest = began + REPORT_SECONDS - self._loop.time()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), max(0.0, rest))

    async def _look(self) -> None:
        """Ask the agent how it is; the last answer stands while it gives none."""
        if self._loop.time() - self._turned_at >= TURN_SECONDS:
            self._turned_at = self._loop.time()
            self._told.turn(self._brief.count)
        try:
            found = await brief(self._caller, self._told.question())
        except AgentSilentError as error:
            self._says(False, str(error))
            return
        if found.incarnation != self._brief.incarnation:
            self._told.forget()
        self._brief = found
        self._says(True, "")

    def _publish_report(self) -> None:
        """Tell what is held and not told yet, then how things are."""
        found = self._brief
        if self._answers and found.buckets:
            self._sequence += 1
            if self._publish(telling.holdings(self._teller, self._sequence, found)):
                self._told.tell(found)
        self._sequence += 1
        self._publish(self._report_now())
        if found.more:
            self._news.set()

    def _publish(self, message: Message) -> bool:
        """Whether it is on its way."""
        with contextlib.suppress(Refused):
            return self._connection.publish(self._codec.encode(message))
        return False

    def _report_now(self) -> Report:
        found = self._brief
        if self._answers:
            runs = self._runs.told(found.incarnation, found.first)
        else:
            runs = self._runs.told_without_agent()
            newest = runs[-1].incarnation if runs else found.incarnation
            found = msgspec.structs.replace(found, incarnation=newest)
        answers = bool(self._answers)
        return telling.report(self._teller, self._sequence, found, runs, answers=answers)

    # Managers.

    def _heard(self, body: bytes, user: str) -> None:
        if user != MANAGER_ACCOUNT:
            return
        try:
            message = self._codec.decode(body)
        except Refused:
            return
        if not isinstance(message, Ask) or message.to not in ("", self._settings.node):
            return
        if message.incarnation and len(self._asks) < ASKS_MAX:
            self._asks[message.incarnation, message.after] = None
            self._asked.set()
        if not message.incarnation:
            self._told.forget(message.known)
            self._news.set()

    async def _tell_past(self) -> None:
        """Answer those who ask for events, one after another."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            while self._asks:
                incarnation, since = next(iter(self._asks))
                lines = await self._runs.events(self._librarian, incarnation, since)
                self._publish_events(lines)
                del self._asks[incarnation, since]

    # What changed.

    def _changed(self, up: bool, sentence: str) -> None:
        self._told.forget()
        self._news.set()
        _say(f"managers: {'heard' if up else 'not heard'}: {sentence}")

    def _says(self, answers: bool, sentence: str) -> None:
        if answers != self._answers:
            self._answers = answers
            self._runs.look_again()
            self._news.set()
            _say("the agent answers" if answers else f"the agent does not answer: {sentence}")


def _say(sentence: str) -> None:
    print(f"muster: {sentence}", file=sys.stderr, flush=True)


def main() -> None:
    """Run the reporter; exits with one of `workers.exit_codes`."""
    parser = argparse.ArgumentParser(prog="python -m workers.failover.reporter")
    parser.add_argument("--config", type=Path, required=True, help="NODE.toml of this node")
    try:
        reporter = Reporter(read_settings(parser.parse_args().config))
        asyncio.run(reporter.run())
    except (FailoverError, BusError) as error:
        print(f"muster: {error}", file=sys.stderr)
        sys.exit(Exit.USAGE)


if __name__ == "__main__":
    main()
