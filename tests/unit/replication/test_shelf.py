"""Values by key, of which the least recently used go first."""

from workers.replication.core.shelf import Shelf


def _shelf(most: int) -> Shelf[int]:
    return Shelf(most, lambda _key, value: value < 0)


def test_there_are_never_more_than_allowed_and_what_went_is_counted() -> None:
    shelf = _shelf(100)
    for number in range(1_000):
        shelf.put(b"%d" % number, number)
        assert len(shelf) <= 100
    assert shelf.evicted == 1_000 - len(shelf)


def test_what_was_used_lately_stays() -> None:
    shelf = _shelf(100)
    for number in range(1_000):
        shelf.put(b"%d" % number, number)
        assert shelf.get(b"0") == 0
        lately = range(max(0, number - 48), number)
        assert [shelf.peek(b"%d" % one) for one in lately] == list(lately)


def test_what_has_to_stay_stays() -> None:
    shelf = _shelf(100)
    shelf.put(b"kept", -1)
    for number in range(1_000):
        shelf.put(b"%d" % number, number)
    assert shelf.peek(b"kept") == -1
    assert len(shelf) <= 101


def test_what_nobody_used_for_two_generations_goes_uncounted() -> None:
    shelf = _shelf(1_000)
    for number in range(20):
        shelf.put(b"%d" % number, number)
    shelf.age()
    assert shelf.get(b"7") == 7
    shelf.age()
    while shelf.tidy(3):
        pass
    assert list(shelf.items()) == [(b"7", 7)]
    assert shelf.evicted == 0


def test_a_value_is_replaced_and_dropped_wherever_it_stands() -> None:
    shelf = _shelf(1_000)
    shelf.put(b"a", 1)
    shelf.age()
    shelf.replace(b"a", 2)
    assert (shelf.peek(b"a"), len(shelf)) == (2, 1)
    shelf.age()
    shelf.replace(b"a", 3)
    assert (shelf.get(b"a"), shelf.keys()) == (3, [b"a"])
    shelf.drop(b"a")
    assert shelf.get(b"a") is None


def test_a_shelf_that_is_made_smaller_has_room_for_as_many_soon() -> None:
    shelf = _shelf(1_000)
    for number in range(900):
        shelf.put(b"%d" % number, number)
    shelf.resize(100)
    for number in range(900, 1_300):
        shelf.put(b"%d" % number, number)
    assert len(shelf) <= 100
