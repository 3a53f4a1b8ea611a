"""The manager's repository as working copies need it: its revisions, trees, contents, commits."""

import tarfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cluster_admin.cli.config_files import blob_of
from cluster_admin.cli.config_progress import Advance
from cluster_admin.cli.errors import Complaint, Refused
from cluster_admin.cli.resources import path as path_of
from workers.repository.core.merge import Version
from workers.repository.core.paths import path_refusal

if TYPE_CHECKING:
    from cluster_admin.cli.client import Client

ROOT = "config/"
BUFFER_BYTES = 1 << 18
FEW = 20
"""So many files are fetched one by one, however small the rest is."""


@dataclass(frozen=True, slots=True)
class Point:
    """A revision by number and commit; 0 and "" before the first."""

    number: int = 0
    commit: str = ""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a revision, and its size in bytes."""

    version: Version
    size: int


class Remote:
    """The repository behind a client."""

    def __init__(self, client: "Client") -> None:
        self.client = client

    def point(self, number: int | None = None) -> Point:
        """A revision; None: the newest."""
        if number == 0:
            return Point()
        query: dict[str, str | int] = {"limit": 1}
        if number is not None:
            query["before"] = number + 1
        rows = self.client.get(f"{ROOT}revisions/", query).body["results"]
        if rows and number in (None, rows[0]["number"]):
            return _point(rows[0])
        if number is None:
            return Point()
        # One that changed nothing which the user may read; or there is none.
        return _point(self.client.get(revision_path(number)).body)

    def check(self, base: Point) -> None:
        """Raise `Refused` unless the manager's history has this revision."""
        if base.number == 0:
            return
        there = self.point(base.number)
        if there.commit != base.commit:
            raise Refused(
                f"{self.client.url} has another history: r{base.number} is {there.commit[:12]} "
                f"there and {base.commit[:12]} here; ask that manager which this was made from, "
                "or make a new working copy and copy your edits into it"
            )

    def tree(self, number: int) -> dict[str, RemoteFile]:
        """The files of a revision by path."""
        if number == 0:
            return {}
        rows = self.client.get(f"{revision_path(number)}tree/").body["files"]
        files = {str(row["path"]): row for row in rows}
        for path in files:
            if refusal := path_refusal(path):
                raise Complaint(
                    f"r{number} of {self.client.url} is no tree: {path} {refusal.value}"
                )
        return {
            path: RemoteFile(Version(row["blob"], bool(row["executable"])), int(row["size"]))
            for path, row in files.items()
        }

    def content(self, number: int, path: str, blob: str = "") -> bytes:
        """The content of a file; raises `Complaint` when it is not that `blob`."""
        from cluster_admin.cli.downloading import opened

        query: dict[str, str | int] = {"path": path, "raw": 1}
        with opened(self.client, f"{revision_path(number)}file/", query) as download:
            content = download.read()
        return _checked(path, content, blob)

    def contents(
        self, number: int, wanted: Mapping[str, RemoteFile], under: Collection[str], whole: int
    ) -> Iterator[tuple[str, bytes]]:
        """The contents of files, in any order; of a tree of `whole` bytes below `under`."""
        size = sum(file.size for file in wanted.values())
        if len(wanted) <= FEW or size * 2 < whole:
            for path, file in wanted.items():
                yield path, self.content(number, path, file.version.blob)
            return
        left = dict(wanted)
        for directory in under or ("",):
            if not directory or any(path.startswith(f"{directory}/") for path in left):
                for path, content in self._archive(number, directory):
                    if path in left:
                        yield path, _checked(path, content, left.pop(path).version.blob)
        for path, file in left.items():
            yield path, self.content(number, path, file.version.blob)

    def commit(self, body: Mapping[str, Any], advance: Advance, *, propose: bool = False) -> Any:
        """Send a change; the manager's answer."""
        where = "proposals" if propose else "commits"
        return self.client.upload(f"{ROOT}{where}/", body, advance).body

    def _archive(self, number: int, under: str) -> Iterator[tuple[str, bytes]]:
        from cluster_admin.cli.downloading import opened

        query: dict[str, str | int] = {"revision": number}
        if under:
            query["under"] = under
        try:
            with (
                opened(self.client, f"{ROOT}archive/", query) as download,
                tarfile.open(fileobj=download, mode="r|", bufsize=BUFFER_BYTES) as archive,
            ):
                for member in archive:
                    file = archive.extractfile(member) if member.isreg() else None
                    if file is not None:
                        yield member.name, file.read()
        except tarfile.TarError as error:
            raise Complaint(f"the tree came spoilt or cut short ({error}); try again") from error


def revision_path(number: int | str) -> str:
    """Where a revision is in the API."""
    return f"{ROOT}revisions/{path_of(number)}"


def _point(row: Mapping[str, Any]) -> Point:
    return Point(int(row["number"]), str(row["commit"]))


def _checked(path: str, content: bytes, blob: str) -> bytes:
    if blob and blob_of(content) != blob:
        raise Complaint(f"{path} came spoilt or cut short; try again")
    return content
