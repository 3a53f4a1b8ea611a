"""Which files of a tree Postfix wants compiled: the maps that its configuration names.

Read from what `postconf -nx` and `postconf -Px` list, parameters expanded. Maps outside of the tree
are somebody else's; kinds that Postfix reads as text (`cidr:`, `texthash:`) need nothing.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

_MAP = re.compile(r"\b(hash|btree|lmdb|cdb|dbm|sdbm):(/[^\s,{}]+)")
_ALIASES = {"alias_maps", "alias_database"}
"""Parameters whose files are in the format of aliases(5)."""


@dataclass(frozen=True, slots=True, order=True)
class CompiledMap:
    """A file of the tree, by relative path, that is to be compiled as `kind`."""

    path: str
    kind: str
    aliases: bool


def compiled_maps(
    listing: str, directories: Sequence[str], present: Collection[str]
) -> tuple[CompiledMap, ...]:
    """The maps that a listing names below one of the directories, and that are there."""
    found = set()
    for line in listing.splitlines():
        name, _, value = line.partition(" = ")
        parameter = name.rpartition("/")[2]
        for kind, place in _MAP.findall(value):
            for directory in directories:
                path = place.removeprefix(f"{directory}/")
                if path in present:
                    found.add(CompiledMap(path, kind, parameter in _ALIASES))
    return tuple(sorted(found))
