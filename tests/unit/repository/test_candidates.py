"""What a commit would be, looked at before it is made; and trees that no git ever saw."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.repository.stage import commit, contents, proposal
from workers.repository.committing import Candidate
from workers.repository.core.changes import Entry
from workers.repository.differences import Kind, of_contents
from workers.repository.errors import NothingChangedError, RefusedError
from workers.repository.repository import Repository


class NoError(Exception):
    """Said by a check that refuses."""


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository.create(tmp_path / "configuration.git")
    commit(made, {"global/a": b"1\n", "global/b": b"2\n"})
    return made


def test_a_candidate_is_what_the_commit_will_be_and_leaves_nothing(repository: Repository) -> None:
    wanted = proposal({"global/a": b"one\n", "global/b": None, "global/c": Entry(b"3\n", True)})
    objects = sorted(repository.directory.rglob("objects/??/*"))

    found = repository.candidate(1, wanted)

    assert sorted(repository.directory.rglob("objects/??/*")) == objects
    assert found.number == 2
    assert {path: found.read(file.blob) for path, file in found.before.items()} == contents(
        repository, 1
    )
    texts = {path: found.read(file.blob) for path, file in found.after.items()}
    made = repository.commit(1, wanted)
    assert made.number == 2
    assert texts == contents(repository, 2)
    assert dict(found.after) == dict(repository.tree(2))


def test_a_candidate_of_a_stale_change_is_merged(repository: Repository) -> None:
    commit(repository, {"global/c": b"3\n"})

    found = repository.candidate(1, proposal({"global/a": b"one\n"}))

    assert (found.number, sorted(found.after)) == (3, ["global/a", "global/b", "global/c"])
    assert list(found.changes) == ["global/a"]


def test_what_is_refused_is_no_candidate(repository: Repository) -> None:
    with pytest.raises(RefusedError):
        repository.candidate(1, proposal({"/a": b""}))
    with pytest.raises(NothingChangedError):
        repository.candidate(1, proposal({"global/a": b"1\n"}))


def test_a_check_is_asked_first_and_what_it_raises_refuses(repository: Repository) -> None:
    asked: list[Candidate] = []

    def refuse(candidate: Candidate) -> None:
        asked.append(candidate)
        raise NoError

    with pytest.raises(NoError):
        repository.commit(1, replace(proposal({"global/a": b"one\n"}), check=refuse))

    (candidate,) = asked
    assert list(candidate.changes) == ["global/a"]
    assert len(repository.log()) == 1
    made = repository.commit(1, replace(proposal({"global/a": b"one\n"}), check=asked.append))
    assert (made.number, asked[1].number) == (2, 2)


def test_contents_differ_as_revisions_do(repository: Repository) -> None:
    commit(
        repository,
        {
            "global/a": b"one\n",
            "global/b": Entry(b"2\n", executable=True),
            "global/c": b"\0\1",
            "global/d": b"4",
        },
    )
    old, new = (
        {
            path: (repository.content(file.blob), file.executable)
            for path, file in repository.tree(number).items()
        }
        for number in (1, 2)
    )

    found = list(of_contents(old, new))

    known = repository.diff(1, 2)
    assert [replace(one, text="") for one in found] == [replace(one, text="") for one in known]
    assert [one.text.partition("@@")[2] for one in found] == [
        one.text.partition("@@")[2] for one in known
    ]
    assert [one.kind for one in of_contents(new, {})] == [Kind.DELETED] * 4
    assert list(of_contents(new, new)) == []
    assert [(one.path, one.cut) for one in of_contents(old, new, 1)][:2] == [
        *(("global/a", False), ("global/b", True))
    ]
