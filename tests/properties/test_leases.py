"""Whatever happens to leases, gauges say how many connections are held: each once."""

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.replication.fake_counters import FakeCounters
from workers.replication.core.definitions import TableType
from workers.replication.core.leases import Leases

acts = st.lists(
    st.tuples(
        st.sampled_from(("acquire", "acquire", "release", "renew", "wait", "restart")),
        st.integers(0, 9),
        st.sampled_from((1.0, 5.0, 20.0)),
    ),
    max_size=60,
)


def lived(life: int) -> tuple[Leases, FakeCounters]:
    """Leases of one life of a node, and what they count in."""
    counters = FakeCounters()
    return Leases(f"n-{life}", counters.gauge), counters


@given(acts)
def test_gauges_say_what_is_held(doing: list[tuple[str, int, float]]) -> None:
    life = 0
    found, counters = lived(life)
    model: dict[str, tuple[int, str, float, float]] = {}
    names: list[str] = []
    now = 0.0
    for act, number, seconds in doing:
        name = names[number % len(names)] if names else "none"
        if act == "acquire":
            cell = (TableType.DOMAIN_CONNECTIONS, f"d{number % 2}")
            lease = found.acquire([cell], 1 + number % 3, seconds, now)
            assert lease.name not in names
            names.append(lease.name)
            model[lease.name] = (lease.count, cell[1], now + seconds, seconds)
        elif act == "release":
            assert found.release(name) == (model.pop(name, None) is not None)
        elif act == "renew":
            renewed = found.renew(name, None, now)
            assert (renewed is not None) == (name in model)
            if name in model:
                count, key, _, ttl = model[name]
                model[name] = (count, key, now + ttl, ttl)
        elif act == "wait":
            now += seconds
            found.end(now)
            model = {key: one for key, one in model.items() if one[2] > now}
        else:
            life, kept = life + 1, list(found.dump())
            found, counters = lived(life)
            found.load(kept, charge=True)
        for key in ("d0", "d1"):
            held = sum(count for count, cell, _, _ in model.values() if cell == key)
            assert counters.gauge(TableType.DOMAIN_CONNECTIONS, key).own == held
        assert len(found) == len(model)
