"""A collected file's content from any place on, compressed or not."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from workers.logs import files
from workers.logs.core.lines import LINE_BYTES
from workers.logs.frames import frames_of

WINDOW_BYTES = 256 << 10
"""Read at once: what a processor keeps near while it is looked through."""
NEAR_BYTES = 4 << 10
"""Nearly every line ends within so much."""


class Text:
    """Use it in a `with`; raises `files.DAMAGED`.

    What is compressed is read at its frames, and from the front on where it is a single one.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        found = os.fstat(self._handle)
        self._place = files.place_of(found)
        self.written = found.st_mtime
        """Seconds: when it was last written to."""
        self._frames = frames_of(self._handle) if path.endswith(".zst") else None
        self.size = None if files.is_compressed(path) else found.st_size
        """Bytes of content; None when only reading it would tell."""
        if self._frames is not None:
            self.size = self._frames.size
        self._content: files.Content | None = None
        self._at = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()
        os.close(self._handle)

    def read(self, offset: int, count: int) -> bytes:
        """So many bytes, fewer at the end."""
        if self._frames is not None:
            return self._frames.read(offset, count)
        if self.size is not None:
            return os.pread(self._handle, count, offset)
        if self._content is None or offset < self._at:
            self._leave()
            self._content, self._at = files.Content(self._path, self._place), 0
        if not self._content.skip(offset - self._at):
            self._leave()
            return b""
        data = self._content.read(count)
        self._at = offset + len(data)
        return data

    def lines(self, start: int, end: int | None) -> Iterator[tuple[int, bytes]]:
        """Whole lines from `start`, where one begins, to `end`: where some begin, and they.

        A line that is longer than `LINE_BYTES` comes in pieces.
        """
        rest = b""
        while end is None or start + len(rest) < end:
            count = WINDOW_BYTES if end is None else min(WINDOW_BYTES, end - start - len(rest))
            data = self.read(start + len(rest), count)
            whole = rest + data
            cut = whole.rfind(b"\n") + 1
            if not data or (not cut and len(whole) >= LINE_BYTES):
                cut = len(whole)
            if cut:
                yield start, whole[:cut]
            if not data:
                return
            start, rest = start + cut, whole[cut:]
        if rest:
            yield start, rest

    def line_start(self, near: int) -> int:
        """Where the first line begins at or behind a place; the place itself in a long line."""
        if near <= 0:
            return 0
        for count in (NEAR_BYTES, LINE_BYTES):
            found = self.read(near - 1, count).find(b"\n")
            if found >= 0:
                return near + found
        return near

    def _leave(self) -> None:
        if self._content is not None:
            self._content.__exit__()
            self._content = None
