"""A change that waits is the same change when it is taken out again."""

from hypothesis import given
from hypothesis import strategies as st

from cluster_admin.configs.proposal_packing import pack, size_of, unpack
from workers.repository.core.changes import Entry

ENTRIES = st.none() | st.builds(Entry, st.binary(max_size=200), st.booleans())
CHANGES = st.dictionaries(st.text(min_size=1, max_size=30), ENTRIES, max_size=8)


@given(CHANGES)
def test_what_is_packed_comes_out_the_same(changes: dict[str, Entry | None]) -> None:
    assert unpack(pack(changes)) == changes
    assert list(unpack(pack(changes))) == list(changes)


@given(CHANGES)
def test_its_size_is_that_of_its_contents(changes: dict[str, Entry | None]) -> None:
    assert size_of(changes) == sum(len(one.content) for one in changes.values() if one)
