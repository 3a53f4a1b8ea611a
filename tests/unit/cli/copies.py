"""Working copies of a real repository without a manager between them, for tests."""

import base64
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from cluster_admin.cli import config_plans
from cluster_admin.cli.config_commits import Asked, Committer
from cluster_admin.cli.config_copies import WorkingCopy
from cluster_admin.cli.config_progress import Advance
from cluster_admin.cli.config_pulls import Puller
from cluster_admin.cli.config_remote import Point, Remote, RemoteFile
from cluster_admin.cli.config_states import Choice, State
from cluster_admin.cli.errors import Refused
from cluster_admin.cli.surroundings import Surroundings
from tests.unit.repository.stage import proposal
from workers.repository.core.changes import Entry
from workers.repository.core.merge import Version
from workers.repository.errors import RepositoryError
from workers.repository.repository import Repository

AROUND = Surroundings(environment={}, asks=False, shows=False, reports=False)


class RepositoryRemote(Remote):
    """What a manager would say, from its repository; `patience` calls, then it is interrupted."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.patience = -1

    def _called(self) -> None:
        self.patience -= 1
        if self.patience == -1:
            raise KeyboardInterrupt

    def point(self, number: int | None = None) -> Point:
        self._called()
        found = self.repository.head() if number is None else self.repository.revision(number)
        return Point(found.number, found.hash) if found else Point()

    def tree(self, number: int) -> dict[str, RemoteFile]:
        self._called()
        return {
            path: RemoteFile(Version(file.blob, file.executable), file.size)
            for path, file in self.repository.tree(number).items()
        }

    def content(self, number: int, path: str, blob: str = "") -> bytes:
        self._called()
        return self.repository.read(number, path)

    def contents(
        self, number: int, wanted: Mapping[str, RemoteFile], under: Collection[str], whole: int
    ) -> Iterator[tuple[str, bytes]]:
        for path in wanted:
            yield path, self.content(number, path)

    def commit(self, body: Mapping[str, Any], advance: Advance, *, propose: bool = False) -> Any:
        self._called()
        changes: dict[str, bytes | Entry | None] = {
            row["path"]: None
            if "delete" in row
            else Entry(base64.b64decode(row["base64"]), row["executable"])
            for row in body["changes"]
        }
        try:
            made = self.repository.commit(body["base"], proposal(changes, key=body["key"]))
        except RepositoryError as error:
            raise Refused(str(error)) from error
        self._called()
        return {"revision": made.number, "commit": made.hash, "replicas": []}


class Desk:
    """Somebody at a working copy."""

    def __init__(self, root: Path, remote: Remote) -> None:
        self.remote = remote
        self.copy = WorkingCopy.made(root, State(url="http://manager.test", key=root.name))

    @property
    def root(self) -> Path:
        return self.copy.root

    def pull(self, choice: Choice | None = None, number: int | None = None) -> dict[str, str]:
        """Pull, and say what became of each path."""
        with self.copy.changing():
            puller = Puller(self.copy, self.remote, AROUND)
            puller.pull(self.remote.point(number), choice)
        return {row["path"]: row["outcome"] for row in puller.rows}

    def commit(self, *named: str, add_all: bool = True, delete_all: bool = True) -> int:
        """Commit; the number of the revision."""
        with self.copy.changing():
            asked = Asked("a change", named, add_all, delete_all)
            committer = Committer(self.copy, self.remote, AROUND)
            return int(committer.send(asked, committer.gather(asked))["revision"])

    def write(self, path: str, content: bytes) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)

    def files(self) -> dict[str, bytes]:
        """Every file but its own."""
        found = {
            str(place.relative_to(self.root)): place
            for place in self.root.rglob("*")
            if place.is_file() and not place.is_symlink()
        }
        return {
            path: place.read_bytes()
            for path, place in found.items()
            if not path.startswith(".muster/")
        }

    def changes(self) -> dict[str, config_plans.What]:
        """What `status` says."""
        from cluster_admin.cli import config_files
        from cluster_admin.cli.config_states import settled

        found, state = config_files.scan(self.root), self.copy.state
        base = settled(state, found.files)
        return config_plans.changes(base, found.files, found.others.keys(), state.conflicts)
