"""Who follows new definitions, in which order, and what becomes of those that do not fit."""

from dataclasses import dataclass, field

from tests.unit.failover.situation import define
from workers.failover.core.definitions import Definitions
from workers.failover.errors import FailoverError
from workers.failover.following import Following


@dataclass
class Part:
    """A follower that some revisions do not fit."""

    refuses: set[int] = field(default_factory=set)
    revision: int = 1
    asked: int = 0

    def redefine(self, definitions: Definitions) -> None:
        self.asked += 1
        if definitions.revision in self.refuses:
            raise FailoverError("interface eth1 does not exist; create it")
        self.revision = definitions.revision


def test_all_follow_what_fits() -> None:
    wire, kernel = Part(), Part()
    following = Following(wire, kernel)

    assert following.follow(define(revision=2))

    assert (wire.revision, kernel.revision, following.problem) == (2, 2, "")


def test_what_cannot_be_asked_for_is_not_put_on_the_kernel() -> None:
    wire, kernel = Part(refuses={2}), Part()
    following = Following(wire, kernel)

    assert not following.follow(define(revision=2))

    assert (wire.revision, kernel.revision, kernel.asked) == (1, 1, 0)


def test_what_does_not_fit_is_told_and_tried_again_until_it_does() -> None:
    wire, kernel = Part(refuses={2}), Part()
    following = Following(wire, kernel)
    following.follow(define(revision=2))

    assert not following.again()
    assert following.problem == (
        "revision 2 is not followed yet: interface eth1 does not exist; create it"
    )

    wire.refuses.clear()
    assert following.again()
    assert (wire.revision, kernel.revision, following.problem) == (2, 2, "")
    assert not following.again()
    assert (wire.asked, kernel.asked) == (3, 1)


def test_newer_definitions_take_the_place_of_those_that_do_not_fit() -> None:
    wire, kernel = Part(refuses={2}), Part()
    following = Following(wire, kernel)
    following.follow(define(revision=2))

    assert following.follow(define(revision=3))

    wire.refuses.clear()
    assert not following.again()
    assert (wire.revision, kernel.revision, following.problem) == (3, 3, "")
