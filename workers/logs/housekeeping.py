"""A collector's files that are no longer written to: compressed, and deleted when their time comes.

Invariant: nothing is touched but files whose names the destination could have given, and of these
none that it gives now, or gave within the hour. A death in between leaves the file, whole.
"""

import contextlib
import logging
import os
import re
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import zstandard

from workers.files import durable
from workers.logs.collector_settings import Settings
from workers.logs.core.retention import Stored, expired
from workers.logs.counting import CountingProcess
from workers.logs.index import Index

TURN_SECONDS = 60.0
MARGIN_SECONDS = 3_600.0
"""A clock that is set by less takes no file away from whoever writes it."""
FRAME_BYTES = 1 << 20
"""Of a log in each frame: readers go to the frame they want, and read no other."""
LEVEL = 3
PACKED = ".zst"
UNFINISHED = ".zst.new"
log = logging.getLogger("muster.logs")


class Housekeeper:
    """Looks after the files below a destination."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._template = settings.template
        self._ever = self._template.pattern()
        self._index = Index(settings.index_directory)
        """Not the collector's own: what is indexed here is what that one has left."""
        self._counting = CountingProcess(settings)

    def start(self) -> None:
        """Tidy now and then, in a thread that ends with the process."""
        threading.Thread(target=self._run, name="housekeeping", daemon=True).start()

    def catch_up(self, now: float) -> None:
        """Index what ended and is not compressed: the collector may have died before it did."""
        self._index.prune()
        if self._settings.index:
            ended, _live_bytes = self._sorted(now)
            self._index.catch_up(one.path for one in ended if not one.path.endswith(PACKED))

    def _run(self) -> None:
        said = ""
        try:
            self.catch_up(time.time())
        except Exception as error:  # an index makes reading fast, and is needed for nothing else
            log.warning("old files are not indexed: %s; see the disk", error)
        while True:
            try:
                self._counting.keep_alive()
                self.tidy(time.time())
                said = ""
            except Exception as error:  # the next turn may go well, and logs are collected anyway
                if str(error) != said:
                    log.warning("old files cannot be looked after: %s; see the disk", error)
                said = str(error)
            time.sleep(TURN_SECONDS)

    def tidy(self, now: float) -> None:
        """Delete what is too old or too much, then compress; raises `OSError`."""
        ended, live_bytes = self._sorted(now)
        gone = expired(
            ended,
            now=now,
            keep_days=self._settings.keep_days,
            keep_bytes=self._settings.keep_bytes,
            live_bytes=live_bytes,
        )
        for one in gone:
            self._delete(Path(one.path))
            self._index.forget([one.path])
        if self._settings.compress:
            for one in ended:
                if one not in gone and not one.path.endswith(PACKED):
                    if self._settings.index:
                        self._index.finish(one.path)
                    compress(Path(one.path), self._settings.file_mode)

    def _sorted(self, now: float) -> tuple[list[Stored], int]:
        """The files that ended, and how many bytes those have that did not."""
        live = [self._names_at(now + margin) for margin in (-MARGIN_SECONDS, 0, MARGIN_SECONDS)]
        ended, live_bytes = [], 0
        for found in self._files():
            name = found.path.removesuffix(PACKED)
            if any(pattern.fullmatch(name) for pattern in live):
                live_bytes += found.size
            else:
                ended.append(found)
        return ended, live_bytes

    def _names_at(self, instant: float) -> re.Pattern[str]:
        moment = time.localtime(instant)
        return self._template.pattern(lambda macro: time.strftime(macro, moment))

    def _files(self) -> Iterator[Stored]:
        """Every file that the destination could have named; leftovers of a death are removed."""
        for directory, _, names in os.walk(self._template.root):
            for name in names:
                path = os.path.join(directory, name)
                if self._ever.fullmatch(path.removesuffix(UNFINISHED)) and name.endswith(
                    UNFINISHED
                ):
                    os.unlink(path)
                elif self._ever.fullmatch(path.removesuffix(PACKED)):
                    with contextlib.suppress(FileNotFoundError):
                        found = os.stat(path, follow_symlinks=False)
                        if stat.S_ISREG(found.st_mode):
                            yield Stored(path, found.st_blocks * 512, found.st_mtime)

    def _delete(self, path: Path) -> None:
        """Delete a file, and the directories that are empty then."""
        log.info("%s is deleted: its time is over, or the room is needed", path)
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            for directory in path.parents:
                if directory == Path(self._template.root):
                    break
                directory.rmdir()


def compress(path: Path, mode: int) -> None:
    """Put `path`.zst into the place of a file that nobody writes to; raises `OSError`.

    When there is one already, of other content, the file stays as it is.
    """
    packed = path.with_name(path.name + PACKED)
    if packed.exists():
        if _same(path, packed):
            path.unlink()
        return
    beside = path.with_name(path.name + UNFINISHED)
    status = path.stat()
    compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with path.open("rb") as source, os.fdopen(handle, "wb") as target:
        while block := source.read(FRAME_BYTES):
            target.write(compressor.compress(block))
        target.flush()
        os.fchmod(handle, mode)
        os.utime(handle, ns=(status.st_atime_ns, status.st_mtime_ns))
        os.fsync(handle)
    durable.rename(beside, packed)
    path.unlink()


def _same(path: Path, packed: Path) -> bool:
    """Whether a compressed file has the content of another: a death came before that one went."""
    with path.open("rb") as plain, packed.open("rb") as file:
        reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        while block := plain.read(FRAME_BYTES):
            if _exactly(reader, len(block)) != block:
                return False
        return not reader.read(1)


def _exactly(reader: zstandard.ZstdDecompressionReader, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count and (part := reader.read(count - len(parts))):
        parts += part
    return bytes(parts)
