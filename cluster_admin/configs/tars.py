"""Files as a tar archive, piece by piece: the largest tree needs the memory of one file."""

import tarfile
from collections.abc import Iterable, Iterator
from datetime import datetime

BLOCK = tarfile.BLOCKSIZE
EXECUTABLE_MODE, FILE_MODE = 0o755, 0o644


def pieces(files: Iterable[tuple[str, bytes, bool]], at: datetime) -> Iterator[bytes]:
    """The archive of files (path, content, whether executable), all as old as `at`.

    The same files give the same bytes. Names of any length and script are kept (pax headers).
    """
    for path, content, executable in files:
        info = tarfile.TarInfo(path)
        info.size = len(content)
        info.mtime = int(at.timestamp())
        info.mode = EXECUTABLE_MODE if executable else FILE_MODE
        yield info.tobuf(tarfile.PAX_FORMAT)
        yield content + b"\0" * (-len(content) % BLOCK)
    yield b"\0" * (2 * BLOCK)
