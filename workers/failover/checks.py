"""Runs the health checks that VIPs name, and tells each result; `core.health` judges them.

One run of each different check every `check_interval`, however many VIPs name it: against the first
of those VIPs that this node holds, else against the node's own address. Invariants: the loop never
waits for a check; at most `AT_ONCE` run at a time; no check runs beside its own last run; one that
cannot be run is a failed one, and is run again.
"""

import asyncio
import os
from collections import defaultdict
from collections.abc import Callable, Container
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

from workers.failover.commands import SENTENCE_CHARACTERS, Outcome, run
from workers.failover.core.checks import Check, CheckKind, check_of
from workers.failover.core.definitions import Definitions

AT_ONCE = 16
FIRST_SECONDS = 2.0
"""A new check runs within so long, or one interval."""
GREETING_BYTES = 4096
GREETING, MORE_GREETING = "220", "220-"

Tell = Callable[[str, bool, str], None]
"""Is told check, whether it was good, and a sentence, at the end of each run."""


@dataclass(frozen=True, slots=True)
class _Result:
    """How a check last went."""

    healthy: bool
    sentence: str
    at: float
    address: str


class Checks:
    """The checks of the definitions that this node acts on."""

    def __init__(
        self,
        node: str,
        definitions: Definitions,
        commands: Path,
        held: Callable[[], Container[str]],
        tell: Tell,
    ) -> None:
        self._node = node
        self._commands = commands
        self._definitions = definitions
        self._held = held
        self._tell = tell
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._vips: dict[str, list[str]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._results: dict[str, _Result] = {}
        self._open = False

    def open(self) -> None:
        """Begin; the loop runs."""
        self._open = True
        self.redefine(self._definitions)

    def redefine(self, definitions: Definitions) -> None:
        """Follow new definitions: end what no VIP names any more, begin what is new."""
        self._definitions = definitions
        wanted = self._open and self._node in definitions.nodes
        self._vips = _vips_by_check(definitions) if wanted else {}
        for check in self._tasks.keys() - self._vips.keys():
            self._tasks.pop(check).cancel()
            self._results.pop(check, None)
        for check in sorted(self._vips.keys() - self._tasks.keys()):
            self._tasks[check] = asyncio.ensure_future(self._repeat(check))

    def close(self) -> None:
        """End all; nothing more is told."""
        self._open = False
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()

    def picture(self, now: float) -> list[dict[str, Any]]:
        """Each check with its last result, for people."""
        return [
            {
                "check": check,
                "vips": len(vips),
                "healthy": result and result.healthy,
                "sentence": result.sentence if result else "",
                "address": result.address if result else "",
                "age_seconds": result and round(now - result.at, 1),
            }
            for check, vips in sorted(self._vips.items())
            for result in [self._results.get(check)]
        ]

    async def _repeat(self, check: str) -> None:
        """Run a check again and again, at its own place in the interval."""
        share = crc32(f"{self._node} {check}".encode()) / (1 << 32)
        loop = asyncio.get_running_loop()
        due = loop.time() + share * min(FIRST_SECONDS, self._definitions.knobs.check_interval)
        what = check_of(check)
        while True:
            await asyncio.sleep(due - loop.time())
            async with self._slots:
                due = loop.time() + self._definitions.knobs.check_interval
                try:
                    await self._run(check, what)
                except Exception as error:  # else it would end here, and count as good for ever
                    self._note(check, "", Outcome(False, f"the check cannot be run: {error!r}"))

    async def _run(self, check: str, what: Check) -> None:
        """One run; it is over when nothing of it is left."""
        held = self._held()
        vip = next((vip for vip in self._vips[check] if vip in held), "")
        address = vip or self._definitions.nodes[self._node].address
        limit_seconds = self._definitions.knobs.check_timeout
        tell = partial(self._note, check, address)
        if what.kind is CheckKind.COMMAND:
            environment = {
                "MUSTER_VIP": vip,
                "MUSTER_ADDRESS": address,
                "MUSTER_NODE": self._node,
            }
            await run(self._commands, what.words, environment, limit_seconds, tell)
        else:
            tell(await _ask(what, address, limit_seconds))

    def _note(self, check: str, address: str, outcome: Outcome) -> None:
        """What came of a run."""
        now = asyncio.get_running_loop().time()
        sentence = outcome.sentence[:SENTENCE_CHARACTERS]
        self._results[check] = _Result(outcome.good, sentence, now, address)
        self._tell(check, outcome.good, sentence)


def _vips_by_check(definitions: Definitions) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for vip in sorted(definitions.vips):
        if check := definitions.vips[vip].check:
            found[check].append(vip)
    return dict(found)


async def _ask(what: Check, address: str, limit_seconds: float) -> Outcome:
    """Connect, and hear the greeting if there has to be one."""
    place = f"{address} port {what.port}"
    try:
        async with asyncio.timeout(limit_seconds):
            reader, writer = await asyncio.open_connection(
                address,
                what.port,
                limit=GREETING_BYTES,
                local_addr=(address, 0),  # else it would come from the anchor lease
            )
            try:
                if what.kind is CheckKind.TCP:
                    return Outcome(True)
                outcome = await _greeted(reader, place)
                if outcome.good and not outcome.sentence.startswith(MORE_GREETING):
                    writer.write(b"QUIT\r\n")
                return outcome
            finally:
                writer.close()
    except TimeoutError:
        return Outcome(False, f"{place}: no answer within {limit_seconds:g} s")
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        return Outcome(False, f"{place}: {why.lower()}")


async def _greeted(reader: asyncio.StreamReader, place: str) -> Outcome:
    """Whether an SMTP server greets with 220."""
    try:
        line = await reader.readline()
    except ValueError:
        return Outcome(False, f"{place}: its greeting is longer than {GREETING_BYTES} bytes")
    text = "".join(one if one.isprintable() else " " for one in line.decode("utf-8", "replace"))
    if not text.startswith(GREETING):
        said = f"it said {text.strip()!r}" if line else "it hung up"
        return Outcome(False, f"{place}: no SMTP greeting, {said}")
    return Outcome(True, text.strip())
