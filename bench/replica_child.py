"""A node that counts with its peers, as the bench loads it: `python -m ... SETTINGS`.

Load is made in the node's own process, so that what is measured is replication and not a client.
"""

import asyncio
import bisect
import gc
import os
import random
import time
from dataclasses import replace
from itertools import accumulate
from typing import Any

from tests.integration.replica_child import SPAN_SECONDS, Child, run
from workers.replication.core.definitions import Limit, Per, Subject
from workers.replication.core.messages import Delta, Piece
from workers.replication.core.policy_protocol import DUNNO
from workers.replication.core.wire import Wire

TABLE, LIMIT = "deliveries", "over"
ZIPF_EXPONENT = 1.0
STEP_SECONDS = 0.002
MARK_SECONDS = 0.05
FILL_STEP = 2_000
DOMAIN = "over.example"


class LoadChild(Child):
    """Does what the bench asks for."""

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__(settings)
        self._seen: dict[str, list[float]] = {}
        if any(one["name"] == TABLE for one in settings["tables"]):
            self.after_hearing = self._look_at_mark
        limits = tuple(_limit(**one) for one in settings.get("limits", ()))
        if limits:
            found = self.replicator.membership
            found = replace(found, replication=replace(found.replication, limits=limits))
            self.replicator._defined = lambda: found
            self.replicator._follow_definitions()

    async def do_load(self, rate: int, seconds: float, seed: int, keys: int) -> dict[str, Any]:
        """Count so often a second, and mark the time now and then; what was done and sent."""
        names = key_names(keys)
        chance = random.Random(f"{seed} {self.settings['node']}")
        weights = list(accumulate(1 / (n + 1) ** ZIPF_EXPONENT for n in range(keys)))
        picked = [
            names[bisect.bisect_left(weights, chance.random() * weights[-1])]
            for _ in range(int(rate * seconds))
        ]
        before = self.do_state()
        replicator, marks = self.replicator, []
        table = replicator.shared.windows(TABLE, SPAN_SECONDS)
        mark = mark_key(self.settings["node"])
        began, done = time.monotonic(), 0
        while done < len(picked):
            due = min(len(picked), int((time.monotonic() - began) * rate))
            now = replicator.clock()
            for key in picked[done:due]:
                table.window(key).add(1, now)
            done = due
            if time.monotonic() - began > len(marks) * MARK_SECONDS:
                table.window(mark).add(1, replicator.clock())
                marks.append(time.monotonic())
            await asyncio.sleep(STEP_SECONDS)
        lasted = time.monotonic() - began
        await asyncio.sleep(2.0)  # the last batch, and what it takes to come back
        after = self.do_state()
        names_of = ("published_bytes", "sent_bytes", "cpu_seconds")
        used = {name: after[name] - before[name] for name in names_of}
        return {"updates": done + len(marks), "marks": marks, "seconds": lasted, **used}

    def do_seen(self) -> dict[str, list[float]]:
        """When each mark of each peer was here."""
        return self._seen

    async def do_hit(self, rates: dict[str, float], seconds: float) -> dict[str, Any]:
        """Ask so often a second for each domain; when it was admitted, and how often it was not."""
        answer, clock = self.replicator.limits.answer, self.replicator.clock
        node = self.settings["node"]
        admitted: dict[str, list[float]] = {domain: [] for domain in rates}
        refused = dict.fromkeys(rates, 0)
        asked = dict.fromkeys(rates, 0)
        began = time.monotonic()
        while (lasted := time.monotonic() - began) < seconds:
            for domain, rate in rates.items():
                while asked[domain] < int(lasted * rate):
                    asked[domain] += 1
                    said = answer(_request(node, domain, asked[domain]), clock())
                    if said == DUNNO:
                        admitted[domain].append(time.monotonic())
                    else:
                        refused[domain] += 1
            await asyncio.sleep(STEP_SECONDS)
        return {"admitted": admitted, "refused": refused, "asked": asked}

    async def do_fill(self, table: str, prefix: str, keys: int, span: float) -> float:
        """Count each of so many keys once, and tell peers; how long it took."""
        began = time.monotonic()
        grid = self.replicator.shared.windows(table, span)
        names = key_names(keys)
        for at in range(0, keys, FILL_STEP):
            now = self.replicator.clock()
            for name in names[at : at + FILL_STEP]:
                grid.window(prefix + name).add(1, now)
            await asyncio.sleep(0.005)
            self.replicator.keeper.tick()
        part = self.replicator.shared.part(table)
        while part.pending(self.replicator.clock()) is not None:
            await asyncio.sleep(0.05)
        return time.monotonic() - began

    def do_keys(self) -> int:
        """How many there are."""
        return sum(part.counts()["keys"] for part in self.replicator.shared.parts.values())

    def do_memory(self) -> float:
        """Resident, in megabytes (10**6 bytes)."""
        gc.collect()
        with open("/proc/self/statm", encoding="ascii") as file:
            pages = int(file.read().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    async def do_decide(self, keys: int, decisions: int, seed: int) -> list[float]:
        """Seconds of each of so many decisions about clients out of so many."""
        names, chance = key_names(keys), random.Random(seed)
        answer, clock = self.replicator.limits.answer, self.replicator.clock
        found = []
        for number in range(decisions):
            request = _request(chance.choice(names), f"d{number % 1_000}.example", number)
            began = time.perf_counter()
            answer(request, clock())
            found.append(time.perf_counter() - began)
            if number % 100 == 0:
                await asyncio.sleep(0)
        return found

    def _look_at_mark(self, message: Wire) -> None:
        if not isinstance(message, Delta | Piece):
            return
        now = self.replicator.clock()
        window = self.replicator.shared.window(TABLE, mark_key(message.owner), SPAN_SECONDS)
        if now >= window.rolls_at:  # until then it has nothing of the next bucket
            window.roll(now)
        seen = self._seen.setdefault(message.owner, [])
        missing = window.total - len(seen)
        if missing > 0:
            seen += [time.monotonic()] * missing


def key_names(count: int) -> list[str]:
    """Addresses without any order, half of them IPv6; the same in every process."""
    chance = random.Random(count)
    names: dict[str, None] = {}
    while len(names) < count:
        bits = chance.getrandbits(112)
        if len(names) % 2:
            groups = ":".join(f"{bits >> at & 0xFFFF:x}" for at in range(0, 96, 16))
            names[f"2001:db8:{groups}"] = None
        else:
            names[f"{bits % 223 + 1}.{bits >> 8 & 255}.{bits >> 16 & 255}.{bits >> 24 & 255}"] = (
                None
            )
    return list(names)


def mark_key(node: str) -> str:
    """The key by which the marks of a node are counted."""
    return f"198.18.0.{node.removeprefix('mta')}"


def _limit(name: str, most: int, window: float, per: str) -> Limit:
    return Limit(name, Subject.INBOUND_RECIPIENTS, Per(per), most, window)


def _request(client: str, domain: str, number: int) -> bytes:
    return (
        b"request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n"
        b"client_address=%s\nsender=user@%s\nrecipient=r%d@example.net\ninstance=%s.%d\n\n"
    ) % (client.encode(), domain.encode(), number, client.encode(), number)


if __name__ == "__main__":
    run(LoadChild)
