"""What holds for any path and any message: what passes can be kept by git and read back."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.unit.repository.stage import commit, contents, sound
from workers.repository.core.messages import Message, compose, parse, text_refusal, tidy
from workers.repository.core.paths import folded, path_refusal
from workers.repository.repository import Repository

SEGMENTS = st.one_of(
    st.text(max_size=12),
    st.text(alphabet="gitGIT.~1: mod", max_size=8),
    st.sampled_from(["..", "con", "nul.txt", ".hidden", "a:b", "x ", "-", "--help", "@", "HEAD"]),
)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.sets(st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join), min_size=1, max_size=30))
@example({"global/a:b", "global/gi7eba~1", "global/.gitmodules", "global/git~1/x"})
def test_every_path_that_passes_can_be_kept(paths: set[str]) -> None:
    """So a replica takes any revision that was committed."""
    good: dict[str, bytes] = {}
    for number, path in enumerate(sorted(paths)):
        # A directory of its own for each, so that only its own text decides.
        full = f"global/{number}/{path}"
        if path_refusal(full) is None:
            good[full] = path.encode()
    if not good:
        return
    with tempfile.TemporaryDirectory() as directory:
        source = Repository.create(Path(directory, "source"))
        made = commit(source, dict(good))
        assert contents(source, 1) == good
        replica = Repository.create(Path(directory, "replica"))
        replica.receive(source.pack_since(None), None, made.hash)
        assert contents(replica, 1) == good
        assert sound(replica.directory)


@given(st.text(max_size=20))
def test_folding_is_stable(text: str) -> None:
    assert folded(folded(text)) == folded(text)
    assert folded(text.upper()) == folded(text.upper().lower())


LINES = st.one_of(
    st.text(max_size=20), st.sampled_from(["", "Muster-Revision: 3", "Muster-Key: k"])
)


@given(
    st.lists(LINES, max_size=6).map("\n".join), st.integers(1, 10**15), st.sampled_from(["", "k"])
)
def test_every_message_that_passes_comes_back(text: str, number: int, key: str) -> None:
    if text_refusal(text, "Ann", "ann@example.com", key) is None:
        message = Message(tidy(text), number, key)
        assert parse(compose(message)) == message


@given(st.text(max_size=300))
def test_any_text_is_parsed_or_not(text: str) -> None:
    parsed = parse(text)
    assert parsed is None or compose(parsed) == text
