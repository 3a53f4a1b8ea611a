"""Whoever writes a log, and rotates it as logrotate does: by renaming, or copying and truncating.

Lines are `bench.numbered`'s. A writer knows how many lines it has written, and which of them were
cut off between the copy and the truncation.
"""

import os
import shutil
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from bench.numbered import lines, numbered

SAMPLE = Path(__file__).parents[1] / "fixtures" / "maillog" / "postfix.log"
WINDOW_LINES = 20
"""Written while a log is being copied and truncated."""
KEPT_FILES = 9
BATCH_LINES = 20_000


class Rotation(Enum):
    """How a log is rotated."""

    RENAME = "rename"
    COPY_TRUNCATE = "copytruncate"


def sample() -> tuple[bytes, ...]:
    """Real lines of Postfix, without line feeds."""
    return tuple(SAMPLE.read_bytes().splitlines())


class Writer:
    """Writes one log. `texts` are what its lines say, in turn."""

    def __init__(self, path: Path, texts: Sequence[bytes]) -> None:
        self._path = path
        self._texts = texts
        self.written = 0
        self.bytes_written = 0
        self.window: set[int] = set()
        """Numbers of lines that were cut off before anybody was sure to see them."""
        self._own_sizes: dict[int, int] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        self._out = path.open("ab", buffering=0)

    def write(self, count: int) -> None:
        """Append so many lines."""
        while count > 0:
            share = min(count, BATCH_LINES)
            self._append(b"".join(lines(self._texts, self.written, share)))
            self.written += share
            count -= share

    def write_bytes(self, size: int) -> None:
        """Append lines until at least `size` bytes more are there."""
        end = os.fstat(self._out.fileno()).st_size + size
        while os.fstat(self._out.fileno()).st_size < end:
            self.write(BATCH_LINES // 10)

    def write_text(self, text: bytes) -> None:
        """Append one line that says something of its own."""
        line = numbered(text, self.written)
        self._own_sizes[self.written] = len(line)
        self._append(line)
        self.written += 1

    def size_of(self, number: int) -> int:
        """Bytes of a line that was written, its line feed among them."""
        text = self._texts[number % len(self._texts)]
        return self._own_sizes.get(number) or len(numbered(text, number))

    def rotate(self, how: Rotation) -> None:
        """Rotate, as logrotate does; the ninth file goes."""
        for number in range(KEPT_FILES - 1, 0, -1):
            older = self._beside(number)
            if older.exists():
                older.rename(self._beside(number + 1))
        if how is Rotation.RENAME:
            self._path.rename(self._beside(1))
            self._out.close()
            self._out = self._path.open("ab", buffering=0)
            return
        shutil.copyfile(self._path, self._beside(1))
        self.window |= set(range(self.written, self.written + WINDOW_LINES))
        self.write(WINDOW_LINES)
        os.ftruncate(self._out.fileno(), 0)

    def close(self) -> None:
        """Nothing more is written."""
        self._out.close()

    def _append(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._out.write(view) :]
        self.bytes_written += len(data)

    def _beside(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")
