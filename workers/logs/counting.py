"""Counts what happened to mail from a collector's files, in a process of its own.

It reads what is surely kept, behind the collector and never in its way, and may be killed at any
moment: `workers.maillog.counts` has numbers and positions in one step. Invariant: a line counts
once; of a file that is written to only what the collector's ledger told at two looks is read, for
what is behind that may be cut back and come again elsewhere.
"""

import contextlib
import hashlib
import logging
import os
import signal
import time
from collections.abc import Iterable, Iterator
from multiprocessing import connection, get_context, parent_process
from multiprocessing.context import SpawnProcess
from pathlib import Path

from workers.logs import reading
from workers.logs.collector_settings import Settings
from workers.logs.content import Text
from workers.logs.core.ledger import Ledger, decoded
from workers.logs.core.lines import LINE_BYTES, LogFile
from workers.logs.files import DAMAGED, is_compressed
from workers.logs.scanning import zone_seconds
from workers.maillog.core.counted import counted_in
from workers.maillog.core.moments import DAY, Moments
from workers.maillog.core.tally import Tally
from workers.maillog.counts import Counts, CountsError, Progress

TURN_SECONDS = 10.0
FIND_SECONDS = 3_600.0
"""So often files are looked for that the ledger does not tell of."""
BATCH_BYTES = 4 << 20
"""Of a log between two commits."""
HEAD_BYTES = 256
NICENESS = 10
log = logging.getLogger("muster.logs")


class Counter:
    """Counts the files of one collector. For one thread; raises `CountsError`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._counts = Counts(settings.mail_counts)
        self._known = self._counts.progress()
        self._ledger = _Ledger(Path(settings.state_directory) / "ledger")
        self._files: dict[str, tuple[LogFile, int]] = {}
        """Mail log -> its file, and its size when it was found."""
        self._found_after = 0.0
        self._unread: dict[str, int] = {}
        """Files that could not be read -> their size."""

    def close(self) -> None:
        """Let go of the numbers' file."""
        self._counts.close()

    def turn(self, now: float) -> Iterator[None]:
        """Count what is new; it stops after every batch, so that it can be ended there."""
        if now >= self._found_after or self._ledger.grown:
            self._find(now)
        self._ledger.look(now)
        for name, (file, size) in list(self._files.items()):
            known = self._known.get(name, Progress())
            end = self._ledger.end(name)
            if end is None or is_compressed(file.path):
                end = size
            if known.whole or known.position == end or self._unread.get(file.path) == end:
                continue
            try:
                yield from self._count(file, name, end, now)
            except DAMAGED as error:
                self._unread[file.path] = end
                self._found_after = 0.0
                log.warning("%s is not counted: %s", file.path, error)
        self._counts.counted(self._ledger.sure_at)

    def _find(self, now: float) -> None:
        """Find the mail logs; before the ledger is looked at, which knows all that grow."""
        if now >= self._found_after:
            self._found_after = now + FIND_SECONDS
            self._unread.clear()
        self._files = {}
        for file in reading.files(self._settings.destination):
            if file.log in self._settings.mail_logs:
                with contextlib.suppress(OSError):
                    size = os.stat(file.path).st_size
                    self._files[file.path.removesuffix(reading.ZSTD)] = file, size
        self._counts.tidy(self._files, now)
        self._known = self._counts.progress()

    def _count(self, file: LogFile, name: str, end: int, now: float) -> Iterator[None]:
        with Text(file.path) as text:
            ended = text.size is None or is_compressed(file.path)
            ends = None if ended else min(end, text.size or 0)
            stored = self._known.get(name, Progress())
            known = stored if _same(text, stored) else Progress()
            while True:
                data = _batch(text, known.position, ends)
                if not data and known == stored and ends is not None:
                    return
                position = known.position + len(data)
                head = text.read(0, min(HEAD_BYTES, position))
                whole = ends is None and not data
                new = Progress(position, len(head), _digest(head), whole)
                tally = self._tally(file, data, text.written)
                if not self._counts.keep(name, stored, new, tally, now):
                    self._known = self._counts.progress()
                    return
                self._known[name] = stored = known = new
                yield
                if not data:
                    return

    def _tally(self, file: LogFile, data: bytes, written: float) -> Tally:
        """The numbers of some lines; what says an impossible time is told, and not counted."""
        tally, moments, timeless = Tally(), Moments(zone_seconds()), 0
        for found in counted_in(data):
            moment = moments.seconds(found.at, written)
            if moment is None or moment > written + DAY:
                timeless += 1
            else:
                tally.add(found, moment, file.subcluster, file.node)
        if timeless:
            sentence = "%s: %s lines say a time that cannot be, and are not counted; see the clock"
            log.warning(f"{sentence} of %s", file.path, timeless, file.node)
        return tally


def _batch(text: Text, start: int, end: int | None) -> bytes:
    """Whole lines from `start` on; the rest of a file that is compressed, for it has ended."""
    count = BATCH_BYTES if end is None else max(0, min(BATCH_BYTES, end - start))
    data = text.read(start, count)
    cut = data.rfind(b"\n") + 1
    if not cut and (end is None or len(data) >= LINE_BYTES):
        return data
    return data[:cut]


def _same(text: Text, known: Progress) -> bool:
    """Whether a file is the one that was read, and not another in its place."""
    if text.size is not None and text.size < known.position:
        return False
    return _digest(text.read(0, known.head_bytes)) == known.head or not known.head_bytes


def _digest(head: bytes) -> bytes:
    return hashlib.blake2b(head, digest_size=16).digest()


class _Ledger:
    """What a collector's ledger says of its files' lengths, now and at the look before."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, ...] = ()
        self._now: dict[str, int] = {}
        self._before: dict[str, int] = {}
        self._looked_at = 0.0
        self.sure_at = 0.0
        """When what `end` says was so, in seconds; 0: never yet."""
        self.grown = True
        """Whether it tells of a file that it did not tell of before."""

    def look(self, now: float) -> None:
        """See what it says."""
        before = self._before = self._now
        self.sure_at, self._looked_at = self._looked_at, now
        try:
            status = self._path.stat()
            seen = (status.st_ino, status.st_size, status.st_mtime_ns)
            if seen != self._seen:
                ledger = Ledger()
                for record, _end in decoded(self._path.read_bytes()):
                    ledger.add(record)
                self._seen, self._now = seen, ledger.lengths
        except FileNotFoundError:
            self._seen, self._now = (), {}
        self.grown = self._now is not before and not self._now.keys() <= before.keys()

    def end(self, name: str) -> int | None:
        """How much of a file is surely kept; None: nobody writes to it."""
        if name not in self._now:
            return None
        return min(self._before.get(name, 0), self._now[name])


class CountingProcess:
    """The process that counts; it ends with whoever started it."""

    def __init__(self, settings: Settings, turn_seconds: float = TURN_SECONDS) -> None:
        self._settings = settings
        self._turn_seconds = turn_seconds
        self._process: SpawnProcess | None = None

    def keep_alive(self) -> None:
        """Start it, again should it have died; nothing when no logs are to be counted."""
        if not self._settings.mail_logs or (self._process and self._process.is_alive()):
            return
        self._process = get_context("spawn").Process(
            target=count,
            args=(self._settings, self._turn_seconds),
            name="counting",
            daemon=True,
        )
        self._process.start()


def count(settings: Settings, turn_seconds: float) -> None:
    """Count until the process that started this one ends."""
    logging.basicConfig(format="muster: %(message)s", level=logging.INFO)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    parent = parent_process()
    ended = [parent.sentinel] if parent else []
    counter, said = None, ""
    while True:
        try:
            counter = counter or Counter(settings)
            for _batch_done in counter.turn(time.time()):
                if _over(ended, 0):
                    return
            said = ""
        except (CountsError, OSError) as error:
            if str(error) != said:
                log.warning("mail is not counted: %s", error)
            said = str(error)
            if counter is not None:
                counter.close()
                counter = None
        if _over(ended, turn_seconds):
            return


def _over(ended: Iterable[int], seconds: float) -> bool:
    return bool(connection.wait(list(ended), seconds))
