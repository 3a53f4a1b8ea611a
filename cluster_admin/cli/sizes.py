"""Sizes as people write and read them: 500MiB, 2GiB, 1048576 in; "2 GiB" out."""

import re
from typing import Any

from cluster_admin.cli.errors import Usage

UNITS = ("", "KiB", "MiB", "GiB", "TiB")
WRITTEN = re.compile(r"(\d{1,15})\s*(?:([KMGT])(?:iB)?|B)?")


def size(written: str, what: str) -> int:
    """The size in bytes; raises `Usage` naming `what`."""
    told = WRITTEN.fullmatch(written.strip())
    if not told:
        raise Usage(f"{what} is {written!r}; write bytes, or a size such as 500MiB or 2GiB")
    return int(told[1]) << 10 * " KMGT".index(told[2] or " ")


def shown(value: Any) -> str:
    """A size for people, three digits of it."""
    if not isinstance(value, int):
        return ""
    number, unit = float(value), 0
    while number >= 1024 and unit < len(UNITS) - 1:
        number, unit = number / 1024, unit + 1
    return f"{number:.4g} {UNITS[unit] or 'B'}"
