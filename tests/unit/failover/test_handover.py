"""Definitions in pieces: whole again whatever the order, never half, nobody in another's way."""

import random

import msgspec
import pytest

from workers.failover.core.handover import (
    FILE_BYTES,
    FILES_MAX,
    PIECE_BYTES,
    PIECES_MAX,
    Assembly,
    split,
)
from workers.failover.core.messages import DefinitionsPiece

SEED = 20261124
TEXT = "".join(f"{random.Random(SEED + n).random()}\n" for n in range(12_000))


def pieces(text: str = TEXT, revision: int = 5, node: str = "mta1") -> list[DefinitionsPiece]:
    return split(text, revision, node, "mta2")


def fed(assembly: Assembly, some: list[DefinitionsPiece], known: int = 4) -> list[str]:
    return [text for piece in some if (text := assembly.accept(piece, known)) is not None]


def test_pieces_are_small_enough_for_a_message() -> None:
    made = pieces()

    assert len(made) > 2
    assert all(len(piece.data) <= PIECE_BYTES for piece in made)
    assert {(p.index, p.count) for p in made} == {(n, len(made)) for n in range(len(made))}


@pytest.mark.parametrize("seed", range(5))
def test_doubled_and_shuffled_pieces_make_the_file_once(seed: int) -> None:
    rng, made = random.Random(seed), pieces()
    rng.shuffle(made)
    doubled = [piece for piece in made for _ in range(2)]

    assert fed(Assembly(), doubled[:-1]) == [TEXT]


def test_a_small_file_is_one_piece() -> None:
    assert fed(Assembly(), pieces("x = 1\n")) == ["x = 1\n"]


def test_a_lost_piece_is_made_good_by_the_next_sending() -> None:
    assembly, made = Assembly(), pieces()

    assert fed(assembly, made[:1] + made[2:]) == []
    assert fed(assembly, made[1:2]) == [TEXT]


def test_what_is_known_is_not_put_together() -> None:
    assert fed(Assembly(), pieces(revision=5), known=5) == []


def test_a_newer_revision_of_the_same_sender_begins_anew() -> None:
    assembly, newer = Assembly(), pieces("new", revision=6)

    assert fed(assembly, [*pieces()[:-1], *newer]) == ["new"]


def test_a_file_that_is_never_finished_is_in_nobodys_way() -> None:
    assembly = Assembly()
    endless = pieces(revision=1 << 40, node="mta3")

    assert fed(assembly, endless[:-1]) == []
    assert fed(assembly, pieces()) == [TEXT]


def test_any_number_of_peers_may_hand_it_at_once() -> None:
    packs = [pieces(node=f"n{number}") for number in range(100)]
    in_turn = [piece for row in zip(*packs, strict=True) for piece in row]

    assert fed(Assembly(), in_turn)[0] == TEXT


def test_a_piece_that_one_peer_lost_may_come_from_another() -> None:
    assembly = Assembly()

    assert fed(assembly, pieces(node="n1")[:-1]) == []
    assert fed(assembly, pieces(node="n2")[-1:]) == [TEXT]


def test_more_files_than_there_is_room_for_push_out_the_oldest() -> None:
    assembly = Assembly()
    for number in range(FILES_MAX + 1):
        fed(assembly, pieces(revision=5 + number)[:-1])

    assert fed(assembly, pieces(revision=5)[-1:]) == []
    assert fed(assembly, pieces(revision=8)[-1:]) == [TEXT]


def test_what_became_known_makes_room() -> None:
    assembly = Assembly()
    for number in range(FILES_MAX):
        fed(assembly, pieces(revision=5 + number)[:-1])
    fed(assembly, pieces(revision=20)[:-1], known=5)

    assert fed(assembly, pieces(revision=6)[-1:]) == [TEXT]


def test_a_spoilt_piece_spoils_the_file_and_no_later_one() -> None:
    assembly, made = Assembly(), pieces()
    spoilt = msgspec.structs.replace(made[0], data=b"?" + made[0].data[1:])

    assert fed(assembly, [spoilt, *made[1:]]) == []
    assert fed(assembly, made) == [TEXT]


@pytest.mark.parametrize(
    "wrong",
    [
        {"index": -1},
        {"index": 9},
        {"count": 0},
        {"count": PIECES_MAX + 1},
        {"data": b"x" * (PIECE_BYTES + 1)},
    ],
)
def test_impossible_pieces_are_passed_over(wrong: dict[str, int | bytes]) -> None:
    piece = msgspec.structs.replace(pieces("x")[0], **wrong)

    assert fed(Assembly(), [piece]) == []


def test_a_file_that_would_swell_beyond_the_limit_is_not_unpacked() -> None:
    assert fed(Assembly(), pieces("x" * (FILE_BYTES + 1))) == []
    assert fed(Assembly(), pieces("x" * FILE_BYTES)) == ["x" * FILE_BYTES]
