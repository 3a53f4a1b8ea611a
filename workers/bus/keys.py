"""The file of cluster keys: one hexadecimal key a line, the first signs, all verify.

Two lines for a while are how a key is rotated without an outage. Only the owner may read the file:
it is refused otherwise. No error message ever shows a key.
"""

import os
import secrets
import stat
from pathlib import Path

from workers.bus.codec import KEY_BYTES_MIN
from workers.bus.errors import BusError

KEY_BYTES = 32
KEYS_MAX = 4
"""Each foreign message costs one HMAC per key."""


def make_key() -> str:
    """A fresh key as the line that goes into the file."""
    return secrets.token_hex(KEY_BYTES)


def load_keys(path: Path | str) -> tuple[bytes, ...]:
    """The keys in the file; raises `BusError` when it is unreadable, open to others, or wrong."""
    keys = tuple(
        _parsed(line.strip(), f"{path}, line {number}")
        for number, line in enumerate(_private_text(Path(path)).splitlines(), start=1)
        if line.strip()
    )
    if not 1 <= len(keys) <= KEYS_MAX:
        raise BusError(f"{path}: {len(keys)} cluster keys; there must be 1 to {KEYS_MAX}")
    return keys


def _private_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise BusError(f"{path}: the cluster key must be in a regular file")
            if status.st_mode & 0o077:
                raise BusError(
                    f"{path}: others may access the cluster key (mode "
                    f"{stat.S_IMODE(status.st_mode):04o}); run: chmod 600 {path}"
                )
            return file.read(64 * 1024).decode("ascii")
    except UnicodeDecodeError as error:
        raise BusError(f"{path}: a cluster key is written in hexadecimal digits") from error
    except OSError as error:
        raise BusError(f"{path}: cannot read the cluster key: {error.strerror}") from error


def _parsed(line: str, where: str) -> bytes:
    try:
        key = bytes.fromhex(line)
    except ValueError:
        raise BusError(f"{where}: a cluster key is written in hexadecimal digits") from None
    if len(key) < KEY_BYTES_MIN:
        raise BusError(f"{where}: a cluster key needs at least {2 * KEY_BYTES_MIN} digits")
    return key
