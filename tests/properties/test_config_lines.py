"""What holds for any three texts that are merged by line."""

from hypothesis import given
from hypothesis import strategies as st

from cluster_admin.cli.config_lines import merge

TEXTS = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\r\n", b"\n", b"d\n"]), max_size=12).map(
    b"".join
)
ANY = st.binary(max_size=40)


@given(TEXTS | ANY, TEXTS | ANY, TEXTS | ANY)
def test_sides_are_equal_and_who_changed_nothing_loses_nothing(
    base: bytes, one: bytes, other: bytes
) -> None:
    assert merge(base, one, other) == merge(base, other, one)
    for text in (one, other):
        if b"\0" not in base + text:
            assert merge(base, text, base) == text
            assert merge(base, text, text) == text


@given(
    st.integers(0, 30).map(lambda count: [b"line %d\n" % at for at in range(count)]),
    st.data(),
)
def test_lines_written_in_different_places_are_all_there(
    base: list[bytes], data: st.DataObject
) -> None:
    """Insertions before lines that are at least one kept line apart merge, and stand in order."""
    places = data.draw(st.lists(st.integers(0, len(base)), unique=True, max_size=6))
    owner = {place: data.draw(st.booleans()) for place in places}

    def written(*sides: bool) -> bytes:
        lines = []
        for at in range(len(base) + 1):
            if at in owner and owner[at] in sides:
                lines.append(b"new at %d\n" % at)
            lines += base[at : at + 1]
        return b"".join(lines)

    merged = merge(b"".join(base), written(True), written(False))

    assert merged == written(True, False)
