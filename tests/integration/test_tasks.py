"""The task that puts definitions on a node, on a real disk: what is written, refused, and told."""

import json
import random
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from workers.failover.core.definitions import Definitions, Node, Topology, Vip
from workers.failover.core.definitions_text import FIRST_LINE, parse, render
from workers.failover.files import locked
from workers.failover.settings import Settings
from workers.failover.store import DEFINITIONS, DEFINITIONS_LOCK, Store
from workers.failover.tasks import define

NEWS = 5
"""The revision of the task, where nothing else is said."""


def defined(revision: int, vips: int = 3) -> Definitions:
    addresses = [f"198.18.0.{number}" for number in range(101, 101 + vips)]
    return Definitions(
        cluster="demo",
        subcluster="default",
        revision=revision,
        topologies=(Topology("198.18.0.0/24", "eth0"),),
        nodes={"mta1": Node("mta1", "198.18.0.11")},
        vips={address: Vip(address) for address in addresses},
    )


@pytest.fixture
def node(tmp_path: Path) -> Settings:
    """A node that has no agent, and definitions of revision 4."""
    settings = Settings(
        cluster="demo",
        subcluster="default",
        node="mta1",
        state_directory=tmp_path,
        key_file=tmp_path / "key",
        socket=tmp_path / "door",
    )
    file(settings).write_text(render(defined(4)))
    return settings


def file(node: Settings) -> Path:
    return node.state_directory / DEFINITIONS


@contextmanager
def agent(node: Settings, answer: bytes) -> Iterator[list[bytes]]:
    """Something that answers one question at the agent's socket."""
    asked: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(node.socket))
        server.listen()

        def serve() -> None:
            with closing(server.accept()[0]) as client:
                asked.append(client.makefile("rb").readline())
                client.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield asked
        thread.join(5)


def test_newer_definitions_are_written_and_the_agent_is_told(node: Settings) -> None:
    text = render(defined(NEWS))
    with agent(node, b'{"revision": 4}\n') as asked:
        assert define(node, "default", NEWS, text) == (
            "revision 5 written; the agent reads it, acting on revision 4"
        )
    assert [json.loads(line) for line in asked] == [{"command": "reread"}]
    assert file(node).read_text() == text


def test_they_are_written_on_a_node_that_has_nothing_yet(node: Settings) -> None:
    empty = replace(node, state_directory=node.state_directory / "new")
    assert "written; the agent does not answer" in define(
        empty, "default", NEWS, render(defined(NEWS))
    )
    assert file(empty).read_text() == render(defined(NEWS))


@pytest.mark.parametrize("answer", [b"", b"nonsense\n", b"[]\n", b'"x"\n'])
def test_an_agent_that_talks_nonsense_changes_nothing(node: Settings, answer: bytes) -> None:
    with agent(node, answer):
        assert define(node, "default", NEWS, render(defined(NEWS))).startswith("revision 5 written")


def test_a_task_that_comes_twice_or_late_is_harmless(node: Settings) -> None:
    text = render(defined(NEWS))
    define(node, "default", NEWS, text)
    before = file(node).stat()
    assert "was there already" in define(node, "default", NEWS, text)
    assert "has revision 5 already" in define(node, "default", 4, render(defined(4)))
    assert file(node).stat().st_ino == before.st_ino


def test_one_revision_never_means_two_things(node: Settings) -> None:
    assert "give the new definitions a higher revision" in define(
        node, "default", 4, render(defined(4, vips=9))
    )
    assert file(node).read_text() == render(defined(4))


def test_the_same_in_other_words_is_the_same(node: Settings) -> None:
    by_hand = render(defined(4)).replace(FIRST_LINE, "# ours")
    assert "was there already" in define(node, "default", 4, by_hand)


@pytest.mark.parametrize("spoilt", [b"", b"\xff\xfe", b"revision = x", b"[node"])
def test_a_spoilt_file_is_replaced(node: Settings, spoilt: bytes) -> None:
    file(node).write_bytes(spoilt)
    assert define(node, "default", NEWS, render(defined(NEWS))).startswith("revision 5 written")


GOOD = render(defined(NEWS))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("other", NEWS, GOOD), "they are for subcluster 'other', mta1 is in default"),
        ((None, NEWS, GOOD), "they are for subcluster None"),
        (("x" * 1_000_000, NEWS, GOOD), "they are for subcluster 'xxx"),
        (("default", 6, GOOD), "the text is of demo default 5, the task of demo default 6"),
        (("default", NEWS, render(replace(defined(5), cluster="prod"))), "the text is of prod"),
        (("default", "5", GOOD), "a revision must be a number"),
        (("default", True, GOOD), "a revision must be a number"),
        (("default", None, None), "a revision must be a number"),
        (("default", NEWS, {"text": GOOD}), "definitions a text"),
        (("default", NEWS, GOOD[:-50]), "revision 5"),
        (("default", NEWS, "\0" * 5_000_000), "revision 5"),
        (("default", NEWS, "[" * 100_000), "revision 5"),
        (("default", 10**30, GOOD), "the text is of demo default 5"),
    ],
)
def test_a_task_that_makes_no_sense_changes_nothing(
    node: Settings, arguments: tuple[object, object, object], sentence: str
) -> None:
    found = define(node, *arguments)
    assert sentence in found
    assert len(found) < 2000
    assert file(node).read_text() == render(defined(4))


def test_random_damage_is_refused_or_means_the_same(node: Settings) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    for _ in range(100):
        damaged = list(GOOD)
        damaged[rng.randrange(len(damaged))] = chr(rng.randrange(0x250))
        define(node, "default", NEWS, "".join(damaged))
    assert parse(file(node).read_text()) in (defined(4), defined(NEWS))


@pytest.mark.parametrize("revision", [4, NEWS])
def test_a_file_cut_short_is_made_good(node: Settings, revision: int) -> None:
    text = render(defined(revision))
    file(node).write_text(text[:-200])
    assert f"revision {revision} written" in define(node, "default", revision, text)
    assert file(node).read_text() == text


def test_half_a_character_is_refused_with_a_sentence(node: Settings) -> None:
    text = render(defined(NEWS)).replace("mta1", "mta1\ud800")
    assert "half a character" in define(node, "default", NEWS, text)


def test_who_stands_still_with_the_lock_does_not_stop_the_others(node: Settings) -> None:
    with locked(node.state_directory / DEFINITIONS_LOCK):
        assert "revision 5 written" in define(node, "default", NEWS, render(defined(NEWS)))


def test_what_a_dead_process_left_is_cleared_away(node: Settings) -> None:
    died = node.state_directory / f"{DEFINITIONS}.{2**30}.new"
    lives = node.state_directory / f"{DEFINITIONS}.1.new"
    for leftover in (died, lives):
        leftover.write_text("half")
    define(node, "default", NEWS, render(defined(NEWS)))
    assert lives.exists()
    assert not died.exists()
    assert len(list(node.state_directory.glob("*.new"))) == 1


def test_a_directory_that_cannot_be_is_said(node: Settings) -> None:
    wrong = replace(node, state_directory=file(node) / "state")
    assert "cannot be written" in define(wrong, "default", NEWS, render(defined(NEWS)))


def test_a_peer_does_not_overwrite_what_the_agent_has_not_read_yet(node: Settings) -> None:
    directory = node.state_directory
    with closing(Store(directory, "demo", "default")) as store:
        store.load()
        define(node, "default", 7, render(defined(7)))
        handed = store.put(render(defined(6)), "mta2")
        assert handed is not None
        assert handed.revision == 6
        assert file(node).read_text() == render(defined(7))
        found = store.reread()
        assert found is not None
        assert found.revision == 7
