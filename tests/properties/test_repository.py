"""What holds for any changes: read back they equal a model, and those of other files commute."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.repository.stage import commit, contents, proposal, sound
from workers.repository.core.changes import Entry, problems
from workers.repository.errors import NothingChangedError, RepositoryError
from workers.repository.repository import Repository

FEW = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
PATHS = st.sampled_from(
    [
        *("global/a", "global/b", "global/d/a", "global/d/b", "global/d/e/f"),
        *("one/default/a", "one/mx1/a", "one/definitions.toml", "two/default/a"),
        *("global/d", "global/A", "global/../x", "nowhere", "global/.git/x"),
    ]
)
ENTRIES = st.none() | st.builds(Entry, st.binary(max_size=40), st.booleans())
CHANGES = st.dictionaries(PATHS, ENTRIES, max_size=5)
Files = dict[str, Entry]


def files(repository: Repository, revision: int) -> Files:
    """A revision as a model has it."""
    return {
        path: Entry(repository.content(file.blob), file.executable)
        for path, file in repository.tree(revision).items()
    }


@FEW
@given(st.lists(CHANGES, max_size=8))
def test_any_changes_read_back_equal_a_model(steps: list[dict[str, Entry | None]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        repository = Repository.create(Path(directory))
        models: list[Files] = [{}]
        for changes in steps:
            model = models[-1]
            sizes = {path: len(entry.content) for path, entry in model.items()}
            after = {**model, **changes}
            expected = {path: entry for path, entry in after.items() if entry is not None}
            try:
                made = repository.commit(len(models) - 1, proposal(dict(changes)))
            except NothingChangedError:
                assert expected == model
            except RepositoryError:
                assert list(problems(changes, sizes))
            else:
                assert not list(problems(changes, sizes))
                models.append(expected)
                assert made.number == len(models) - 1
        fresh = Repository.open(Path(directory))
        assert [files(fresh, number) for number in range(len(models))] == models
        assert len(fresh.log()) == len(models) - 1
        assert sound(Path(directory))


TREE = {f"global/{name}": b"old\n" for name in "abcdef"}
ADDED = st.binary(max_size=20).map(lambda data: b"new" + data)
EDITED = st.none() | ADDED


@st.composite
def disjoint(draw: st.DrawFn) -> tuple[dict[str, bytes | None], dict[str, bytes | None]]:
    """Two changes of the tree that have no file in common."""
    names = draw(st.permutations([*"abcdef", *"uvwxyz"]))
    cut, end = draw(st.integers(1, 5)), draw(st.integers(6, 12))
    sides = (names[:cut], names[cut:end])
    one, other = (
        {f"global/{name}": draw(EDITED if name in "abcdef" else ADDED) for name in side}
        for side in sides
    )
    return one, other


@FEW
@given(disjoint())
def test_changes_of_other_files_commute(
    changes: tuple[dict[str, bytes | None], dict[str, bytes | None]],
) -> None:
    results = []
    for order in (changes, changes[::-1]):
        with tempfile.TemporaryDirectory() as directory:
            repository = Repository.create(Path(directory))
            commit(repository, dict(TREE))
            for change in order:
                commit(repository, dict(change), base=1)
            results.append(contents(repository, 3))
    both = {**TREE, **changes[0], **changes[1]}
    assert results[0] == results[1] == {p: data for p, data in both.items() if data is not None}


@FEW
@given(st.lists(st.binary(max_size=30), min_size=1, max_size=6, unique=True), st.data())
def test_a_replica_that_follows_at_any_steps_is_the_same(
    versions: list[bytes], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        source = Repository.create(Path(directory, "source"))
        replica = Repository.create(Path(directory, "replica"))
        at: str | None = None
        for version in versions:
            made = commit(source, {"global/a": version, f"global/{len(source.log())}": version})
            if data.draw(st.booleans()):
                at = replica.receive(source.pack_since(at), at, made.hash).hash
        replica.receive(source.pack_since(at), at, made.hash)
        assert replica.log() == source.log()
        for number in range(1, len(versions) + 1):
            assert contents(replica, number) == contents(source, number)
        assert sound(replica.directory)
