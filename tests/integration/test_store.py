"""The state directory on a real disk: what survives, what is refused, and what is said about it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from workers.failover.core.definitions import Definitions, Node, Topology, Vip
from workers.failover.core.definitions_text import FIRST_LINE, render
from workers.failover.files import FileError
from workers.failover.store import Store, StoreError


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
def directory(tmp_path: Path) -> Path:
    put(tmp_path, render(defined(3)))
    return tmp_path


@pytest.fixture
def store(directory: Path) -> Iterator[Store]:
    with opened(directory) as store:
        store.load()
        yield store


def opened(directory: Path) -> closing[Store]:
    return closing(Store(directory, "demo", "default"))


def put(directory: Path, text: str | bytes) -> None:
    """Put a definitions file in its place, as an operator does."""
    new = directory / "new"
    new.write_bytes(text.encode() if isinstance(text, str) else text)
    new.replace(directory / "definitions.toml")


def look(store: Store) -> Definitions | None:
    """Look at the file until it is settled, and read it if it changed."""
    return store.reread() if store.changed() or store.changed() else None


# The incarnation.


def test_each_start_has_a_higher_incarnation(directory: Path) -> None:
    seen = []
    for _ in range(3):
        with opened(directory) as store:
            seen.append(store.next_incarnation())
    with opened(directory) as store:
        store.save_incarnation(40)
        seen.append(store.next_incarnation())

    assert seen == [1, 2, 3, 41]


@pytest.mark.parametrize("content", [b"", b"-7\n", b"\xff\xfe", b"many\n", b"9" * 5000])
def test_a_spoilt_incarnation_starts_again(directory: Path, content: bytes) -> None:
    (directory / "incarnation").write_bytes(content)

    with opened(directory) as store:
        assert store.next_incarnation() >= 1


def test_an_incarnation_is_on_the_disk_before_it_is_used(directory: Path) -> None:
    """Given a process killed at once after it got one, when another starts, it gets a higher."""
    program = (
        "import os, signal, sys; from pathlib import Path;"
        "from workers.failover.store import Store;"
        "print(Store(Path(sys.argv[1]), 'demo', 'default').next_incarnation(), flush=True);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    command = [sys.executable, "-c", program, str(directory)]

    killed = [subprocess.run(command, capture_output=True, check=False) for _ in range(3)]

    assert [one.returncode for one in killed] == [-signal.SIGKILL] * 3
    assert [int(one.stdout) for one in killed] == [1, 2, 3]
    assert not list(directory.glob("*.new"))


def test_a_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match=r"file/state: cannot be used: .*; set state_directory"):
        Store(tmp_path / "file" / "state", "demo", "default")


def test_one_agent_at_a_time(directory: Path) -> None:
    with opened(directory), pytest.raises(StoreError, match="another agent is using it; stop it"):
        Store(directory, "demo", "default")
    with opened(directory) as again:
        assert again.load() == defined(3)


# Definitions at the start.


def test_good_definitions_are_kept_twice(directory: Path, store: Store) -> None:
    assert store.newest == defined(3)
    assert store.text == render(defined(3))
    assert (directory / "definitions.last-good.toml").read_text() == store.text


def test_a_text_by_hand_is_kept_and_handed_on_in_canonical_form(directory: Path) -> None:
    by_hand = render(defined(4)).removeprefix(FIRST_LINE) + "# mine\n"
    put(directory, by_hand)
    with opened(directory) as store:
        store.load()

        assert store.text == render(defined(4))
    assert (directory / "definitions.toml").read_text() == by_hand


SPOILT = {
    "cut short": lambda text: text.rsplit("[vip", 1)[0].encode(),
    "cut in the middle": lambda text: text[: len(text) // 2].encode(),
    "empty": lambda _text: b"",
    "not text": lambda text: text.encode()[:40] + b"\xff\x00" + text.encode()[42:],
    "a bit flipped": lambda text: text.replace(".102", ".103").encode(),
    "another cluster's": lambda text: (
        text.removeprefix(FIRST_LINE).replace('"demo"', '"prod"').encode()
    ),
    "huge": lambda text: text.encode() + b"#" * (5 << 20),
}


@pytest.mark.parametrize("damage", SPOILT)
def test_after_damage_the_last_good_ones_are_used_and_it_says_so(
    directory: Path, damage: str
) -> None:
    with opened(directory) as store:
        store.load()
    put(directory, SPOILT[damage](render(defined(9))))

    with opened(directory) as store:
        assert store.load() == defined(3)
        assert store.problem.startswith(f"{directory}/definitions.toml")
        assert "; " in store.problem


def test_a_file_that_is_gone_is_said_too(directory: Path) -> None:
    with opened(directory) as store:
        store.load()
    (directory / "definitions.toml").unlink()

    with opened(directory) as store:
        assert store.load() == defined(3)
        assert "No such file" in store.problem


def test_without_any_good_definitions_it_does_not_start(directory: Path) -> None:
    put(directory, "format = 1\n")

    with opened(directory) as store, pytest.raises(StoreError, match=r"toml:1: .*is missing"):
        store.load()
    with opened(directory) as store, pytest.raises(StoreError, match=r"toml:1: .*is missing"):
        store.load()


def test_a_spoilt_last_good_copy_is_no_matter_while_the_file_is_good(directory: Path) -> None:
    (directory / "definitions.last-good.toml").write_text("?")

    with opened(directory) as store:
        assert store.load() == defined(3)
        assert store.problem == ""


def test_the_revision_does_not_go_back_over_a_restart(directory: Path) -> None:
    with opened(directory) as store:
        store.load()
    put(directory, render(defined(2)))

    with opened(directory) as store:
        assert store.load() == defined(3)
        assert "revision 2 is older than revision 3" in store.problem


def test_one_revision_does_not_mean_two_things(directory: Path) -> None:
    with opened(directory) as store:
        store.load()
    put(directory, render(defined(3, vips=4)))

    with opened(directory) as store:
        assert store.load() == defined(3)
        assert "differs from the revision 3 that is acted on" in store.problem


# Definitions while it runs.


def test_a_newer_file_is_noticed_once(directory: Path, store: Store) -> None:
    put(directory, render(defined(4)))

    assert look(store) == defined(4)
    assert look(store) is None
    assert (directory / "definitions.last-good.toml").read_text() == render(defined(4))


def test_a_file_that_is_being_written_is_left_alone(directory: Path, store: Store) -> None:
    by_hand = render(defined(4)).removeprefix(FIRST_LINE)
    with (directory / "definitions.toml").open("w") as file:
        file.write(by_hand[: by_hand.rindex("[vip")])
        file.flush()
        assert not store.changed()
        file.write(by_hand[by_hand.rindex("[vip") :])

    assert not store.changed()
    assert look(store) == defined(4)


def test_a_problem_goes_with_its_cause(directory: Path, store: Store) -> None:
    put(directory, render(defined(2)))
    assert look(store) is None
    assert "older" in store.problem
    put(directory, render(defined(3)))
    assert look(store) is None

    assert store.problem == ""


said: list[str] = []


class Watched(Store):
    """Notes everything that is ever said of the file: another thread may look at any time."""

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "problem":
            said.append(str(value))


@pytest.mark.parametrize("bad", ["format = 1\ncluster = ", render(defined(2)), b"\xff"])
def test_a_problem_stays_while_the_file_is_read_again(directory: Path, bad: str | bytes) -> None:
    with closing(Watched(directory, "demo", "default")) as store:
        store.load()
        put(directory, bad)
        store.reread()
        said.clear()

        store.reread()

        assert set(said) == {store.problem} != {""}


def test_a_touched_file_is_no_news(directory: Path, store: Store) -> None:
    os.utime(directory / "definitions.toml")

    assert look(store) is None
    assert store.problem == ""


def test_what_a_peer_hands_over_is_kept_in_both_files(directory: Path) -> None:
    with opened(directory) as store:
        store.load()
        assert store.put(render(defined(5)), "mta2") == defined(5)
        assert look(store) is None

    with opened(directory) as again:
        assert again.load() == defined(5)
    assert (directory / "definitions.toml").read_text() == render(defined(5))


def test_what_a_peer_hands_over_counts_although_the_file_cannot_be_written(
    directory: Path, store: Store
) -> None:
    """Given a file that cannot be replaced, then what is kept is the newest, and it says why."""
    in_the_way = directory / f"definitions.toml.{os.getpid()}.new"
    in_the_way.mkdir()

    assert store.put(render(defined(4)), "mta2") == defined(4)
    assert store.newest.revision == 4
    assert "definitions.toml: cannot be written" in store.problem


def test_what_cannot_be_kept_is_not_the_newest(directory: Path, store: Store) -> None:
    """Given a disk that takes nothing, then nothing changed, and the next try succeeds."""
    in_the_way = directory / f"definitions.last-good.toml.{os.getpid()}.new"
    in_the_way.mkdir()

    with pytest.raises(FileError, match="cannot be written"):
        store.put(render(defined(4)), "mta2")
    assert store.newest.revision == 3

    in_the_way.rmdir()
    assert store.put(render(defined(4)), "mta2") == defined(4)


def test_what_a_peer_hands_over_is_checked(store: Store) -> None:
    foreign = replace(defined(5), cluster="prod")

    assert store.put(render(foreign), "mta2") is None
    assert "definitions handed over by mta2: is for prod/default" in store.problem
    assert store.put("format = 9", "mta2") is None
    assert store.put(render(defined(3)), "mta2") is None
    assert store.newest == defined(3)
