"""Every byte of a log exactly once and in order, whatever rotates it, whenever somebody looks.

A directory is played in memory: a writer appends numbered lines, and the log is renamed, copied and
truncated, compressed, overwritten, deleted, while the tracker looks now and then, is killed with
pieces on their way, and holds files open or does not. What was lost is what nobody could have read.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from workers.logs.core.looks import HEAD_BYTES, Entry, Likeness, Plan, Read
from workers.logs.core.segments import PATIENCE_SECONDS, Fact, Tracker

BASE = "mail.log"
KEEP = 4


@dataclass(slots=True)
class File:
    """An inode's content."""

    content: bytes = b""
    compressed: bool = False
    changed: int = 0


@dataclass
class Directory:
    """The files, and who writes to them."""

    names: dict[str, int] = field(default_factory=dict)
    files: dict[int, File] = field(default_factory=dict)
    free: list[int] = field(default_factory=list)
    clock: int = 0
    line: int = 0
    writing: int = 0
    """The inode that the writer has open."""
    copied: bool = False
    """Half of a rotation is done: it is truncated before anything else is."""

    def make(self, name: str, content: bytes = b"", *, compressed: bool = False) -> int:
        """A new file; inodes that are free are used again at once."""
        inode = self.free.pop() if self.free else len(self.files) + 1
        self.files[inode] = File(content, compressed, self.tick())
        self.names[name] = inode
        return inode

    def tick(self) -> int:
        """Time goes on."""
        self.clock += 1
        return self.clock

    def reopen(self) -> None:
        """The writer opens the log by its name."""
        if BASE not in self.names:
            self.make(BASE)
        self.writing = self.names[BASE]

    def append(self, lines: int) -> None:
        """The writer writes to what it has open."""
        file = self.files[self.writing]
        for _ in range(lines):
            self.line += 1
            file.content += f"{self.line} a line of the log\n".encode()
        file.changed = self.tick()

    def shift(self) -> None:
        """What is rotated already moves on; the oldest goes."""
        for number in range(KEEP, 0, -1):
            for ending in ("", ".gz"):
                name = f"{BASE}.{number}{ending}"
                if name in self.names:
                    inode = self.names.pop(name)
                    if number < KEEP:
                        self.names[f"{BASE}.{number + 1}{ending}"] = inode

    def rename(self) -> None:
        """Rotate by renaming; the writer goes on with the old one until it reopens."""
        if BASE in self.names and not self.copied:
            self.shift()
            self.names[f"{BASE}.1"] = self.names.pop(BASE)

    def copy(self) -> None:
        """Rotate by copying, and truncating later."""
        if BASE in self.names and not self.copied:
            self.copied = True
            self.shift()
            self.make(f"{BASE}.1", self.files[self.names[BASE]].content)

    def truncate(self) -> None:
        """The other half of that."""
        if self.copied:
            self.copied = False
            file = self.files[self.names[BASE]]
            file.content, file.changed = b"", self.tick()

    def compress(self, number: int) -> None:
        """Put a compressed file in the place of a rotated one that nobody writes to."""
        name = f"{BASE}.{number}"
        inode = self.names.get(name)
        if inode is not None and inode != self.writing and self.files[inode].content:
            del self.names[name]
            self.make(f"{name}.gz", self.files[inode].content, compressed=True)

    def collect(self, held: set[int]) -> None:
        """Inodes that nobody has a name for or holds are free again."""
        used = {*self.names.values(), self.writing, *held}
        self.free = [inode for inode in self.files if inode not in used]

    def entries(self, held: set[int]) -> list[Entry]:
        """What a look finds."""
        named = set(self.names.values())
        found = [self._entry(name, inode) for name, inode in self.names.items()]
        return found + [self._entry("", inode) for inode in sorted(held - named)]

    def _entry(self, name: str, inode: int) -> Entry:
        file = self.files[inode]
        size = None if file.compressed else len(file.content)
        head = file.content[:HEAD_BYTES]
        return Entry(name, (1, inode), size, file.changed, head, name == BASE)


@dataclass
class Shipper:
    """The shell around a tracker: reads, and is killed."""

    directory: Directory
    names: Iterator[str] = field(default_factory=lambda: map(str, itertools.count()))
    now: float = 0.0
    held: set[int] = field(default_factory=set)
    collected: dict[str, bytes] = field(default_factory=dict)
    """What the subscriber has of each segment."""
    came: list[int] = field(default_factory=list)
    """Lines, in the order in which the subscriber got them."""
    lost: int = 0

    def __post_init__(self) -> None:
        self.tracker = Tracker(self.names)

    def look(self, limit: int) -> None:
        """Look until it is known what to read, and read at most `limit` bytes."""
        plan = self._plan()
        while not plan.settled:
            plan = self._plan()
        for step in plan.reads:
            content = self.directory.files[step.place[1]].content
            if limit <= 0 or self.tracker.waits(step.segment, self.now):
                break
            if not content[max(0, step.offset - len(step.window)) :].startswith(
                step.window + step.ahead
            ):
                self.tracker.changed(step.segment, self.now)
                break
            limit -= self._read(step, content, limit)
        self.held = {one.place[1] for one in self.tracker.segments() if one.home}
        self.lost += sum(one.count for one in self.tracker.facts() if one.fact is Fact.LOST)

    def _plan(self) -> Plan:
        entries = self.directory.entries(self.held)
        by_place = {one.place: one for one in entries}
        plan = self.tracker.look(entries, self.now)
        for step in plan.comparisons:
            content = self.directory.files[step.place[1]].content
            before = content[max(0, step.offset - len(step.window)) : step.offset]
            likeness = Likeness.SAME if before == step.window else Likeness.OTHER
            if len(content) < step.offset:
                likeness = Likeness.SHORTER
            self.tracker.compared(step, by_place[step.place], likeness)
        return plan

    def _read(self, step: Read, content: bytes, limit: int) -> int:
        data = content[step.offset : step.offset + limit]
        ended = step.offset + len(data) == len(content)
        self.tracker.read(step.segment, step.offset, data, ended=ended)
        have = self.collected.get(step.segment, b"")
        assert len(have) >= step.offset, "a gap"
        again = have[step.offset : step.offset + len(data)]
        assert again == data[: len(again)], "the same place, and other bytes"
        self.collected[step.segment] = have + data[len(again) :]
        self.came += numbers(self.collected[step.segment])[len(numbers(have)) :]
        return len(data)

    def acknowledge(self) -> None:
        """The subscriber has all that was sent."""
        for one in self.tracker.segments():
            self.tracker.kept(one.name, one.offset)

    def die(self) -> None:
        """Be killed, and start again from what was written down."""
        self.tracker = Tracker(self.names, self.tracker.saved())
        self.held = set()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 80)),
        st.tuples(st.just("look"), st.sampled_from([10, 100, 1_000, 10**6])),
        st.tuples(st.just("rename"), st.just(0)),
        st.tuples(st.just("reopen"), st.just(0)),
        st.tuples(st.just("copy"), st.just(0)),
        st.tuples(st.just("truncate"), st.just(0)),
        st.tuples(st.just("compress"), st.integers(1, KEEP)),
        st.tuples(st.just("acknowledge"), st.just(0)),
        st.tuples(st.just("die"), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 40)),
    ),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_every_line_comes_once(steps: list[tuple[str, int]]) -> None:
    directory = Directory()
    directory.reopen()
    shipper = Shipper(directory)
    shipper.look(10**6)
    gone: set[int] = set()
    for word, number in steps:
        play(directory, shipper, word, number)
        directory.collect(shipper.held)
        gone |= missing(directory, shipper)
    finish(directory, shipper)
    came = shipper.came
    assert len(came) == len(set(came)), "a line came twice"
    assert came == sorted(came), "out of order"
    assert set(range(1, directory.line + 1)) - set(came) <= gone, "a line is lost"
    if not gone and ("die", 0) not in steps:  # else it may have arrived before, unacknowledged
        assert shipper.lost == 0, "told as lost, and it is not"


def play(directory: Directory, shipper: Shipper, word: str, number: int) -> None:
    """One step of the story."""
    if word == "wait":
        shipper.now += number
    elif word in ("append", "compress"):
        getattr(directory, word)(number)
    elif word == "look":
        shipper.look(number)
    elif word in ("rename", "reopen", "copy", "truncate"):
        getattr(directory, word)()
    else:
        getattr(shipper, word)()


def missing(directory: Directory, shipper: Shipper) -> set[int]:
    """Lines that are in no file that has a name or is held, nor collected: nobody can have them."""
    there = {*directory.names.values(), directory.writing, *shipper.held}
    contents = [directory.files[inode].content for inode in there]
    have = {number for one in (*contents, *shipper.collected.values()) for number in numbers(one)}
    return set(range(1, directory.line + 1)) - have


def numbers(content: bytes) -> list[int]:
    """Those of the whole lines in there."""
    return [
        int(line.split()[0]) for line in content.splitlines(keepends=True) if line.endswith(b"\n")
    ]


def finish(directory: Directory, shipper: Shipper) -> None:
    """The writer rests, and everything is looked at until nothing moves."""
    directory.reopen()
    for _ in range(2 * KEEP):
        shipper.look(10**6)
        shipper.acknowledge()
    for _ in range(4 * KEEP):
        shipper.now += PATIENCE_SECONDS / 4
        shipper.look(10**6)
        shipper.acknowledge()
