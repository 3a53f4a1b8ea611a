"""Orders in any order, twice, late or never: packs come out whole, only the newest goes live."""

from hypothesis import given, settings
from hypothesis import strategies as st

from workers.config.core.messages import Order
from workers.config.core.orders import STALE_SECONDS, Parts, Targets
from workers.config.core.reports import Outcome

exactly = settings(derandomize=True, deadline=None)
PART = 4
COMMITS = ("a" * 40, "b" * 40)


def part(which: int, at: int, pack: bytes) -> Order:
    return Order(
        subcluster="site",
        head=which + 1,
        commit=COMMITS[which],
        pack=pack[at : at + PART],
        offset=at,
        size=len(pack),
    )


arrivals = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 5), st.sampled_from([0.0, 1.0, STALE_SECONDS]))
)


@exactly
@given(st.tuples(st.binary(min_size=9, max_size=24), st.binary(min_size=9, max_size=24)), arrivals)
def test_what_is_put_together_is_the_pack(
    packs: tuple[bytes, bytes], come: list[tuple[int, int, float]]
) -> None:
    parts, file, now = Parts(), bytearray(), 0.0
    for which, place, later in come:
        now += later
        pack = packs[which]
        order = part(which, min(place * PART, len(pack) - 1), pack)
        if parts.take(order, now):
            if order.offset == 0:
                file.clear()
            file += order.pack
        assert parts.received == len(file)
        if parts.complete:
            assert parts.pack is not None
            assert bytes(file) == packs[COMMITS.index(parts.pack.commit)]
            parts.clear()
            file.clear()


@exactly
@given(st.binary(min_size=9, max_size=64), st.data())
def test_asking_for_the_next_part_ends_with_the_whole_pack(
    pack: bytes, data: st.DataObject
) -> None:
    parts, file = Parts(), bytearray()
    for _ in range(100):
        if parts.complete:
            break
        noise = data.draw(st.lists(st.integers(0, len(pack) - 1), max_size=2))
        for at in (*noise, parts.received):
            order = part(0, at, pack)
            if parts.take(order, 0.0):
                file += order.pack
            if parts.complete:
                break

    assert bytes(file) == pack


orders = st.lists(
    st.tuples(st.integers(1, 9), st.integers(0, 9), st.booleans(), st.booleans()), max_size=30
)


@exactly
@given(orders)
def test_only_what_the_newest_wants_is_begun(come: list[tuple[int, int, bool, bool]]) -> None:
    targets, newest = Targets(), 0
    for head, target, ordered, look in come:
        wanted = min(target, head)
        taken = targets.order(
            Order(subcluster="site", head=head, commit=COMMITS[0], target=wanted, ordered=ordered)
        )
        assert taken == (head >= newest)
        newest = max(newest, head)
        if look:
            begun = targets.next(9)
            assert targets.newest is not None
            assert begun is None or begun.revision == targets.newest.target != 0
            assert targets.next(9) is None
            targets.ended(Outcome.APPLIED)
            assert not targets.again()


@exactly
@given(st.lists(st.lists(st.booleans(), min_size=1), max_size=9))
def test_what_an_operator_asked_for_is_begun_once(wishes: list[list[bool]]) -> None:
    targets = Targets()
    for number, looks in enumerate(wishes, start=1):
        begun = 0
        for look in looks:
            wish = Order(
                subcluster="site", head=5, commit=COMMITS[0], target=5, ordered=True, wish=number
            )
            assert targets.order(wish)
            if look and targets.next(5) is not None:
                begun += 1
                targets.ended(Outcome.APPLIED)
        assert (begun, targets.wish) == (any(looks), number)
