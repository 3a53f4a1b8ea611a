"""Power loss: nothing takes its place before it is on the disk, and no step begins before that.

A killed process leaves what it wrote to the kernel; a power loss does not. So the order of what is
brought to the disk is watched: whatever takes a name was synced before, with all below it.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.integration.deaths import NEW, OLD, Node
from workers.config.core.reports import Step

Place = str | os.PathLike[str]


@dataclass
class Disk:
    """What of the files is safe: contents by inode, names by directory."""

    synced: dict[int, int] = field(default_factory=dict)
    """Inode -> number of the operation that synced it last."""
    unsettled: set[str] = field(default_factory=set)
    """Directories in which names were taken since they were synced."""
    operations: int = 0
    taken: list[str] = field(default_factory=list)

    def fsync(self, handle: int) -> None:
        """Somebody syncs a file or a directory."""
        self.operations += 1
        self.synced[os.fstat(handle).st_ino] = self.operations
        self.unsettled.discard(os.readlink(f"/proc/self/fd/{handle}"))

    def replace(self, source: Path, target: Path) -> None:
        """Something is about to take its place."""
        assert not self.unsettled, f"{target} is replaced before {self.unsettled} are synced"
        self.check(source)
        if source.is_symlink():
            assert self.is_synced(source.parent), f"the link {source} is not synced"
            self.check((source.parent / os.readlink(source)).parent)
        self.unsettled.add(str(target.parent))
        self.taken.append(target.name)

    def check(self, path: Path) -> None:
        """All of a file or directory is safe, a directory after what is in it."""
        if path.is_symlink() or path.name.endswith(".gone"):
            return
        assert self.is_synced(path), f"{path} is not synced"
        for below in path.iterdir() if path.is_dir() else ():
            self.check(below)
            assert self.synced[below.stat().st_ino] < self.synced[path.stat().st_ino]

    def is_synced(self, path: Path) -> bool:
        return path.stat().st_ino in self.synced


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """The real disk, watched."""
    one = Disk()
    fsync, replace = os.fsync, os.replace

    def watched_fsync(handle: int) -> None:
        fsync(handle)
        one.fsync(handle)

    def watched_replace(source: Place, target: Place) -> None:
        if not str(target).endswith(".gone"):
            one.replace(Path(source), Path(target))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "replace", watched_replace)
    return one


def settled_before(disk: Disk) -> Callable[[Step], None]:
    def told(step: Step) -> None:
        assert not disk.unsettled, f"{step} begins before {disk.unsettled} are synced"
        disk.taken.append(f"[{step}]")

    return told


def test_what_is_live_is_on_the_disk(tmp_path: Path, disk: Disk) -> None:
    switcher = Node(tmp_path).switcher(settled_before(disk))
    for revision, tree in ((1, OLD), (2, NEW)):
        disk.taken.clear()
        (report,) = switcher.apply(revision, tree)
        assert report.sentence == f"r{revision} is applied"
        name = next(name for name in disk.taken if name.startswith(f"{revision}-"))
        assert disk.taken == [
            *("[save]", "journal", "[stage]", name, "[validate]"),
            *("[switch]", "journal", "current", "[reload]", "[check]", "[settle]", "journal"),
        ]


def test_turning_back_is_on_the_disk_too(tmp_path: Path, disk: Disk) -> None:
    node = Node(tmp_path)
    node.switcher().apply(1, OLD)
    disk.taken.clear()
    (report,) = node.switcher(settled_before(disk)).apply(2, {"main.cf": (b"sick", False)})
    assert report.sentence.endswith("reloaded and healthy")
    back = disk.taken.index("[restore]")
    assert disk.taken[back:] == [
        *("[restore]", "journal", "current", "[reload_old]", "[check_old]", "[settle]", "journal"),
    ]


def test_edits_are_on_the_disk_before_anything_replaces_them(tmp_path: Path, disk: Disk) -> None:
    node = Node(tmp_path)
    node.switcher().apply(1, OLD)
    (node.state.current / "maps" / "mine").write_text("mine")
    disk.taken.clear()
    (report,) = node.switcher(settled_before(disk)).apply(2, NEW)
    assert disk.taken[:3] == ["[save]", "journal", report.edits]
