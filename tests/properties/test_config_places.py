"""Mirrors of directories against what they are for: afterwards both hold the same, nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from cluster_admin.configs import places
from cluster_admin.configs.places import Origin
from workers.repository.core.paths import DEFINITIONS
from workers.repository.trees import File

SOURCE, TARGET = "a/default", "b/default"
names = st.from_regex(r"[xy]{1,2}(/[xy]{1,2})?", fullmatch=True)
paths = st.one_of(
    st.sampled_from([f"a/{DEFINITIONS}", f"b/{DEFINITIONS}"]),
    st.builds(
        "/".join, st.tuples(st.sampled_from([SOURCE, TARGET, "a/n", "b/n", "global"]), names)
    ),
)
files = st.builds(
    File,
    st.sampled_from("abc").map(lambda one: one * 40),
    st.just(1),
    st.sampled_from([0o100644, 0o100755]),
)
trees = st.dictionaries(paths, files, max_size=12)


def below(tree: dict[str, File], directory: str) -> dict[str, File]:
    start = len(directory) + 1
    return {path[start:]: file for path, file in tree.items() if path.startswith(f"{directory}/")}


@given(trees, trees, st.booleans())
def test_a_mirror_makes_the_target_the_source_and_touches_nothing_else(
    origin: dict[str, File], tree: dict[str, File], merge: bool
) -> None:
    wanted = places.mirrored(origin, tree, SOURCE, TARGET, merge=merge)

    after = {**tree, **wanted}
    left = {path: file for path, file in after.items() if file is not None}
    shall = below(origin, SOURCE)
    assert below(left, TARGET) == (below(tree, TARGET) | shall if merge else shall)
    rest = {path for path in (*left, *tree) if not path.startswith(f"{TARGET}/")}
    assert {path: left.get(path) for path in rest} == {path: tree.get(path) for path in rest}
    assert all(tree.get(path) != file for path, file in wanted.items())


@given(st.text(), st.from_regex(r"[a-z][a-z0-9_-]{0,62}", fullmatch=True), st.integers(1, 10**14))
def test_what_a_message_says_of_an_origin_is_read_back(text: str, name: str, number: int) -> None:
    origin = Origin(name, number)

    assert places.origin_of(places.with_origin(text, origin)) == origin


@given(st.text())
def test_no_text_makes_the_reader_stumble(text: str) -> None:
    found = places.origin_of(text)

    assert found is None or f"Copied-from: {found.subcluster}@r{found.revision}" in text
