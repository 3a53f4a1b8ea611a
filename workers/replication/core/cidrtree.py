"""Addresses and networks as a tree of their branching prefixes, with what is below each.

A prefix is shown where addresses or networks part, and for each of them itself; IPv4 first. What is
no address has no place in the tree. Invariant: the total of a prefix is the sum of the values of
everything in it, and roots together hold everything.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from workers.replication.core.keys import is_address, packed, unpacked


class Branch(NamedTuple):
    """One line of the tree. `value`: of the prefix itself; `total`: with everything in it."""

    depth: int
    prefix: str
    value: int
    total: int
    is_leaf: bool


class _Node:
    __slots__ = ("below", "bits", "length", "total", "value")

    def __init__(self, bits: int, length: int, value: int) -> None:
        self.bits, self.length, self.value = bits, length, value
        self.total = 0
        self.below: list[_Node] = []


def tree(rows: Iterable[tuple[str, int]]) -> list[Branch]:
    """Return the tree of (address or network, value), each prefix before what is in it."""
    found: dict[int, dict[tuple[int, int], int]] = {4: {}, 16: {}}
    for text, value in rows:
        key = packed(text, True)
        if is_address(key):
            size = 4 if len(key) < 16 else 16
            length = key[size] if len(key) > size else 8 * size
            prefix = (int.from_bytes(key[:size], "big"), length)
            found[size][prefix] = found[size].get(prefix, 0) + value
    return [
        line for size, prefixes in found.items() for line in _lines(_roots(prefixes, size), size)
    ]


def _roots(prefixes: dict[tuple[int, int], int], size: int) -> list[_Node]:
    width = 8 * size
    roots: list[_Node] = []
    path: list[_Node] = []
    for (bits, length), value in sorted(prefixes.items()):
        node = _Node(bits, length, value)
        left = None
        while path and not _holds(path[-1], bits, width):
            left = path.pop()
        siblings = path[-1].below if path else roots
        if left is not None:
            common = width - (left.bits ^ bits).bit_length()
            common = min(common, left.length, length)
            if common > (path[-1].length if path else 0):
                fork = _Node(bits >> (width - common) << (width - common), common, 0)
                fork.below = [left]
                siblings[-1] = fork
                path.append(fork)
                siblings = fork.below
        siblings.append(node)
        path.append(node)
    return roots


def _holds(node: _Node, bits: int, width: int) -> bool:
    return (node.bits ^ bits) >> (width - node.length) == 0


def _lines(roots: list[_Node], size: int) -> Iterator[Branch]:
    for root in roots:
        _sum(root)
    waiting = [(0, root) for root in reversed(roots)]
    while waiting:
        depth, node = waiting.pop()
        yield Branch(depth, _text(node, size), node.value, node.total, not node.below)
        waiting += [(depth + 1, one) for one in reversed(node.below)]


def _sum(node: _Node) -> int:
    node.total = node.value + sum(map(_sum, node.below))
    return node.total


def _text(node: _Node, size: int) -> str:
    key = node.bits.to_bytes(size, "big")
    return unpacked(key if node.length == 8 * size else key + bytes([node.length]), True)
