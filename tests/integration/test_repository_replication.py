"""Replicas follow by packs; what is cut short, spoilt, foreign or out of step changes nothing."""

import io
from pathlib import Path

import pytest

from tests.unit.repository.stage import commit, contents, git, sound
from workers.repository.errors import (
    DivergedError,
    OutOfStepError,
    PackRefusedError,
    RepositoryError,
    UnknownRevisionError,
)
from workers.repository.history import Revision
from workers.repository.repository import Repository


@pytest.fixture
def source(tmp_path: Path) -> Repository:
    made = Repository.create(tmp_path / "source.git")
    commit(made, {"global/a": b"1\n" * 500, "global/raw": bytes(range(256))})
    commit(made, {"global/a": b"1\n" * 500 + b"2\n", "default/mx1/b": b"b"})
    return made


@pytest.fixture
def replica(tmp_path: Path, source: Repository) -> Repository:
    made = Repository.create(tmp_path / "replica.git")
    made.receive(source.pack_since(None), None, newest(source).hash)
    return made


def newest(repository: Repository) -> Revision:
    head = repository.head()
    assert head is not None
    return head


def state(directory: Path) -> list[tuple[str, bytes]]:
    """Every file of a repository, but for the lock."""
    files = sorted(p for p in directory.rglob("*") if p.is_file() and p.name != "muster.lock")
    return [(str(path.relative_to(directory)), path.read_bytes()) for path in files]


def test_an_empty_replica_is_seeded_whole(source: Repository, replica: Repository) -> None:
    assert replica.log() == source.log()
    assert contents(replica, 2) == contents(source, 2)
    assert contents(replica, 1) == contents(source, 1)
    assert sound(replica.directory)


def test_a_replica_follows_by_thin_packs(source: Repository, replica: Repository) -> None:
    old = newest(replica).hash
    made = commit(source, {"global/a": b"1\n" * 500 + b"3\n"})
    assert replica.lacks(made.hash)
    assert not replica.lacks(old)
    pack = source.pack_since(old)
    assert len(pack) < 1_000
    assert replica.receive(pack, old, made.hash) == made
    assert not replica.lacks(made.hash)
    assert contents(replica, 3) == contents(source, 3)
    assert sound(replica.directory)


def test_a_pack_may_come_and_go_by_file(source: Repository, tmp_path: Path) -> None:
    with (tmp_path / "pack").open("w+b") as file:
        assert source.pack_since(None, file) == b""
        file.seek(0)
        replica = Repository.create(tmp_path / "replica.git")
        assert replica.receive(file, None, newest(source).hash) == newest(source)


def test_a_replica_can_become_the_source(source: Repository, replica: Repository) -> None:
    old = newest(source).hash
    made = commit(replica, {"global/a": b"after"}, key="k")
    assert source.receive(replica.pack_since(old), old, made.hash) == made
    assert commit(source, {"global/a": b"again"}, key="k") == made


def test_nothing_new_is_an_empty_pack(source: Repository, replica: Repository) -> None:
    head = newest(replica)
    assert source.pack_since(head.hash) == b""
    assert replica.receive(b"", head.hash, head.hash) == head


def test_a_pack_that_comes_again_changes_nothing(source: Repository, replica: Repository) -> None:
    commit(source, {"global/a": b"3"})
    before = state(replica.directory)
    assert replica.receive(source.pack_since(None), None, newest(replica).hash).number == 2
    assert state(replica.directory) == before


def test_a_pack_for_an_older_state_is_out_of_step(source: Repository, replica: Repository) -> None:
    first = newest(replica)
    second = commit(source, {"global/a": b"3"})
    third = commit(source, {"global/a": b"4"})
    before = state(replica.directory)
    with pytest.raises(OutOfStepError, match=f"this is {first.hash}; ask for a pack since that"):
        replica.receive(source.pack_since(second.hash), second.hash, third.hash)
    with pytest.raises(OutOfStepError, match="the pack is for nothing"):
        replica.receive(source.pack_since(None), None, third.hash)
    assert state(replica.directory) == before


@pytest.mark.parametrize("kept", [0, 1, 11, 12, 40, 0.3, 0.7, 0.99, -1, -20])
def test_a_pack_cut_short_changes_nothing(
    source: Repository, replica: Repository, kept: float
) -> None:
    old, before = newest(replica).hash, state(replica.directory)
    made = commit(source, {"global/a": b"3", "global/c": bytes(range(256)) * 4})
    pack = source.pack_since(old)
    end = int(len(pack) * kept) if 0 < kept < 1 else int(kept)
    with pytest.raises(PackRefusedError, match="; ask for it again"):
        replica.receive(pack[:end], old, made.hash)
    assert state(replica.directory) == before


def test_a_spoilt_pack_changes_nothing(source: Repository, replica: Repository) -> None:
    old, before = newest(replica).hash, state(replica.directory)
    made = commit(source, {"global/a": b"3", "global/c": bytes(range(256))})
    pack = source.pack_since(old)
    for place in range(0, len(pack), max(1, len(pack) // 12)):
        spoilt = bytearray(pack)
        spoilt[place] ^= 0x10
        with pytest.raises(PackRefusedError):
            replica.receive(bytes(spoilt), old, made.hash)
    assert state(replica.directory) == before
    assert replica.receive(pack, old, made.hash) == made


@pytest.mark.parametrize("data", [b"no pack", b"PACK" + bytes(8), bytes(5_000)])
def test_what_is_no_pack_changes_nothing(replica: Repository, data: bytes) -> None:
    before = state(replica.directory)
    with pytest.raises(PackRefusedError):
        replica.receive(io.BytesIO(data).read(), newest(replica).hash, "a" * 40)
    assert state(replica.directory) == before


def test_a_pack_without_the_commit_it_announces_changes_nothing(
    source: Repository, replica: Repository
) -> None:
    old, before = newest(replica).hash, state(replica.directory)
    commit(source, {"global/a": b"3"})
    with pytest.raises(PackRefusedError, match="is missing"):
        replica.receive(source.pack_since(old), old, "a" * 40)
    assert state(replica.directory) == before


def test_a_pack_that_lacks_objects_changes_nothing(source: Repository, replica: Repository) -> None:
    old, before = newest(replica).hash, state(replica.directory)
    made = commit(source, {"global/a": b"3", "global/c": b"c"})
    alone = _pack_of(source, made.hash)
    with pytest.raises(PackRefusedError):
        replica.receive(alone, old, made.hash)
    later = commit(source, {"global/a": b"4"})
    with pytest.raises(PackRefusedError):
        replica.receive(source.pack_since(made.hash), old, later.hash)
    assert state(replica.directory) == before


def _pack_of(repository: Repository, *objects: str) -> bytes:
    """A pack of just these objects."""
    listed = repository.directory / "wanted"
    listed.write_text("".join(f"{name}\n" for name in objects))
    command = f"pack-objects --stdout -q < {listed} > {listed}.pack"
    git(repository.directory, "-c", f"alias.made=!git {command}", "made")
    return Path(f"{listed}.pack").read_bytes()


def test_histories_that_diverged_are_not_joined(source: Repository, replica: Repository) -> None:
    common = newest(replica).hash
    theirs = commit(source, {"global/a": b"theirs"})
    ours = commit(replica, {"global/a": b"ours"})
    before = state(replica.directory)
    for pack in (source.pack_since(common), source.pack_since(None)):
        with pytest.raises(DivergedError, match="see which history counts"):
            replica.receive(pack, ours.hash, theirs.hash)
    with pytest.raises(DivergedError, match="which is no revision here"):
        source.pack_since(ours.hash)
    assert state(replica.directory) == before


def test_the_history_of_another_cluster_is_not_joined(replica: Repository, tmp_path: Path) -> None:
    other = Repository.create(tmp_path / "other.git")
    for number in range(4):
        commit(other, {"global/x": b"%d" % number})
    before = state(replica.directory)
    with pytest.raises(DivergedError):
        replica.receive(other.pack_since(None), newest(replica).hash, newest(other).hash)
    assert state(replica.directory) == before


@pytest.mark.parametrize("entry", ["120000", "160000"])
def test_links_and_submodules_are_not_taken_in(
    source: Repository, replica: Repository, entry: str
) -> None:
    old, before = newest(replica).hash, state(replica.directory)
    target = newest(source).hash
    if entry == "120000":
        target = git(source.directory, "rev-parse", "main:global/raw").strip()
    script = f"printf '{entry} %s {target}\\tlink\\n' '{_kind(entry)}' | git mktree --missing"
    tree = git(source.directory, "-c", f"alias.made=!{script}", "made").strip()
    who = ("-c", "user.name=x", "-c", "user.email=x@y")
    words = ("commit-tree", tree, "-p", old, "-m", "x\n\nMuster-Revision: 3\n")
    foreign = git(source.directory, *who, *words).strip()
    git(source.directory, "update-ref", "refs/heads/main", foreign)
    with pytest.raises(PackRefusedError, match="link is no file"):
        replica.receive(source.pack_since(old), old, foreign)
    assert state(replica.directory) == before


def _kind(entry: str) -> str:
    return "blob" if entry == "120000" else "commit"


def test_commits_of_others_are_not_taken_in(source: Repository, replica: Repository) -> None:
    old, before = newest(replica).hash, state(replica.directory)
    who = ("-c", "user.name=x", "-c", "user.email=x@y")
    words = ("commit-tree", f"{old}^{{tree}}", "-p", old, "-m", "by hand")
    foreign = git(source.directory, *who, *words).strip()
    pack = _pack_of(source, foreign)
    with pytest.raises(PackRefusedError, match="not made by Muster"):
        replica.receive(pack, old, foreign)
    assert state(replica.directory) == before


@pytest.mark.parametrize("name", ["", "main", "a" * 39, "g" * 40])
def test_only_full_hashes_are_understood(replica: Repository, name: str) -> None:
    for ask in (replica.lacks, replica.pack_since):
        with pytest.raises(UnknownRevisionError, match="40 hexadecimal digits"):
            ask(name)


def test_a_path_may_be_relative(source: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(source.directory.parent)
    replica = Repository.create(Path("there.git"))
    monkeypatch.chdir("/")
    assert replica.receive(source.pack_since(None), None, newest(source).hash) == newest(source)


def test_plain_git_clones_a_replica(replica: Repository, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", str(replica.directory), "copy")
    assert (tmp_path / "copy" / "global" / "raw").read_bytes() == bytes(range(256))


def test_a_copy_by_plain_git_is_a_replica(source: Repository, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--bare", str(source.directory), "copy.git")
    copy = Repository.open(tmp_path / "copy.git")
    old = newest(copy)
    assert old == newest(source)
    made = commit(source, {"global/a": b"3"})
    assert copy.receive(source.pack_since(old.hash), old.hash, made.hash) == made
    assert commit(copy, {"global/a": b"4"}).number == 4


def test_without_git_installed_the_error_says_so(
    source: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(RepositoryError, match="install git"):
        source.pack_since(None)
