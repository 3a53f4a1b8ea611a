"""Who may say what on the bus."""

import pytest

from workers.bus.codec import Codec
from workers.replication.core.messages import Ask, Delta, Piece, Vector
from workers.replication.core.standing import Standing
from workers.replication.core.wire import Wire, may_say, speaker

DELTA = Delta("mta1", 1, 0, 1, 5.0, [])
VECTOR = Vector("mta1", 1, 5.0, [("mta1", 1, 1, 1), ("mta2", 1, 9, 9)])
ASK = Ask("mta1", "mta2", "mta3", 1, 4, 4)
PIECE = Piece("mta1", "mta2", 1, 0, True, "mta3", 1, 5.0, 4.0, 9, [])
STANDING = Standing("mta1", 1e9, 5.0, "127.0.0.1:5672", cut_off=False)
EVERY: tuple[Wire, ...] = (DELTA, VECTOR, ASK, PIECE, STANDING)


@pytest.mark.parametrize("message", EVERY)
def test_an_account_speaks_for_its_own_node_alone(message: Wire) -> None:
    assert speaker(message) == "mta1"
    assert may_say("mta1", message, "manager")
    assert not may_say("mta2", message, "manager")
    assert not may_say("", message, "manager")


def test_managers_only_ask() -> None:
    assert [one for one in EVERY if may_say("manager", one, "manager")] == [ASK]


@pytest.mark.parametrize("message", EVERY)
def test_every_message_goes_over_the_bus_and_stays_what_it_is(message: Wire) -> None:
    codec: Codec[Wire] = Codec("demo", "default", [b"k" * 32], Wire)

    assert codec.decode(codec.encode(message)) == message
