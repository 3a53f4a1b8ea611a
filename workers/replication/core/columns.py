"""Cells as columns: keys of one length side by side, ages in a byte each, counts in few.

What one table's cells look like in a message and on the disk. `read_columns` refuses what does not
fit together before anything is taken from it.
"""

import struct
from collections.abc import Iterator

import msgspec

from workers.replication.core.keys import is_sound

WIDTHS = {1: "B", 2: "H", 4: "I", 8: "Q"}
SECTION_CELLS_MAX = 1 << 17


class Section(msgspec.Struct, frozen=True, array_like=True):
    """Cells of one table. `base`: what buckets are counted from; `span` 0: gauges, no buckets.

    `groups`: (length, how many keys). `per`: how many cells each key has, empty where it is one.
    `width`: bytes of a count. Cells stand in the order of the keys.
    """

    table: str
    span: float
    base: int
    groups: list[tuple[int, int]]
    keys: bytes
    per: bytes
    ages: bytes
    width: int
    counts: bytes


Cells = list[tuple[bytes, list[tuple[int, int]]]]


SECTION_BYTES = 400
"""What a section needs beside its cells: the table's name and what columns need, at most."""


def cells_bytes(key: bytes, cells: int) -> int:
    """Return how many bytes so many cells of a key take at most."""
    return len(key) + 4 + 5 * cells


def columns(table: str, span: float, found: Cells, base: int) -> Section:
    """Return keys and their (bucket, count) as columns; buckets are from `base` to `base + 255`."""
    found.sort(key=_length)
    groups: list[tuple[int, int]] = []
    last, many = -1, 0
    for key, _cells in found:
        if len(key) != last:
            if many:
                groups.append((last, many))
            last, many = len(key), 0
        many += 1
    groups.append((last, many))
    flat = [cell for _key, cells in found for cell in cells]
    one_each = len(flat) == len(found)
    return Section(
        table,
        span,
        base,
        groups,
        b"".join([key for key, _cells in found]),
        b"" if one_each else bytes([len(cells) for _key, cells in found]),
        bytes([min(255, bucket - base) for bucket, _count in flat]) if span else b"",
        *_counts([count for _bucket, count in flat]),
    )


def read_columns(section: Section, by_address: bool) -> Iterator[tuple[bytes, int, int]]:
    """Return (key, bucket, count) of each cell. Raises `ValueError` for columns that don't fit."""
    keys, at = section.keys, 0
    split: list[bytes] = []
    if min((min(pair) for pair in section.groups), default=0) < 0:
        raise ValueError("a group of keys has less than nothing")
    if sum(length * many for length, many in section.groups) != len(keys):
        raise ValueError("keys have another length than their groups say")
    if sum(many for _length_, many in section.groups) > SECTION_CELLS_MAX:
        raise ValueError("more keys than a section may have")
    for length, many in section.groups:
        end = at + length * many
        split += [keys[i : i + length] for i in range(at, end, length)] if length else [b""] * many
        at = end
    if not all(is_sound(key, by_address) for key in split if len(key) not in (4, 16)):
        raise ValueError("a key is no key of this table")
    if section.per:
        if len(section.per) != len(split) or sum(section.per) > SECTION_CELLS_MAX:
            raise ValueError("not every key says how many cells it has")
        split = [key for key, many in zip(split, section.per, strict=True) for _ in range(many)]
    counts = _read_counts(section, len(split))
    if not section.span:
        return zip(split, (0,) * len(split), counts, strict=True)
    if len(section.ages) != len(split):
        raise ValueError("not every cell has an age")
    base = section.base
    return zip(split, [base + age for age in section.ages], counts, strict=True)


def _length(pair: tuple[bytes, list[tuple[int, int]]]) -> int:
    return len(pair[0])


def _counts(values: list[int]) -> tuple[int, bytes]:
    most = max(values)
    width = next((one for one in WIDTHS if most < 1 << 8 * one), 8)
    return width, struct.pack(f"<{len(values)}{WIDTHS[width]}", *values)


def _read_counts(section: Section, many: int) -> tuple[int, ...]:
    kind = WIDTHS.get(section.width)
    if kind is None or len(section.counts) != many * section.width:
        raise ValueError("not every cell has a count")
    return struct.unpack(f"<{many}{kind}", section.counts)
