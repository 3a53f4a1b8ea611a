"""Definitions on their way: from the disk or from peers to the machine, and from the disk to peers.

Reading, checking and writing up to 4 MiB takes longer than a step of the loop may: a helper thread
does it, one file after another. What is newest and good is decided by the `Store`; when nodes act
on it by the core.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from workers.failover.core.actions import Send
from workers.failover.core.definitions import Definitions
from workers.failover.core.handover import Assembly, Identity, identity_of, split
from workers.failover.core.messages import DefinitionsPiece
from workers.failover.store import Store

POLL_SECONDS = 0.5
"""How often the definitions file is looked at; it is read when two looks see the same, or when
somebody asks for it."""

REFUSED_MAX = 8
"""Files that are known to be no good; the one refused first is forgotten."""

Result = TypeVar("Result")


class Handover:
    """Delivers newer definitions to `deliver`, and sends them to peers; both on the loop."""

    def __init__(
        self,
        node: str,
        store: Store,
        deliver: Callable[[Definitions], None],
        send: Callable[[Send], None],
    ) -> None:
        self._node = node
        self._store = store
        self._deliver = deliver
        self._send = send
        self._assembly = Assembly()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="definitions")
        self._rereading = self._again = self._putting = False
        self._refused: dict[Identity, str] = {}
        """What peers handed and cannot be acted on -> why: it is not read again."""
        self._waiting: dict[int, float] = {}
        """Jobs of the thread that are not finished -> when each was given to it."""
        self._longest_seconds = 0.0

    def open(self) -> None:
        """Begin to look at the file."""
        self._loop = asyncio.get_running_loop()
        self._poll()

    def close(self) -> None:
        """Stop to look; what is being written is finished."""
        self._timer.cancel()
        self._worker.shutdown(cancel_futures=True)

    def picture(self, now: float) -> dict[str, float]:
        """How long files take: a disk that stands still delays new definitions, nothing else."""
        oldest = min(self._waiting.values(), default=now)
        longest = max(self._longest_seconds, now - oldest)
        waited = round(1000 * (now - oldest), 1)
        return {"longest_ms": round(1000 * longest, 1), "waiting_ms": waited}

    def reread(self) -> None:
        """Read the file at once: who wrote it whole says so."""
        self._again = self._rereading  # what is being read may be the file before
        if not self._rereading:
            self._rereading = True
            self._do(self._store.reread, self._reread)

    def accept(self, piece: DefinitionsPiece) -> None:
        """Take in a piece from a peer; the last missing one makes a file.

        While one is being put in place, others are passed over: they are handed again.
        """
        if piece.to != self._node or self._putting:
            return
        identity = identity_of(piece)
        if identity in self._refused:
            self._store.problem = self._store.problem or self._refused[identity]
            return
        text = self._assembly.accept(piece, self._store.newest.revision)
        if text is not None:
            self._putting = True
            self._do(
                lambda: self._store.put(text, piece.node),
                lambda found: self._put(identity, found),
            )

    def _put(self, identity: Identity, definitions: Definitions | None) -> None:
        self._putting = False
        self._found(definitions)
        if self._store.newest.revision < identity[0]:
            if len(self._refused) >= REFUSED_MAX:
                del self._refused[next(iter(self._refused))]
            self._refused[identity] = self._store.problem

    def hand(self, to: str) -> None:
        """Send the newest definitions to a peer that lacks them."""
        store, node = self._store, self._node
        self._do(lambda: split(store.text, store.newest.revision, node, to), self._send_all)

    def _poll(self) -> None:
        self._timer = self._loop.call_later(POLL_SECONDS, self._poll)
        if not self._rereading and self._store.changed():
            self.reread()

    def _reread(self, definitions: Definitions | None) -> None:
        self._rereading = False
        self._found(definitions)
        if self._again:
            self.reread()

    def _found(self, definitions: Definitions | None) -> None:
        if definitions is not None:
            self._deliver(definitions)

    def _send_all(self, pieces: list[DefinitionsPiece]) -> None:
        for piece in pieces:
            self._send(Send(piece, (piece.to,), ring_a=False))

    def _do(self, job: Callable[[], Result], then: Callable[[Result], None]) -> None:
        """Run `job` in the thread and `then` on the loop."""
        given_at = self._loop.time()

        def finish(future: asyncio.Future[Result]) -> None:
            del self._waiting[id(future)]
            self._longest_seconds = max(self._longest_seconds, self._loop.time() - given_at)
            if future.cancelled():
                return
            error = future.exception()
            if error is None:
                then(future.result())
            else:
                self._rereading = self._putting = False
                self._store.problem = str(error) or repr(error)

        future = self._loop.run_in_executor(self._worker, job)
        self._waiting[id(future)] = given_at
        future.add_done_callback(finish)
