"""The index of a collector's files, made while collecting: one sidecar for each file.

It is derived from the files alone: what is missing of it is made from them, and what is damaged
does not count, so nothing of it needs to be synced, and `rm` of the whole directory is safe.
Invariant: a sidecar says only what was in its file when that was kept. For one thread; a failure
to write it costs speed, and never a line.
"""

import contextlib
import hashlib
import logging
import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from workers.logs.core import sidecar
from workers.logs.core.sidecar import BLOCK_BYTES, HEAD_BYTES
from workers.logs.core.tokens import hashes

FILES_MAX = 1_024
"""Files whose place in their sidecars is known; of others it is read again."""
log = logging.getLogger("muster.logs")


def place_of(directory: Path, path: str) -> Path:
    """Where the sidecar of a file is; of a compressed one, where it was before."""
    name = path.removesuffix(".zst").encode("utf-8", "surrogateescape")
    digest = hashlib.sha256(name).hexdigest()
    return directory / digest[:2] / f"{digest[2:]}.index"


@dataclass(slots=True)
class _Progress:
    """How far a file is in its sidecar."""

    end: int
    """Bytes of the file."""
    size: int
    """Bytes of the sidecar; 0: it is to be begun."""
    whole: bool = False
    """It says already that the file ends there."""


class Index:
    """Sidecars in a directory. `add` is called for what was kept, in the order of the file."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._known: OrderedDict[str, _Progress] = OrderedDict()
        self._failing = False

    def add(self, path: str, start: int, data: bytes) -> None:
        """The file has these bytes from `start` on. Cheap: a block is read when it is full."""
        with self._tolerant():
            progress = self._progress(path, start)
            if start + len(data) - progress.end >= BLOCK_BYTES:
                self._go_on(path, progress, start + len(data))

    def flush(self) -> None:
        """Forget what is in memory; everything said so far is with the system already."""
        self._known.clear()

    def catch_up(self, paths: Iterable[str]) -> None:
        """Bring the sidecars of these files up to their ends, and make those that are missing."""
        for path in paths:
            with self._tolerant():
                try:
                    size = Path(path).stat().st_size
                except FileNotFoundError:
                    self.forget([path])
                    continue
                self._known.pop(path, None)
                self._go_on(path, self._progress(path, size), size)

    def finish(self, path: str) -> None:
        """Nothing more comes into this file: index all of it, as before it is compressed."""
        with self._tolerant():
            size = Path(path).stat().st_size
            progress = self._progress(path, size)
            self._go_on(path, progress, size, least=1)
            said = sidecar.record(progress.end, 0, b"")
            if progress.size and not (progress.whole and progress.end == size):
                _append(place_of(self._directory, path), progress.size, said)
            self._known.pop(path, None)

    def forget(self, paths: Iterable[str]) -> None:
        """These files are gone, or about to go: so do their sidecars."""
        for path in paths:
            self._known.pop(path, None)
            with self._tolerant():
                place_of(self._directory, path).unlink(missing_ok=True)

    def prune(self) -> int:
        """Take away sidecars whose files are gone, and say how many: after others deleted logs."""
        count = 0
        for place in self._directory.glob("??/*.index"):
            with self._tolerant():
                path = sidecar.read(place.read_bytes()[: 1 << 16], 0).path
                if not path or not (os.path.lexists(path) or os.path.lexists(f"{path}.zst")):
                    place.unlink()
                    count += 1
        return count

    def _progress(self, path: str, start: int) -> _Progress:
        """How far its sidecar is; one of another file, or of a longer one, is begun anew."""
        progress = self._known.get(path)
        if progress is None or progress.end > start:
            progress = self._known[path] = self._read(path)
            if progress.end > start:
                progress.end = progress.size = 0
            while len(self._known) > FILES_MAX:
                self._known.popitem(last=False)
        self._known.move_to_end(path)
        return progress

    def _read(self, path: str) -> _Progress:
        try:
            found = sidecar.read(place_of(self._directory, path).read_bytes(), 1 << 62)
        except FileNotFoundError:
            return _Progress(0, 0)
        if found.path != path or found.head != _beginning(path):
            return _Progress(0, 0)
        return _Progress(found.end, found.size, found.whole)

    def _go_on(self, path: str, progress: _Progress, end: int, least: int = BLOCK_BYTES) -> None:
        """Write records for every block in front of `end` that has `least` bytes."""
        place = place_of(self._directory, path)
        with open(path, "rb", buffering=0) as file:
            while end - progress.end >= least:
                data = os.pread(file.fileno(), BLOCK_BYTES, progress.end)
                data = data[: data.rfind(b"\n") + 1] or data
                if not data:
                    return
                said = sidecar.record(progress.end, len(data), hashes(data))
                if not progress.size:
                    said = sidecar.head(path, os.pread(file.fileno(), HEAD_BYTES, 0)) + said
                progress.size = _append(place, progress.size, said)
                progress.end += len(data)

    @contextlib.contextmanager
    def _tolerant(self) -> Iterator[None]:
        """A disk that is full, say, stops nothing: the block is tried again with the next."""
        try:
            yield
        except OSError as error:
            if not self._failing:
                log.warning("the index in %s waits: %s; see the disk", self._directory, error)
            self._failing = True
            self._known.clear()
        else:
            self._failing = False


def _beginning(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read(HEAD_BYTES)


def _append(place: Path, size: int, said: bytes) -> int:
    """Write behind what is good of a sidecar, and answer how much is good now."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    if not size:
        place.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        place.unlink(missing_ok=True)  # whoever reads the old one goes on reading it
    handle = os.open(place, flags, 0o640)
    try:
        if os.fstat(handle).st_size != size:
            os.ftruncate(handle, size)
        view, at = memoryview(said), size
        while view:
            written = os.pwrite(handle, view, at)
            view, at = view[written:], at + written
    finally:
        os.close(handle)
    return at
