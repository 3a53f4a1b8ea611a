"""A node's desk with real repositories and files: orders in, a live tree and the truth out."""

import contextlib
import logging
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.brokers import SUBCLUSTER
from tests.integration.configuring import Heard, Manager, live, parts
from tests.integration.node_parts import text, wait
from tests.unit.repository.stage import commit, contents, sound
from workers.config.core.applying import Autoupdate
from workers.config.core.manifests import Drift, DriftKind
from workers.config.core.messages import EDIT_BYTES, Applied, Edited, Standing
from workers.config.core.reports import Outcome, Step
from workers.config.desk import Desk, Identity
from workers.config.profiles import Command, Nothing
from workers.config.settings import Configuration
from workers.failover.core.definitions_text import parse
from workers.repository.repository import Repository
from workers.repository.upkeep import PACKS

END_SECONDS = 10.0
VALUE = "tr0ub4dor-and-3"


def configured(place: Path, **values: Any) -> Configuration:
    usual = {
        "repository": place / "config.git",
        "directory": place / "config",
        "secrets": place / "secrets",
        "profile": Nothing(),
        "save_seconds": 0.2,
    }
    return Configuration(**{**usual, **values})


@contextlib.contextmanager
def desk(place: Path, **values: Any) -> Iterator[tuple[Desk, Heard]]:
    """A desk at work."""
    place.mkdir(exist_ok=True)
    heard = Heard()
    one = Desk(configured(place, **values), Identity(SUBCLUSTER, "mta1"), parse, heard.say)
    thread = threading.Thread(target=one.run)
    thread.start()
    try:
        yield one, heard
    finally:
        one.close()
        thread.join(END_SECONDS)
    assert not thread.is_alive()


@pytest.fixture
def manager(tmp_path: Path) -> Manager:
    return Manager(tmp_path / "manager.git")


def test_an_order_with_a_pack_is_taken_applied_and_told(tmp_path: Path, manager: Manager) -> None:
    first = manager.commit(main_cf_j2="{{ node.name }} {{ vips[0].address }} r{{ revision }}\n")
    node = tmp_path / "node"
    with desk(node) as (one, heard):
        start = heard.wait(Standing)
        assert (start.number, start.commit, start.live, start.target) == (0, "", 0, 0)
        one.order(manager.order())
        report = heard.applied(1).report
        assert list(report.seconds)[:2] == [Step.SAVE, Step.STAGE]
        told = heard.at_rest(1)
        assert (told.number, told.commit, told.target) == (1, first.hash, 1)
        assert (told.live_hash, told.drift, told.wants) == (report.hash, (), "")
        assert live(node / "config") == {"main.cf": b"mta1 198.18.0.101 r1\n"}

        second = manager.commit(main_cf_j2="second\n")
        one.order(manager.order(first))
        heard.applied(2)
        assert heard.at_rest(2).commit == second.hash
        assert live(node / "config") == {"main.cf": b"second\n"}
        assert contents(Repository.open(node / "config.git"), 2) == contents(manager.repository, 2)
        sequences = [message.sequence for message in heard.messages]
        assert sequences == list(range(1, len(sequences) + 1))
        assert {message.started_at for message in heard.messages} == {start.started_at}


def test_a_pack_comes_in_parts_and_is_asked_for(tmp_path: Path, manager: Manager) -> None:
    first = manager.commit(main_cf=random.Random(1).randbytes(5_000))
    pieces = parts(manager.order(), 1_000)
    assert len(pieces) > 5
    with desk(tmp_path / "node") as (one, heard):
        heard.wait(Standing)
        one.order(pieces[1])
        want = heard.wait(Standing, lambda m: m.wants)
        assert (want.wants, want.offset) == (first.hash, 0)
        for number, piece in enumerate(pieces[:-1]):
            one.order(pieces[-1])  # too early
            one.order(piece)
            one.order(piece)  # twice
            at = pieces[number + 1].offset
            heard.wait(Standing, lambda m, at=at: (m.wants, m.offset) == (first.hash, at))
        assert not heard.of(Applied)
        one.order(pieces[-1])
        heard.applied(1)
        told = heard.at_rest(1)
        assert (told.number, told.wants) == (1, "")


def test_a_large_pack_on_its_way_holds_up_no_newer_one(tmp_path: Path, manager: Manager) -> None:
    first = manager.commit(main_cf=random.Random(2).randbytes(5_000))
    pieces = parts(manager.order(), 3_000)
    with desk(tmp_path / "node") as (one, heard):
        one.order(pieces[0])
        heard.wait(Standing, lambda m: m.offset == 3_000)
        second = manager.commit(main_cf=b"2\n")
        newer = manager.order()
        one.order(parts(newer, 3_000)[0])  # the manager does not know how far we are
        mark = len(heard.messages)
        one.order(pieces[1])
        want = heard.wait(Standing, lambda m: m.number == 1, mark)
        assert (want.commit, want.wants, want.offset) == (first.hash, second.hash, 0)
        one.order(manager.order(first))
        heard.applied(2)
        assert [m.report.revision for m in heard.of(Applied)] == [2]


def test_an_order_out_of_step_makes_the_node_ask(tmp_path: Path, manager: Manager) -> None:
    first = manager.commit(main_cf="1\n")
    with desk(tmp_path / "node") as (one, heard):
        one.order(manager.order())
        heard.at_rest(1)
        second = manager.commit(main_cf="2\n")
        third = manager.commit(main_cf="3\n")
        one.order(manager.order(second))
        told = heard.wait(Standing, lambda m: m.wants)
        assert (told.number, told.commit) == (1, first.hash)
        assert (told.wants, told.offset, told.target, told.live) == (third.hash, 0, 3, 1)
        one.order(manager.order(first))
        heard.applied(3)
        assert [m.report.revision for m in heard.of(Applied)] == [1, 3]


def test_an_older_order_after_a_newer_one_changes_nothing(tmp_path: Path, manager: Manager) -> None:
    manager.commit(main_cf="1\n")
    older = manager.order()
    manager.commit(main_cf="2\n")
    newer = manager.order()
    with desk(tmp_path / "node") as (one, heard):
        for order in (newer, older, newer, older):
            one.order(order)
        heard.at_rest(2)
        mark = len(heard.messages)
        one.order(older)
        told = heard.wait(Standing, after=mark)
        assert (told.number, told.live, told.target) == (2, 2, 2)
        assert [m.report.revision for m in heard.of(Applied)] == [2]


@pytest.mark.parametrize("rubbish", [b"", b"PACK", b"\0" * 4_000, b"half"])
def test_a_spoilt_pack_is_told_and_asked_for_again(
    tmp_path: Path, manager: Manager, rubbish: bytes
) -> None:
    first = manager.commit(main_cf="1\n")
    good = manager.order()
    pack = good.pack[: len(good.pack) // 2] if rubbish == b"half" else rubbish
    spoilt = manager.order(pack=pack, size=len(pack))
    with desk(tmp_path / "node") as (one, heard):
        one.order(spoilt)
        told = heard.wait(Standing, lambda m: m.wants)
        assert (told.number, told.live, told.wants) == (0, 0, first.hash)
        assert bool(told.trouble) == bool(rubbish)
        one.order(good)
        heard.applied(1)
        assert heard.at_rest(1).trouble == ""
    assert sound(tmp_path / "node" / "config.git")


def test_the_history_of_another_cluster_is_not_taken(tmp_path: Path, manager: Manager) -> None:
    first = manager.commit(main_cf="1\n")
    other = Manager(tmp_path / "other.git")
    other.commit(main_cf="other 1\n")
    other.commit(main_cf="other 2\n")
    with desk(tmp_path / "node") as (one, heard):
        one.order(manager.order())
        heard.at_rest(1)
        for order in (other.order(), other.order(other.repository.revision(1))):
            one.order(order)
        told = heard.wait(Standing, lambda m: m.wants)
        assert (told.commit, told.live) == (first.hash, 1)
        assert len(heard.of(Applied)) == 1
    assert live(tmp_path / "node" / "config") == {"main.cf": b"1\n"}


def test_drift_is_told_and_kept(tmp_path: Path, manager: Manager) -> None:
    first = manager.commit(
        main_cf="1\n",
        old_cf="old\n",
        relay_j2="pass {{ secret('relay') }}\n",
        big="small\n",
    )
    node = tmp_path / "node"
    put_secret(node, VALUE)
    with desk(node) as (one, heard):
        one.order(manager.order())
        heard.at_rest(1)
        files = node / "config" / "current"
        files.joinpath("main.cf").write_text("by hand\n")
        files.joinpath("old.cf").unlink()
        files.joinpath("new.sh").write_bytes(b"\xff\n")
        files.joinpath("new.sh").chmod(0o755)
        files.joinpath("relay").write_text(f"pass {VALUE} more\n")
        files.joinpath("copy").write_text(f"pass {VALUE}\n")
        files.joinpath("private").touch(mode=0o600)
        files.joinpath("big").write_bytes(b"x" * (EDIT_BYTES + 1))
        told = heard.wait(Standing, lambda m: m.drift_count == 7)
        assert Drift("old.cf", DriftKind.REMOVED) in told.drift
        heard.wait(Edited, lambda m: not m.more)
        last = {m.path: (m.content, m.executable) for m in heard.of(Edited) if m.live == 1}
        assert last == {
            "main.cf": (b"by hand\n", False),
            "new.sh": (b"\xff\n", True),
            "old.cf": (None, False),
        }
        assert VALUE not in repr(heard.messages)

        mark = len(heard.messages)
        one.tell_again()
        heard.wait(Edited, lambda m: m.path == "old.cf", mark)

        manager.commit(main_cf="2\n")
        one.order(manager.order(first))
        report = heard.applied(2).report
        assert report.drift_count == 7
        assert heard.at_rest(2).drift == ()
        saved = node / "config" / "edits" / report.edits / "files"
        assert saved.joinpath("main.cf").read_text() == "by hand\n"
        assert live(node / "config")["main.cf"] == b"2\n"


def put_secret(node: Path, value: str, mode: int = 0o600) -> None:
    node.joinpath("secrets").mkdir(parents=True, exist_ok=True)
    file = node / "secrets" / "relay"
    file.write_text(f"{value}\n")
    file.chmod(mode)


def test_what_the_node_lacks_is_told_and_tried_again(
    tmp_path: Path, manager: Manager, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "muster")
    manager.commit(relay_j2="pass {{ secret('relay') }}\n")
    node = tmp_path / "node"
    with desk(node) as (one, heard):
        one.order(manager.order())
        lacking = heard.applied(1, Outcome.REFUSED).report
        assert "global/relay.j2:1: secret 'relay' is not known on this node" in lacking.sentence
        put_secret(node, VALUE, 0o644)
        loose = heard.wait(Applied, lambda m: "chmod 600" in m.report.sentence)
        assert loose.report.outcome is Outcome.REFUSED
        put_secret(node, VALUE)
        heard.applied(1)
        heard.at_rest(1)
        assert len(heard.of(Applied)) == 3, "what is only said again is not told"
    assert live(node / "config") == {"relay": f"pass {VALUE}\n".encode()}
    assert VALUE not in repr(heard.messages) + caplog.text


def test_a_node_that_is_not_defined_is_told_so(tmp_path: Path, manager: Manager) -> None:
    manager.commit(main_cf="1\n")
    strange = text(2).replace("mta1", "mta7")
    commit(manager.repository, {f"{SUBCLUSTER}/definitions.toml": strange.encode()})
    with desk(tmp_path / "node") as (one, heard):
        one.order(manager.order())
        heard.applied(2, Outcome.REFUSED)
        commit(manager.repository, {f"{SUBCLUSTER}/definitions.toml": None})
        one.order(manager.order(manager.repository.revision(2)))
        sentence = heard.applied(3, Outcome.REFUSED).report.sentence
        assert "there is no default/definitions.toml in r3" in sentence
        told = heard.wait(Standing, lambda m: m.number == 3 and not m.busy)
        assert (told.live, told.target) == (0, 3)


def test_who_is_not_to_apply_by_itself_waits_for_an_operator(
    tmp_path: Path, manager: Manager
) -> None:
    first = manager.commit(main_cf="1\n")
    with desk(tmp_path / "node", autoupdate=Autoupdate.FALSE) as (one, heard):
        one.order(manager.order())
        refused = heard.applied(1, Outcome.REFUSED)
        assert "autoupdate = false" in refused.report.sentence
        one.order(manager.order(ordered=True))
        heard.applied(1)
        manager.commit(main_cf="2\n")
        one.order(manager.order(first, ordered=True))
        heard.applied(2)
        second = manager.repository.revision(2)
        mark = len(heard.messages)
        one.order(manager.order(second, target=1, ordered=True, backwards=True))
        told = heard.wait(Standing, lambda m: m.live == 1 and not m.busy, mark)
        assert (told.number, told.target, told.autoupdate) == (2, 1, Autoupdate.FALSE)


def test_a_commit_reaches_the_replica_while_an_application_is_under_way(
    tmp_path: Path, manager: Manager
) -> None:
    gate = tmp_path / "gate"
    words = ("/bin/sh", "-c", f"until [ -e {gate} ]; do sleep 0.05; done")
    first = manager.commit(main_cf="1\n")
    with desk(tmp_path / "node", profile=Command(reload_words=words)) as (one, heard):
        one.order(manager.order())
        heard.wait(Standing, lambda m: m.busy and m.number == 1)
        manager.commit(main_cf="2\n")
        one.order(manager.order(first))
        told = heard.wait(Standing, lambda m: m.number == 2)
        assert told.busy
        gate.touch()
        heard.applied(1)
        heard.applied(2)


def test_ending_waits_for_nobody_for_long_and_the_next_start_finishes(
    tmp_path: Path, manager: Manager
) -> None:
    gate = tmp_path / "gate"
    words = ("/bin/sh", "-c", f"until [ -e {gate} ]; do sleep 0.05; done")
    manager.commit(main_cf="1\n")
    with desk(tmp_path / "node", profile=Command(reload_words=words)) as (one, heard):
        one.order(manager.order())
        heard.wait(Standing, lambda m: m.busy and m.number == 1)
        wait((tmp_path / "node/config/current").exists, "it is switched")
        began = time.monotonic()
        one.close()
        assert time.monotonic() - began < END_SECONDS
    gate.touch()
    with desk(tmp_path / "node") as (_, heard):
        heard.at_rest(1)


def test_the_replica_is_tidied_up_beside_the_work(tmp_path: Path, manager: Manager) -> None:
    packs = tmp_path / "node/config.git/objects/pack"
    with desk(tmp_path / "node") as (one, heard):
        for number in range(1, PACKS + 1):
            before = manager.repository.head()
            manager.commit(main_cf=f"{number}\n")
            one.order(manager.order(before, target=0))
            heard.wait(Standing, lambda m, number=number: m.number == number)
        wait(lambda: len(list(packs.glob("*.pack"))) < PACKS, "many packs become one")
        one.order(manager.order(target=PACKS))
        heard.at_rest(PACKS)
    assert sound(tmp_path / "node/config.git")


def test_a_place_that_cannot_be_used_is_told_until_it_can(tmp_path: Path, manager: Manager) -> None:
    manager.commit(main_cf="1\n")
    node = tmp_path / "node"
    node.joinpath("config").mkdir(parents=True)
    node.joinpath("config", "current").mkdir()
    node.joinpath("config.git").write_text("no repository\n")
    with desk(node) as (one, heard):
        assert "config.git" in heard.wait(Standing, lambda m: m.trouble).trouble
        node.joinpath("config.git").unlink()
        one.order(manager.order())
        heard.wait(Standing, lambda m: m.number == 1 and "current" in m.trouble)
        node.joinpath("config", "current").rmdir()
        heard.applied(1)
        assert heard.at_rest(1).trouble == ""
