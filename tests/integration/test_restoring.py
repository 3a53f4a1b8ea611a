"""A manager that lost its disk, restored from replicas: nothing differs, nothing is overwritten."""

import json
import os
import shutil
import sqlite3
import stat
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.restoring import Lost
from tests.unit.repository.stage import commit, git, sound
from tests.web.postgresql import running
from workers.exit_codes import Exit
from workers.failover.core.definitions_text import parse, render
from workers.files.locks import take
from workers.repository.repository import Repository

DEFINITIONS = "default/definitions.toml"


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Lost:
    return Lost.laid_down(tmp_path_factory.mktemp("grown"))


@pytest.fixture
def lost(grown: Lost, tmp_path: Path) -> Lost:
    """A copy for each test; nothing is lost yet."""
    shutil.copytree(grown.manager.directory, tmp_path / "manager")
    shutil.copytree(grown.replica, tmp_path / "replica.git")
    manager = type(grown.manager)(tmp_path / "manager")
    manager.environment = {
        **grown.manager.environment,
        "MUSTER_DATA_DIRECTORY": str(manager.directory),
        "DATABASE_URL": f"sqlite:///{manager.directory}/muster.sqlite3",
    }
    return Lost(manager, tmp_path / "replica.git", grown.memory)


def copied(lost: Lost, name: str) -> Path:
    """Another node's replica, as far as this one."""
    return Path(shutil.copytree(lost.replica, lost.replica.with_name(name)))


def rows(lost: Lost, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(lost.manager.directory / "muster.sqlite3")) as database:
        return database.execute(query).fetchall()


def left(lost: Lost) -> set[str]:
    """What lies in the data directory beside the usual."""
    usual = {"configuration.git", "configuration.git.restoring.lock", "muster.sqlite3"}
    return {path.name for path in lost.manager.directory.iterdir()} - usual


def test_nothing_differs_from_what_was_lost(lost: Lost) -> None:
    lost.lose()

    told = json.loads(lost.restore().stdout)

    assert lost.differences() == []
    assert sound(lost.repository)
    assert (told["revision"], told["held"], told["kept"]) == (6, ["default"], "")
    assert left(lost) == set()
    assert stat.S_IMODE(lost.repository.stat().st_mode) == 0o750
    assert git(lost.repository, "for-each-ref", "--format=%(refname)") == "refs/heads/main\n"


def test_the_manager_goes_on_and_deploys_nothing_by_itself(lost: Lost) -> None:
    lost.lose()
    lost.restore()

    lost.grow("2")

    query = "SELECT mode, revision FROM configs_deployment"
    assert rows(lost, query) == [("manual", 0)]
    assert rows(lost, "SELECT max(number) FROM configs_revision") == [(11,)]
    assert rows(lost, "SELECT count(*) FROM audit_auditrecord WHERE action = 'restore'") == [(1,)]


def test_into_postgresql(lost: Lost) -> None:
    lost.lose()
    with running() as url:
        lost.manager.environment["DATABASE_URL"] = url
        lost.restore()
        lost.restore()

        assert lost.differences() == []


def test_again_changes_nothing(lost: Lost) -> None:
    lost.lose()
    lost.restore()
    lost.restore()

    assert lost.differences() == []
    assert left(lost) == set()


def test_with_the_database_that_outlived_the_repository(lost: Lost) -> None:
    shutil.rmtree(lost.repository)

    told = json.loads(lost.restore().stdout)

    assert lost.differences() == []
    assert told["held"] == [], "what is deployed is known"
    assert len(rows(lost, "SELECT * FROM accounts_user")) == 1


def test_the_newest_of_several_is_taken(lost: Lost) -> None:
    old = copied(lost, "old.git")
    lost.grow("2")
    lost.follow()
    lost.lose()

    told = json.loads(lost.restore("--from", str(old), "--from", str(lost.replica)).stdout)

    assert (told["source"], told["revision"]) == (str(lost.replica), 11)
    assert lost.differences() == []


def test_histories_that_differ_are_refused_both_by_name(lost: Lost) -> None:
    other = copied(lost, "other.git")
    for replica in (lost.replica, other):
        commit(Repository.open(replica), {"global/x": str(replica).encode()})
    lost.lose()

    said = lost.restore("--from", str(lost.replica), "--from", str(other), code=Exit.REFUSED).stderr

    assert f"{lost.replica} has r7" in said
    assert f"{other} has r7" in said
    assert "differ since r6" in said
    assert not lost.repository.exists()
    assert left(lost) == set()


def test_what_the_replica_lacks_is_not_overwritten_unless_forced(lost: Lost) -> None:
    lost.grow("2")
    newer = git(lost.repository, "rev-parse", "main").strip()
    before = lost.remembers()

    refused = lost.restore(code=Exit.REFUSED).stderr
    assert "has r6, and lacks what main is at" in refused
    assert "r11" in refused
    assert lost.remembers() == before

    told = json.loads(lost.restore("--force").stdout)
    assert git(Path(told["kept"]), "rev-parse", "main").strip() == newer
    assert {key: value for key, value in lost.remembers().items() if key in lost.memory} == {
        **lost.memory,
        "editor default": lost.remembers()["editor default"],
    }, "all that the replica has is there"
    text = Repository.open(lost.repository).read(7, "default/definitions.toml").decode()
    assert "revision = 6\n" in text, "nodes have 5, and never go back"
    assert lost.remembers()["definitions default 6"][0] == text


def test_a_damaged_repository_gives_way_when_the_replica_has_all_of_it(lost: Lost) -> None:
    for pack in lost.repository.glob("objects/*/*"):
        pack.chmod(0o600)
        pack.write_bytes(b"spoilt")

    lost.restore()

    assert lost.differences() == []


def test_something_that_is_no_repository_is_not_overwritten(lost: Lost) -> None:
    lost.lose()
    lost.repository.mkdir()
    (lost.repository / "precious").write_text("mine")

    assert "cannot be read" in lost.restore(code=Exit.REFUSED).stderr
    kept = Path(json.loads(lost.restore("--force").stdout)["kept"])

    assert (kept / "precious").read_text() == "mine"
    assert lost.differences() == []


def test_a_repository_that_a_started_manager_made_gives_way(lost: Lost) -> None:
    lost.lose()
    Repository.create(lost.repository).close()

    lost.restore()

    assert lost.differences() == []


def test_a_dry_run_changes_nothing(lost: Lost) -> None:
    lost.lose()

    told = json.loads(lost.restore("--dry-run", code=Exit.CHANGES_PENDING).stdout)

    assert (told["revision"], told["done"]) == (6, False)
    assert not lost.repository.exists()
    assert not (lost.manager.directory / "muster.sqlite3").exists()


def test_a_damaged_replica_is_refused(lost: Lost) -> None:
    lost.lose()
    for pack in lost.replica.glob("objects/pack/*.pack"):
        pack.chmod(0o600)
        content = bytearray(pack.read_bytes())
        content[len(content) // 2] ^= 0xFF
        pack.write_bytes(content)

    done = lost.restore(code=Exit.UNREACHABLE)

    assert f"{lost.replica} cannot be fetched" in done.stderr
    assert not lost.repository.exists()
    assert left(lost) == set()


def test_an_empty_replica_is_refused(lost: Lost, tmp_path: Path) -> None:
    Repository.create(tmp_path / "empty.git").close()
    lost.lose()

    said = lost.restore("--from", str(tmp_path / "empty.git"), code=Exit.FAILED).stderr

    assert "has no revision yet" in said


def test_a_repository_of_others_is_refused(lost: Lost, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main", "foreign")
    foreign = tmp_path / "foreign"
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    git(foreign, *who, "commit", "-q", "--allow-empty", "-m", "a commit of somebody")
    lost.lose()

    assert "not made by Muster" in lost.restore("--from", str(foreign), code=1).stderr
    assert not lost.repository.exists()


def test_a_replica_of_another_cluster_is_refused(lost: Lost) -> None:
    replica = Repository.open(lost.replica)
    mine = parse(replica.read(6, DEFINITIONS).decode())
    commit(replica, {DEFINITIONS: render(replace(mine, cluster="another")).encode()})
    lost.lose()

    said = lost.restore(code=Exit.REFUSED).stderr

    assert "is of cluster another, this manager of demo" in said
    assert not lost.repository.exists()


def test_a_node_that_does_not_answer_is_said(lost: Lost, tmp_path: Path) -> None:
    lost.lose()
    lost.manager.environment["GIT_SSH_COMMAND"] = "false"

    said = lost.restore("--from", "mta1", code=Exit.UNREACHABLE).stderr

    assert "root@mta1:/var/lib/muster/node/config.git cannot be fetched" in said


def test_a_node_is_asked_over_ssh_without_the_managers_secrets(lost: Lost, tmp_path: Path) -> None:
    shell, said = tmp_path / "ssh", tmp_path / "said"
    shell.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" > {said}\nenv >> {said}\n'
        'while [ "$1" != root@mta1 ]; do shift; done\nshift\nexec sh -c "$*"\n'
    )
    shell.chmod(0o755)
    lost.lose()
    lost.manager.environment |= {"GIT_SSH": str(shell), "MUSTER_SECRET_KEY": "hidden-word"}

    lost.restore("--from", "mta1", "--path", str(lost.replica))

    assert lost.differences() == []
    assert f"git-upload-pack '{lost.replica}'" in said.read_text()
    assert "hidden-word" not in said.read_text()


def test_a_directory_that_is_missing_is_not_guessed(lost: Lost) -> None:
    shutil.rmtree(lost.manager.directory)

    assert "is not there" in lost.restore(code=Exit.REFUSED).stderr


def test_a_second_one_at_once_is_refused(lost: Lost, tmp_path: Path) -> None:
    lost.lose()
    lock = lost.manager.directory / "configuration.git.restoring.lock"
    handle = take(lock, 0.0)
    try:
        assert "being restored by another process" in lost.restore(code=1).stderr
    finally:
        os.close(handle)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_restores_belongs_to_the_owner_of_the_data_directory(lost: Lost) -> None:
    lost.lose()
    os.chown(lost.manager.directory, 12_345, 12_345)
    for above in lost.manager.directory.parents:
        if above.stat().st_uid == os.geteuid() and not above.stat().st_mode & 0o001:
            above.chmod(above.stat().st_mode | 0o011)

    lost.restore()

    made = [lost.manager.directory, *lost.manager.directory.rglob("*")]
    assert {path.lstat().st_uid for path in made} == {12_345}
    for path in made:
        os.chown(path, 0, 0)
    assert lost.differences() == []
