"""Pulls, commits and conflicts of working copies: what becomes of files, and what is refused."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cluster_admin.cli import config_resolving
from cluster_admin.cli.config_plans import What
from cluster_admin.cli.config_progress import WORTH_BYTES, Advance, progress
from cluster_admin.cli.config_states import Choice
from cluster_admin.cli.errors import Complaint, Refused, Unknown
from cluster_admin.cli.problems import NOT_REPLICATED
from cluster_admin.cli.surroundings import Surroundings
from tests.unit.cli.copies import Desk, RepositoryRemote
from tests.unit.repository.stage import commit
from workers.repository.core.changes import FILE_BYTES
from workers.repository.repository import Repository

TEXT = b"1\n2\n3\n4\n5\n"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository.create(tmp_path / "config.git")
    commit(made, {"global/a": TEXT, "global/b": TEXT, "global/d/e": TEXT})
    return made


@pytest.fixture
def desk(repository: Repository, tmp_path: Path) -> Desk:
    desk = Desk(tmp_path / "copy", RepositoryRemote(repository))
    desk.pull()
    return desk


def test_a_pull_brings_what_others_did_and_keeps_what_was_done_here(
    desk: Desk, repository: Repository
) -> None:
    desk.write("global/a", TEXT + b"6\n")
    desk.write("global/mine", b"new here\n")
    commit(repository, {"global/b": None, "global/d/e": b"", "global/f": b"f\n"})

    outcomes = desk.pull()

    assert outcomes == {"global/b": "gone", "global/d/e": "changed", "global/f": "new"}
    assert desk.files() == {
        **{"global/a": TEXT + b"6\n", "global/mine": b"new here\n"},
        **{"global/d/e": b"", "global/f": b"f\n"},
    }
    assert desk.changes() == {"global/a": What.CHANGED, "global/mine": What.NEW}
    assert desk.copy.state.revision == 2


def test_both_sides_lines_are_merged(desk: Desk, repository: Repository) -> None:
    desk.write("global/a", b"0\n" + TEXT)
    (desk.root / "global/b").chmod(0o755)
    commit(repository, {"global/a": TEXT + b"6\n", "global/b": b"other\n"})

    assert desk.pull() == {"global/a": "merged", "global/b": "merged"}

    assert desk.files()["global/a"] == b"0\n" + TEXT + b"6\n"
    assert desk.files()["global/b"] == b"other\n"
    assert (desk.root / "global/b").stat().st_mode & 0o111
    assert desk.commit() == 3
    assert repository.read(3, "global/a") == b"0\n" + TEXT + b"6\n"
    assert repository.tree(3)["global/b"].executable


CLASHES: list[tuple[bytes | None, bytes | None]] = [
    (b"mine\n", b"theirs\n"),
    (b"mine\0", b"theirs\0"),
    (b"mine\n", None),
    (None, b"theirs\n"),
]


@pytest.mark.parametrize(("mine", "theirs"), CLASHES)
def test_a_clash_is_refused_and_nothing_is_changed(
    mine: bytes | None, theirs: bytes | None, desk: Desk, repository: Repository
) -> None:
    _clash(desk, repository, mine, theirs)
    before = desk.files()

    with pytest.raises(Refused, match=r"global/a; say .*--mine, --theirs or --manual"):
        desk.pull()

    assert desk.files() == before
    assert desk.copy.state.revision == 1


@pytest.mark.parametrize(("mine", "theirs"), CLASHES)
def test_mine_stays_and_the_next_commit_puts_it_over_theirs(
    mine: bytes | None, theirs: bytes | None, desk: Desk, repository: Repository
) -> None:
    _clash(desk, repository, mine, theirs)

    assert desk.pull(Choice.MINE)["global/a"] == "kept"

    assert desk.files().get("global/a") == mine
    assert desk.files()["global/b"] == b"by others\n"
    number = desk.commit()
    assert ("global/a" in repository.tree(number)) is (mine is not None)
    assert desk.changes() == {}


@pytest.mark.parametrize(("mine", "theirs"), CLASHES)
def test_theirs_replaces_what_was_done_here(
    mine: bytes | None, theirs: bytes | None, desk: Desk, repository: Repository
) -> None:
    _clash(desk, repository, mine, theirs)

    desk.pull(Choice.THEIRS)

    assert desk.files().get("global/a") == theirs
    assert desk.changes() == {}


@pytest.mark.parametrize("end", [None, Choice.MINE, Choice.THEIRS])
@pytest.mark.parametrize(("mine", "theirs"), CLASHES)
def test_by_hand_every_side_is_beside_until_it_is_resolved(
    mine: bytes | None,
    theirs: bytes | None,
    end: Choice | None,
    desk: Desk,
    repository: Repository,
) -> None:
    _clash(desk, repository, mine, theirs)

    assert desk.pull(Choice.MANUAL)["global/a"] == "conflict"

    sides = {"global/a.base": TEXT, "global/a.mine": mine, "global/a.theirs": theirs}
    found = desk.files()
    assert {path: found.get(path) for path in sides} == sides
    assert found.get("global/a") == mine
    assert desk.changes() == {"global/a": What.CONFLICT}
    for forbidden in (desk.pull, desk.commit):
        with pytest.raises(Refused, match="muster config resolve"):
            forbidden()
    config_resolving.resolve(desk.copy, ["global"], end)
    assert not sides.keys() & desk.files().keys()
    assert desk.files().get("global/a") == (theirs if end is Choice.THEIRS else mine)
    assert desk.changes().get("global/a") is (
        None
        if end is Choice.THEIRS
        else What.CHANGED
        if mine and theirs
        else What.NEW
        if mine
        else What.GONE
    )


def _clash(desk: Desk, repository: Repository, mine: bytes | None, theirs: bytes | None) -> None:
    if mine is None:
        (desk.root / "global/a").unlink()
    else:
        desk.write("global/a", mine)
    commit(repository, {"global/a": theirs, "global/b": b"by others\n"})


def test_a_side_that_was_removed_is_not_taken_for_a_deletion(
    desk: Desk, repository: Repository
) -> None:
    _clash(desk, repository, b"mine\n", b"theirs\n")
    desk.pull(Choice.MANUAL)
    (desk.root / "global/a.mine").unlink()

    with pytest.raises(Refused, match=r"global/a\.mine is gone"):
        config_resolving.resolve(desk.copy, [""], Choice.MINE)

    assert desk.files()["global/a"] == b"mine\n"


def test_a_file_takes_the_place_of_a_directory_and_back(desk: Desk, repository: Repository) -> None:
    commit(repository, {"global/a": None, "global/a/x": b"x\n", "global/d/e": None})
    commit(repository, {"global/d": b"d\n"})
    (desk.root / "global/d/empty/deep").mkdir(parents=True)

    desk.pull()

    assert desk.files() == {"global/a/x": b"x\n", "global/b": TEXT, "global/d": b"d\n"}
    desk.pull(number=1)
    assert desk.files() == {"global/a": TEXT, "global/b": TEXT, "global/d/e": TEXT}


@pytest.mark.parametrize("path", ["global/f/mine", "global", "global/d/e.mine"])
def test_what_is_in_the_way_is_never_overwritten(
    path: str, desk: Desk, repository: Repository, tmp_path: Path
) -> None:
    if path == "global":
        (desk.root / "global").rename(tmp_path / "elsewhere")
        (desk.root / "global").symlink_to(tmp_path / "elsewhere")
    else:
        desk.write(path, b"mine\n")
        desk.write("global/d/e", b"mine\n")
    commit(repository, {"global/f": b"f\n", "global/d/e": b"theirs\n"})

    def everything() -> list[dict[str, bytes]]:
        elsewhere = [place for place in tmp_path.glob("elsewhere/*") if place.is_file()]
        return [desk.files(), {place.name: place.read_bytes() for place in elsewhere}]

    before = everything()

    with pytest.raises(Refused, match=r"in the way|needs a directory|symbolic link"):
        desk.pull(Choice.MANUAL)

    assert everything() == before
    assert desk.copy.state.revision == 1


class Slow(RepositoryRemote):
    """Somebody saves a file, `global/a`, while contents come."""

    def __init__(self, repository: Repository, desk: Desk) -> None:
        super().__init__(repository)
        self.desk = desk

    def content(self, number: int, path: str, blob: str = "") -> bytes:
        self.desk.write("global/a", b"just saved\n")
        return super().content(number, path, blob)


def test_what_is_written_while_it_is_pulled_stays(desk: Desk, repository: Repository) -> None:
    commit(repository, {"global/a": b"theirs\n", "global/b": b"theirs\n"})
    desk.remote = Slow(repository, desk)

    with pytest.raises(Refused, match="changed while it was pulled: global/a"):
        desk.pull()

    assert desk.files()["global/a"] == b"just saved\n"
    assert desk.files()["global/b"] == b"theirs\n"
    assert desk.changes() == {"global/a": What.CHANGED}
    desk.remote = RepositoryRemote(repository)
    assert desk.pull(Choice.MINE)["global/a"] == "kept"
    assert desk.files()["global/a"] == b"just saved\n"


def test_what_a_pull_merged_before_it_ended_early_is_not_merged_again(
    desk: Desk, repository: Repository
) -> None:
    """Given lines that are alike, so that merging twice would double one."""
    commit(repository, {"global/b": b"b\n"})
    desk.pull()
    desk.write("global/b", b"a\nb\n")
    commit(repository, {"global/a": b"theirs\n", "global/b": b"b\nb\n"})
    desk.remote = Slow(repository, desk)

    with pytest.raises(Refused, match="changed while it was pulled: global/a"):
        desk.pull()

    assert desk.files()["global/b"] == b"a\nb\nb\n"
    desk.remote = RepositoryRemote(repository)
    desk.pull(Choice.MINE)
    assert desk.files()["global/b"] == b"a\nb\nb\n"


def test_an_interrupted_pull_goes_on_with_what_was_said(desk: Desk, repository: Repository) -> None:
    _clash(desk, repository, b"mine\n", b"theirs\n")
    remote = RepositoryRemote(repository)
    remote.patience = 4
    desk.remote = remote

    with pytest.raises(KeyboardInterrupt):
        desk.pull(Choice.MINE)

    assert desk.files()["global/a"] == b"mine\n"
    desk.remote = RepositoryRemote(repository)
    assert desk.pull(Choice.MINE)["global/a"] == "kept"


def test_a_commit_sends_new_and_missing_files_only_when_asked(
    desk: Desk, repository: Repository
) -> None:
    desk.write("global/new", b"")
    desk.write("global/newer", b"")
    desk.write("global/b", b"changed\n")
    (desk.root / "global/a").unlink()

    assert desk.commit("global/new", add_all=False, delete_all=False) == 2
    assert desk.commit(add_all=False, delete_all=False) == 3
    with pytest.raises(Refused, match="nothing to commit"):
        desk.commit(add_all=False, delete_all=False)
    assert desk.changes() == {"global/a": What.GONE, "global/newer": What.NEW}
    assert desk.commit("global", delete_all=False) == 4
    assert desk.commit("global/a", add_all=False, delete_all=False) == 5

    assert repository.tree(2).keys() - repository.tree(1).keys() == {"global/new"}
    assert repository.read(3, "global/b") == b"changed\n"
    assert set(repository.tree(5)) == {"global/b", "global/d/e", "global/new", "global/newer"}
    assert desk.changes() == {}


def test_a_commit_to_an_older_base_is_merged_and_comes_back(
    desk: Desk, repository: Repository
) -> None:
    desk.write("global/a", b"0\n" + TEXT)
    commit(repository, {"global/a": TEXT + b"6\n", "global/b": b"by others\n"})

    assert desk.commit() == 3

    assert desk.copy.state.revision == 3
    assert desk.files()["global/a"] == b"0\n" + TEXT + b"6\n"
    assert desk.files()["global/b"] == b"by others\n"
    assert desk.changes() == {}


def test_a_commit_that_conflicts_is_refused_and_loses_nothing(
    desk: Desk, repository: Repository
) -> None:
    _clash(desk, repository, b"mine\n", b"theirs\n")

    with pytest.raises(Refused, match="global/a"):
        desk.commit()

    assert desk.files()["global/a"] == b"mine\n"
    assert desk.copy.state.revision == 1


def test_a_commit_whose_answer_was_lost_is_made_once(desk: Desk, repository: Repository) -> None:
    desk.write("global/a", b"mine\n")
    remote = RepositoryRemote(repository)
    remote.patience = 2
    desk.remote = remote
    with pytest.raises(KeyboardInterrupt):
        desk.commit()
    assert repository.revision(2).number == 2

    desk.remote = RepositoryRemote(repository)

    assert desk.commit() == 2
    assert len(repository.log()) == 2
    assert desk.changes() == {}
    desk.write("global/a", TEXT)
    desk.commit()
    desk.write("global/a", b"mine\n")
    assert desk.commit() == 4, "the same again, later, is a revision of its own"


def test_a_commit_that_only_the_manager_has_is_followed_and_told(
    desk: Desk, repository: Repository
) -> None:
    class Alone(RepositoryRemote):
        """No node says that it has it."""

        def commit(
            self, body: Mapping[str, Any], advance: Advance, *, propose: bool = False
        ) -> Any:
            made = super().commit(body, advance)
            raise Unknown("only here", NOT_REPLICATED, made)

    desk.write("global/a", b"mine\n")
    desk.remote = Alone(repository)

    with pytest.raises(Unknown, match="only here"):
        desk.commit()

    assert desk.copy.state.revision == 2
    assert desk.changes() == {}


def test_a_bar_is_shown_for_much_on_a_terminal_alone(capsys: pytest.CaptureFixture[str]) -> None:
    for reports, size in ((False, 10 * WORTH_BYTES), (True, WORTH_BYTES - 1)):
        with progress(Surroundings(environment={}, reports=reports), "r7", size) as advance:
            advance(size)
    quiet = capsys.readouterr()
    with progress(Surroundings(environment={}, reports=True), "r7", WORTH_BYTES) as advance:
        advance(WORTH_BYTES)
    shown = capsys.readouterr()

    assert (quiet.out, quiet.err, shown.out) == ("", "", "")
    assert "r7" in shown.err


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("global/A", "differs only in case"),
        ("global/.git/x", "git keeps for itself"),
        ("outside", "stands outside of any tree"),
        ("global/new\nline", "control or invisible"),
        ("global/back\\slash", "has a backslash"),
        ("global/link", "is a symbolic link; put a plain file there"),
        ("global/pipe", "is no plain file"),
        ("global/\x1b[31mlink", r"global/\\x1b\[31mlink is a symbolic link"),
        ("global/large", "is larger than"),
        (b"global/\xff", "is not UTF-8"),
    ],
)
def test_what_cannot_be_committed_is_refused_by_name(
    path: str | bytes, says: str, desk: Desk, repository: Repository, tmp_path: Path
) -> None:
    desk.write("global/b", b"good\n")
    place = os.path.join(os.fsencode(desk.root), os.fsencode(path))
    os.makedirs(os.path.dirname(place), exist_ok=True)
    if str(path).endswith("link"):
        os.symlink("/etc/passwd", place)
    elif path == "global/pipe":
        os.mkfifo(place)
    else:
        with open(place, "wb") as file:
            file.truncate(FILE_BYTES + 1 if path == "global/large" else 3)

    with pytest.raises(Refused, match=says):
        desk.commit()

    assert len(repository.log()) == 1
    assert desk.commit("global/b") == 2, "what is good goes by name"


def test_a_directory_that_became_a_link_is_no_deletion(
    desk: Desk, repository: Repository, tmp_path: Path
) -> None:
    (desk.root / "global/d").rename(tmp_path / "d")
    (desk.root / "global/d").symlink_to(tmp_path / "d")

    with pytest.raises(Refused, match="global/d is a symbolic link"):
        desk.commit()

    assert desk.changes() == {"global/d": What.OTHER, "global/d/e": What.OTHER}


def test_another_history_is_told_from_this_one(desk: Desk, tmp_path: Path) -> None:
    other = Repository.create(tmp_path / "other.git")
    commit(other, {"global/a": b"another\n"})
    desk.remote = RepositoryRemote(other)
    desk.remote.client = type("Client", (), {"url": "http://other.test"})()
    before = desk.files()
    desk.write("global/new", b"")

    for attempt in (desk.pull, desk.commit):
        with pytest.raises(Refused, match="another history"):
            attempt()

    assert desk.files() == {**before, "global/new": b""}


def test_a_damaged_state_is_told_and_nothing_is_touched(desk: Desk) -> None:
    before = desk.files()
    state = desk.copy.own / "state.json"
    whole = state.read_bytes()
    for spoilt in (b"", whole[:-10], whole.replace(b"global/a", b"../../ab"), b"[]"):
        state.write_bytes(spoilt)
        with pytest.raises(Complaint, match="damaged"):
            desk.pull()
    assert desk.files() == before


def test_two_commands_at_once_are_one_after_the_other(desk: Desk) -> None:
    with desk.copy.changing(), pytest.raises(Refused, match="another command works"):
        desk.pull()
