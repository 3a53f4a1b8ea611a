"""The limits that hold are those of the most specific scope, by any order of naming them."""

from hypothesis import given
from hypothesis import strategies as st

from workers.replication.core.definitions import Limit, Per, Subject
from workers.replication.core.precedence import covers, holding, rank

words = st.sampled_from(("", "b", "c"))
domains = st.sampled_from(("", "x.example", ".example", "y.example"))


@st.composite
def scoped(draw: st.DrawFn) -> list[Limit]:
    found = []
    for number in range(draw(st.integers(0, 8))):
        host = draw(domains)
        domain = "" if host else draw(domains)
        found.append(
            Limit(
                f"a{number}",
                Subject.OUTBOUND_MESSAGES,
                Per.DOMAIN,
                1,
                60.0,
                binding=draw(words),
                host=host,
                domain=domain,
            )
        )
    return found


@given(scoped(), words, domains, domains, st.randoms(use_true_random=False))
def test_the_most_specific_scope_holds(
    limits: list[Limit], binding: str, host: str, domain: str, dice: object
) -> None:
    found = holding(limits, binding, host, domain)
    covering = [one for one in limits if covers(one, binding, host, domain)]

    assert bool(found) == bool(covering)
    assert len({(one.binding, one.host, one.domain) for one in found}) <= 1
    if found:
        assert rank(found[0]) == min(map(rank, covering))
        same = (found[0].binding, found[0].host, found[0].domain)
        assert found == [one for one in covering if (one.binding, one.host, one.domain) == same]
    shuffled = list(limits)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    again = holding(shuffled, binding, host, domain)
    assert sorted(one.name for one in again) == sorted(one.name for one in found)
