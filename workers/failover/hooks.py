"""Runs the hooks of VIPs, after the kernel got or lost them, and `on_change` for those it concerns.

What moved is taken from the machine's own facts. Invariants: for one VIP never two hooks at a time,
and never an older wish after a newer one; of several that wait only the newest is run; at most
`AT_ONCE` run at a time. Notices are run one by one, in order. An outcome is told as a fact; nothing
is tried again, and nothing here delays the machine.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from workers.failover.commands import Outcome, run
from workers.failover.core.actions import Fact, FactKind
from workers.failover.core.definitions import Definitions
from workers.failover.core.hooks import command_words

AT_ONCE = 8
NOTICES_WAITING = 10_000
"""Beyond this news is left out, and that is told."""


class Wish(StrEnum):
    """What a hook is asked to do, as its first argument says."""

    TAKE = "take"
    RELEASE = "release"


WISHES = {
    FactKind.TAKEN: Wish.TAKE,
    FactKind.ADOPTED: Wish.TAKE,
    FactKind.RELEASED: Wish.RELEASE,
    FactKind.LOST: Wish.RELEASE,
}
"""Adopted: the agent before this one may have died before its hook was through."""

NEWS = {FactKind.TAKEN: "taken", FactKind.RELEASED: "lost", FactKind.LOST: "lost"}


@dataclass(frozen=True, slots=True)
class _Notice:
    """One run of `on_change`."""

    command: str
    word: str
    vip: str
    reason: str


class Hooks:
    """The hooks of one node. `record` is told of each outcome."""

    def __init__(
        self,
        node: str,
        definitions: Definitions,
        commands: Path,
        record: Callable[[Fact], None],
    ) -> None:
        self._node = node
        self._commands = commands
        self._record = record
        self._hooks: dict[str, str] = {}
        self._taken: set[str] = set()
        """VIPs whose newest wish is to be taken."""
        self._waiting: dict[str, tuple[Wish, str]] = {}
        self._notices: deque[_Notice] = deque()
        self._left_out = 0
        self._running: dict[str, asyncio.Task[None]] = {}
        self._notifying: asyncio.Task[None] | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self.redefine(definitions)

    def redefine(self, definitions: Definitions) -> None:
        """Follow new definitions: a VIP that is held gets its new hook called, to take it."""
        self._knobs = definitions.knobs
        before = self._hooks
        self._hooks = {vip: one.hook for vip, one in definitions.vips.items() if one.hook}
        for vip in sorted(self._taken):
            if vip not in definitions.vips and vip in before:
                self._hooks[vip] = before[vip]  # until it is let go
            elif self._hooks.get(vip, before.get(vip)) != before.get(vip):
                self._wish(vip, Wish.TAKE)

    def tell(self, fact: Fact) -> None:
        """A fact of the machine, after what it says was done."""
        wish = WISHES.get(fact.kind)
        if wish is None:
            return
        if fact.kind in NEWS and self._knobs.on_change:
            self._notify(fact)
        if wish is Wish.TAKE:
            self._taken.add(fact.vip)
        else:
            self._taken.discard(fact.vip)
        self._wish(fact.vip, wish)

    async def close(self, limit_seconds: float) -> None:
        """Let what is on its way come to its end, within limits; tell what does not."""
        try:
            async with asyncio.timeout(limit_seconds):
                await self._idle.wait()
        except TimeoutError:
            late = [*self._running, *self._waiting]
            for vip in dict.fromkeys(late):
                self._failed(vip, f"a hook was not through when the agent ended: {vip}")
            if untold := len(self._notices) + self._left_out + (self._notifying is not None):
                what = "on_change was not through when the agent ended"
                self._failed("", f"{what}; changes that nobody was told of: {untold}")
            for task in (*self._running.values(), self._notifying):
                if task is not None:
                    task.cancel()
            self._waiting.clear()
            self._notices.clear()
            self._left_out = 0

    def picture(self) -> dict[str, int]:
        """How many run and wait, for people."""
        return {
            "running": len(self._running),
            "waiting": len(self._waiting),
            "notices": len(self._notices),
        }

    # Hooks.

    def _wish(self, vip: str, wish: Wish) -> None:
        if hook := self._hooks.get(vip):
            self._waiting[vip] = (wish, hook)
            self._turn()

    def _turn(self) -> None:
        """Start what may start, oldest wish first."""
        while len(self._running) < AT_ONCE:
            vip = next((vip for vip in self._waiting if vip not in self._running), "")
            if not vip:
                break
            wish, hook = self._waiting.pop(vip)
            self._running[vip] = _begin(self._serve(vip, wish, hook))
        self._settle()

    async def _serve(self, vip: str, wish: Wish, hook: str) -> None:
        began = time.monotonic()
        words = command_words(hook)
        what = f"{wish} hook {words[0]}"

        def tell(outcome: Outcome) -> None:
            took = time.monotonic() - began
            if outcome.good:
                detail = f"{what} was through after {took:.2f} s"
                self._record(Fact(FactKind.HOOK, vip=vip, node=self._node, detail=detail))
            else:
                self._failed(vip, f"{what} failed after {took:.2f} s: {outcome.sentence}")

        environment = {"MUSTER_VIP": vip, "MUSTER_NODE": self._node}
        try:
            arguments = (*words, wish, vip, self._node)
            await run(self._commands, arguments, environment, self._knobs.hook_timeout, tell)
        finally:
            del self._running[vip]
            self._turn()

    def _failed(self, vip: str, detail: str) -> None:
        self._record(Fact(FactKind.FAILED, vip=vip, node=self._node, detail=detail))

    # News.

    def _notify(self, fact: Fact) -> None:
        if len(self._notices) >= NOTICES_WAITING:
            self._left_out += 1
            return
        word = NEWS[fact.kind]
        self._notices.append(_Notice(self._knobs.on_change, word, fact.vip, fact.reason.value))
        if self._notifying is None:
            self._notifying = _begin(self._tell_news())
        self._settle()

    async def _tell_news(self) -> None:
        try:
            while self._notices:
                await self._tell_one(self._notices.popleft())
            if self._left_out:
                sentence = f"on_change: {self._left_out} changes were left out, it is too slow"
                self._left_out = 0
                self._failed("", sentence)
        finally:
            self._notifying = None
            self._settle()

    async def _tell_one(self, notice: _Notice) -> None:
        words = command_words(notice.command)

        def tell(outcome: Outcome) -> None:
            if not outcome.good:
                what = f"on_change {words[0]} {notice.word}"
                self._failed(notice.vip, f"{what} failed: {outcome.sentence}")

        environment = {"MUSTER_VIP": notice.vip, "MUSTER_NODE": self._node}
        arguments = (notice.word, notice.vip, self._node, notice.reason)
        words = (*words, *arguments)
        await run(self._commands, words, environment, self._knobs.hook_timeout, tell)

    def _settle(self) -> None:
        if self._running or self._waiting or self._notifying is not None:
            self._idle.clear()
        else:
            self._idle.set()


def _begin(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    return asyncio.get_running_loop().create_task(work)
