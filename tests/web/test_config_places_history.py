"""Histories that go on in what a subcluster was copied from: by a model, page by page."""

import random
from collections.abc import Iterator

import pytest

from cluster_admin.configs.places import Origin, with_origin
from cluster_admin.configs.places_history import history
from cluster_admin.configs.store import repository
from tests.unit.repository.stage import proposal
from workers.repository.core.changes import Entry

Told = list[tuple[str, int]]
NAMES = ("a", "b", "c", "d", "e", "f")
FILES = ("x", "y", "deep/z")
SEEDS = range(6)


def put(files: dict[str, bytes | None], message: str = "A change") -> int:
    entries = {p: None if one is None else Entry(one) for p, one in files.items()}
    head = repository().head()
    made = repository().commit(head.number if head else 0, proposal({**entries}, message))
    return made.number


def told(path: str, limit: int = 100, before: int | None = None) -> Told:
    found = history(path, limit, before, lambda one: not one.startswith("secret"))
    return [(one.path, one.revision.number) for one in found]


def copy(source: str, target: str) -> int:
    head = repository().head()
    assert head is not None
    tree = repository().tree(head.number)
    files: dict[str, bytes | None] = {
        f"{target}/{path.partition('/')[2]}": repository().content(file.blob)
        for path, file in tree.items()
        if path.startswith(f"{source}/default/")
    }
    return put(files, with_origin("Copy", Origin(source, head.number)))


def pages(path: str, size: int) -> Iterator[tuple[str, int]]:
    """As clients read them: one more step is asked for, and the next page begins there."""
    before: int | None = None
    while True:
        found = told(path, size + 1, before)
        yield from found[:size]
        if len(found) <= size:
            return
        path, before = found[size][0], found[size][1] + 1


@pytest.fixture
def copied() -> None:
    """`live` is a copy of `staging`, which has gone on since."""
    put({"staging/default/x": b"1"})
    put({"staging/default/x": b"2", "staging/mta1/own": b"1"})
    assert copy("staging", "live") == 3
    put({"staging/default/x": b"3"})
    put({"live/default/x": b"4"})


@pytest.mark.usefixtures("copied")
def test_a_copy_goes_on_in_what_it_was_copied_from() -> None:
    own, there = "live/default/x", "staging/default/x"

    assert told(own) == [(own, 5), (own, 3), (there, 2), (there, 1)]
    assert told("live/default/") == [
        *(("live/default/", 5), ("live/default/", 3)),
        *(("staging/default", 2), ("staging/default", 1)),
    ]
    assert told("live")[2:] == [("staging/default", 2), ("staging/default", 1)]
    assert told(there) == [(there, 4), (there, 2), (there, 1)]


@pytest.mark.usefixtures("copied")
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_pages_of_any_size_are_the_same_history(size: int) -> None:
    assert list(pages("live/default/x", size)) == told("live/default/x")


@pytest.mark.usefixtures("copied")
@pytest.mark.parametrize(("before", "left"), [(6, 4), (5, 3), (4, 3), (3, 2), (2, 1), (1, 0)])
def test_below_any_number_the_rest_is_told(before: int, left: int) -> None:
    assert told("live/default/x", before=before) == told("live/default/x")[4 - left :]


@pytest.mark.usefixtures("copied")
def test_what_was_not_copied_goes_on_nowhere() -> None:
    put({"live/default/own": b"1", "live/mta1/own": b"1"})

    assert told("live/default/own") == [("live/default/own", 6)]
    assert told("live/mta1/own") == [("live/mta1/own", 6)]
    assert told("live/default/nothing") == []


def test_nothing_is_told_of_what_one_may_not_see() -> None:
    put({"secret/default/x": b"1"})
    copy("secret", "live")

    assert told("live/default/x") == [("live/default/x", 2)]


def test_what_was_there_before_a_copy_is_not_hidden() -> None:
    put({"staging/default/x": b"1", "live/default/x": b"0"})
    copy("staging", "live")

    assert told("live/default/x") == [("live/default/x", 2), ("live/default/x", 1)]


@pytest.mark.parametrize(
    "claims",
    [
        [("a", "b@r3"), ("b", "a@r3")],
        [("a", "a@r3"), ("a", "a@r2")],
        [("a", "b@r5"), ("b", "a@r1"), ("a", "nowhere@r1")],
    ],
)
def test_whatever_messages_claim_there_is_an_end(claims: list[tuple[str, str]]) -> None:
    put({"c/default/x": b"1"})
    put({"c/default/x": b"2"})
    put({"c/default/x": b"3"})
    for number, (name, claim) in enumerate(claims):
        put({f"{name}/default/x": b"%d" % number}, f"Mine\n\nCopied-from: {claim}")

    for path in ("a/default/x", "b/default/x"):
        for before in (None, *range(1, 9)):
            numbers = [number for _, number in told(path, before=before)]
            assert numbers == sorted(set(numbers), reverse=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_any_history_is_that_of_the_model(seed: int) -> None:
    chance = random.Random(seed)
    model: dict[str, Told] = {}
    here: dict[str, dict[str, bytes]] = {"a": {}}
    for number in range(1, 40):
        name = chance.choice(list(here))
        absent = [one for one in NAMES if one not in here]
        if absent and here[name] and chance.random() < 0.15:
            target = chance.choice(absent)
            assert copy(name, target) == number, seed
            here[target] = dict(here[name])
            for file in here[name]:
                path = f"{target}/default/{file}"
                model[path] = [(path, number), *model[f"{name}/default/{file}"]]
            continue
        file = chance.choice(FILES)
        path = f"{name}/default/{file}"
        gone = file in here[name] and chance.random() < 0.2
        content = None if gone else b"%d" % number
        assert put({path: content}) == number, seed
        model[path] = [(path, number), *model.get(path, [])]
        here[name] |= {file: b""}
        if gone:
            del here[name][file]

    for path, expected in model.items():
        assert told(path) == expected, (seed, path)
        assert list(pages(path, chance.randint(1, 4))) == expected, (seed, path)
