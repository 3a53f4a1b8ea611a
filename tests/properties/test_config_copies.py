"""No sequence of edits, pulls, commits and interruptions loses what somebody wrote.

Two working copies of one repository. Each line that is written is unlike every other; whoever wrote
it last into a file finds it in that file, in a side of a conflict, or in a revision. In the end all
are brought together, and are the same.
"""

import contextlib
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cluster_admin.cli import config_resolving
from cluster_admin.cli.config_states import Choice
from cluster_admin.cli.errors import Refused
from tests.unit.cli.copies import Desk, RepositoryRemote
from tests.unit.repository.stage import commit, contents
from workers.repository.repository import Repository

FEW = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
PATHS = ("global/a", "global/b", "global/d", "global/d/e", "one/default/a")
CHOICES = (None, Choice.MINE, Choice.MANUAL)
ACTS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(["line", "line", "line", "gone", "pull", "pull", "commit", "resolve"]),
        st.sampled_from(PATHS),
        st.integers(0, 9),
        st.sampled_from(CHOICES),
        st.sampled_from([-1, -1, -1, 0, 1, 2, 3, 4, 6]),
    ),
    max_size=16,
)


class Author:
    """Writes at a working copy, and remembers what they wrote last into each file."""

    def __init__(self, name: str, place: Path, repository: Repository) -> None:
        self.name = name
        self.repository = repository
        self.desk = Desk(place / name, RepositoryRemote(repository))
        self.written: dict[str, set[bytes]] = {}
        self.count = 0

    def line(self, path: str, at: int) -> None:
        """Put a line of their own into a file, or in the place of another."""
        place = self.desk.root / path
        with contextlib.suppress(OSError):
            lines = place.read_bytes().splitlines(keepends=True) if place.is_file() else []
            self.count += 1
            new = b"%s %d\n" % (self.name.encode(), self.count)
            changed = [*lines[:at], new, *lines[at + at % 2 :]]
            self.desk.write(path, b"".join(changed))
            own = self.written.setdefault(path, set()) | {new}
            self.written[path] = {each for each in own if each in changed}

    def gone(self, path: str) -> None:
        place = self.desk.root / path
        if place.is_file():
            place.unlink()
            self.written.pop(path, None)

    def act(self, what: str, path: str, at: int, choice: Choice | None, patience: int) -> None:
        remote = RepositoryRemote(self.repository)
        remote.patience = patience
        self.desk.remote = remote
        with contextlib.suppress(Refused, KeyboardInterrupt):
            if what == "pull":
                self.desk.pull(choice)
            elif what == "commit":
                self.desk.commit()
            elif what == "resolve" and self.desk.copy.state.conflicts:
                config_resolving.resolve(self.desk.copy, [""], None)
            elif what == "line":
                self.line(path, at)
            elif what == "gone":
                self.gone(path)

    def check(self) -> None:
        """Everything that they wrote is somewhere."""
        files = self.desk.files()
        for path, lines in self.written.items():
            kept = files.get(path, b"") + files.get(f"{path}.mine", b"")
            for line in lines:
                if line not in kept:
                    history = [self._committed(row.number, path) for row in self.repository.log()]
                    assert any(line in text for text in history), (path, line, files)

    def _committed(self, number: int, path: str) -> bytes:
        return contents(self.repository, number).get(path, b"")

    def finish(self) -> None:
        """Bring everything together, by hand where it has to be."""
        self.desk.remote = RepositoryRemote(self.repository)
        for _ in range(2):
            if self.desk.copy.state.conflicts:
                config_resolving.resolve(self.desk.copy, [""], None)
            self.desk.pull(Choice.MINE)
        with contextlib.suppress(Refused):
            self.desk.commit()


@FEW
@given(ACTS)
def test_nothing_that_was_written_is_lost(
    acts: list[tuple[int, str, str, int, Choice | None, int]],
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        repository = Repository.create(Path(directory, "config.git"))
        commit(repository, {"global/a": b"1\n2\n3\n4\n5\n6\n", "global/d/e": b"1\n2\n3\n"})
        authors = [Author(name, Path(directory), repository) for name in ("ann", "bob")]
        for author in authors:
            author.desk.pull()
        for who, *act in acts:
            authors[who].act(*act)
            authors[who].check()
        for author in (*authors, *authors):
            author.finish()
            author.check()
        head = repository.head()
        assert head
        for author in authors:
            author.desk.pull()
            left = dict.fromkeys(PATHS)
            files = {path: text for path, text in author.desk.files().items() if path in left}
            newest = {p: t for p, t in contents(repository, head.number).items() if p in left}
            assert author.desk.copy.state.revision == head.number
            assert files == newest
