"""What a log's files say: their beginnings, and their content from any place on."""

import bz2
import gzip
import lzma
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

import zstandard

from workers.logs.core.looks import HEAD_BYTES, Place

Packed = gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile | zstandard.ZstdDecompressionReader
OPENERS: dict[str, Callable[[IO[bytes]], Packed]] = {
    ".gz": lambda file: gzip.GzipFile(fileobj=file),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
    ".zst": lambda file: zstandard.ZstdDecompressor().stream_reader(
        file, read_across_frames=True, closefd=False
    ),
}
DAMAGED = (OSError, EOFError, lzma.LZMAError, zstandard.ZstdError)
"""What reading a file raises that is not whole yet, or never will be."""
SKIP_BYTES = 1 << 20


class MovedError(Exception):
    """Another file has that name by now: look again."""


def is_compressed(name: str) -> bool:
    """By the ending of its name, as rotators give it."""
    return Path(name).suffix in OPENERS


def open_plain(path: Path, place: Place) -> int:
    """A descriptor of the file that had this name at the last look; raises `MovedError`."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise MovedError from None
    if place_of(os.fstat(handle)) != place:
        os.close(handle)
        raise MovedError
    return handle


def place_of(found: os.stat_result) -> Place:
    """Where a file is."""
    return found.st_dev, found.st_ino


def head_of(path: Path, place: Place) -> tuple[bytes, os.stat_result]:
    """The first bytes of its content, without compression, and what the file is like after that.

    Raises `MovedError` and `DAMAGED`.
    """
    with os.fdopen(open_plain(path, place), "rb", buffering=0) as file:
        if not is_compressed(path.name):
            return file.read(HEAD_BYTES), os.fstat(file.fileno())
        with OPENERS[path.suffix](file) as content:
            return content.read(HEAD_BYTES), os.fstat(file.fileno())


class Content:
    """A compressed file's content, read once from the beginning to the end; use it in a `with`."""

    def __init__(self, path: Path, place: Place) -> None:
        self._file = os.fdopen(open_plain(path, place), "rb")
        self._content = OPENERS[path.suffix](self._file)

    def __enter__(self) -> "Content":
        return self

    def __exit__(self, *_: object) -> None:
        self._content.close()
        self._file.close()

    def skip(self, count: int) -> bool:
        """Go on behind that many bytes; False when there are fewer."""
        while count:
            found = self._content.read(min(count, SKIP_BYTES))
            if not found:
                return False
            count -= len(found)
        return True

    def read(self, count: int) -> bytes:
        """So many bytes, fewer only at the end."""
        parts = []
        while count and (found := self._content.read(count)):
            parts.append(found)
            count -= len(found)
        return b"".join(parts)
