"""Sidecars miss nothing, damaged ones neither; filters of expressions drop no line that matches."""

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from workers.logs.core import sidecar
from workers.logs.core.patterns import PatternError, checked
from workers.logs.core.tokens import hashes, tokens
from workers.logs.scanning import matches

SAMPLES = Path(__file__).parents[2] / "fixtures/maillog"
LINES = [
    line + b"\n"
    for path in sorted(SAMPLES.glob("*.log"))
    for line in path.read_bytes().splitlines()
]
BLOCKS = st.lists(st.lists(st.sampled_from(LINES), min_size=1, max_size=8), min_size=1, max_size=6)
SOME = st.binary(max_size=12).map(lambda data: data.replace(b"\n", b" "))
ATOMS = st.sampled_from(
    [
        "a",
        "B",
        "ab",
        ".",
        r"\d",
        r"\w",
        r"\s",
        "[ab]",
        "[^a]",
        "^",
        "$",
        r"\b",
        "(a|b1)",
        "(?:ab|c)",
        "[0-9]",
        r"(?i:B\d)",
        "[a-c1]",
        r"\b[ab]{2}\b",
        r"(?=a)",
        r"(?<=b)",
    ]
)
PATTERNS = st.lists(
    st.tuples(ATOMS, st.sampled_from(["", "", "*", "+", "?", "{2}", "*?", "{1,2}", "++"])),
    min_size=1,
    max_size=5,
).map(lambda parts: "".join(atom + repeat for atom, repeat in parts))
TEXTS = st.lists(st.text("aAbB1c -\t", max_size=6), max_size=8).map("\n".join)


@given(BLOCKS)
def test_tokens_of_lines_are_those_of_each(blocks: list[list[bytes]]) -> None:
    for lines in blocks:
        assert set().union(*map(tokens, lines)) <= tokens(b"".join(lines))


@given(BLOCKS, st.integers(0), st.binary(max_size=5))
def test_a_damaged_sidecar_hides_nothing(
    blocks: list[list[bytes]], place: int, damage: bytes
) -> None:
    made, start = sidecar.head("/logs/n1", b"Nov 29"), 0
    for lines in blocks:
        data = b"".join(lines)
        made += sidecar.record(start, len(data), hashes(data))
        start += len(data)
    place %= len(made)
    damaged = made[:place] + damage + made[place + len(damage) :]

    for buffer in (made, made[:place], damaged):
        known = sidecar.read(buffer, start)
        end = 0
        for lines in blocks:
            begin, end = end, end + sum(map(len, lines))
            for token in tokens(b"".join(lines)):
                found = list(known.blocks(buffer, [token]))
                assert (begin, end) in found or end > known.end
    assert sidecar.read(made, start).end == start


@given(PATTERNS, st.sampled_from(["", "(?i)", "(?s)", "(?m)"]), TEXTS)
def test_the_lines_that_match_are_found(pattern: str, flag: str, text: str) -> None:
    data = text.encode()
    try:
        expression = checked(flag + pattern)
    except PatternError:
        return
    lines = data.split(b"\n")[: None if not data.endswith(b"\n") and data else -1]
    expected = [line for line in lines if re.search((flag + pattern).encode(), line)]

    found = [data[start:end] for start, end in matches(data, expression)]

    assert [one for one in found if one] == [one for one in expected if one]
    assert len(found) <= len(expected)
