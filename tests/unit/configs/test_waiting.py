"""How long a commit waits for a replica."""

from collections.abc import Iterator

from cluster_admin.configs.waiting import LOOK_SECONDS, waited

Looked = tuple[list[str], bool]


class Time:
    """Passes when somebody pauses."""

    def __init__(self) -> None:
        self.now = 100.0

    def clock(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


def looks(*found: Looked) -> Iterator[Looked]:
    yield from found
    while True:
        yield found[-1]


def wait(*found: Looked, seconds: float = 5.0) -> tuple[list[str], float]:
    time, each = Time(), looks(*found)
    holders = waited(lambda: next(each), seconds, time.clock, time.pause)
    return holders, time.now - 100.0


def test_it_ends_with_the_first_replica() -> None:
    assert wait((["mta1"], True)) == (["mta1"], 0.0)
    holders, passed = wait(([], True), ([], True), (["mta2", "mta3"], True))
    assert holders == ["mta2", "mta3"]
    assert 0 < passed <= 3 * LOOK_SECONDS


def test_it_ends_at_once_when_no_node_is_up() -> None:
    assert wait(([], False)) == ([], 0.0)


def test_it_ends_when_time_is_up() -> None:
    holders, passed = wait(([], True), seconds=1.0)

    assert holders == []
    assert 1.0 <= passed < 1.0 + 2 * LOOK_SECONDS
