"""Layers and templates against models: whatever is in the repository, a tree or problems."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.config.rendered import EXECUTABLE, FACTS, FILE, Stored, repository
from workers.config.core.overlay import layers
from workers.config.core.problems import Problem
from workers.config.core.render import Tree, render_node
from workers.config.core.secrets import CLOSE, OPEN, fill

LAYERS = layers("site", "mta1")
names = st.from_regex(r"[a-d]{1,2}(\.cf)?", fullmatch=True)
flat = st.lists(names, min_size=1, max_size=2).map("-".join)
contents = st.binary(max_size=20)
elsewhere = st.sampled_from(["site/mta2", "other/default", "global2", "site"])
FRAGMENTS = [
    *(
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        "-",
        "\n",
        "x",
        "'",
        '"',
        "(",
        ")",
        "[",
        "]",
        ".",
        "|",
        ",",
    ),
    *(
        "node",
        "nodes",
        "vips",
        "name",
        "__class__",
        "address",
        "secret",
        "('a')",
        "cluster",
        "self",
    ),
    *(" if ", " else ", " endif ", " for ", " in ", " endfor ", " set ", " = ", " is ", " not "),
    *(" macro m() ", " endmacro ", " call ", " include ", " import ", " extends ", " block b "),
    *(" endblock ", " raw ", " endraw ", " filter upper ", " endfilter ", " with ", " endwith "),
    *(
        "'a.j2'",
        "'b.j2'",
        "'_c.j2'",
        " as c ",
        "c.m()",
        "range(3)",
        "1",
        "0",
        "-1",
        "*",
        "**",
        "~",
        "%",
    ),
    *(
        "join",
        "upper",
        "ipv4",
        "tojson",
        "sort",
        "map",
        "attr",
        "default",
        "format",
        "loop",
        "none",
    ),
    *(OPEN, CLOSE, "\\ud800", "é", "\0", "\r", " ", "super()", "caller()", "namespace(a=1)"),
]
templates = st.one_of(
    st.lists(st.sampled_from(FRAGMENTS), max_size=25).map("".join),
    st.lists(st.sampled_from(FRAGMENTS), max_size=12).map(
        lambda parts: "{{ " + " ".join(parts) + " }}"
    ),
    st.lists(st.sampled_from(FRAGMENTS), max_size=12).map(
        lambda parts: "{% " + " ".join(parts) + " %}"
    ),
    st.text(max_size=40),
)


@given(st.tuples(*[st.dictionaries(flat, st.one_of(st.none(), contents), max_size=6)] * 3))
def test_precedence_is_that_of_dictionaries(
    wanted: tuple[dict[str, bytes | None], dict[str, bytes | None], dict[str, bytes | None]],
) -> None:
    """A value of None is a mark of absence."""
    model: dict[str, bytes | None] = {}
    files: dict[str, str | bytes] = {}
    for layer, changes in zip(LAYERS, wanted, strict=True):
        model.update(changes)
        for name, content in changes.items():
            files[f"{layer}/{name}" + (".absent" if content is None else "")] = content or b""
    listing, stored = repository(files)
    tree = render_node(listing, stored.__getitem__, FACTS)

    assert isinstance(tree, Tree)
    found = {path: file.content for path, file in tree.files.items()}
    assert found == {name: content for name, content in model.items() if content is not None}
    assert list(found) == sorted(found)


@given(
    st.dictionaries(
        st.lists(names, min_size=1, max_size=4).map("/".join),
        st.tuples(st.binary(), st.booleans()),
        max_size=12,
    ),
    st.dictionaries(st.tuples(elsewhere, names).map("/".join), contents),
)
def test_without_templates_rendering_is_the_identity(
    files: dict[str, tuple[bytes, bool]], others: dict[str, bytes]
) -> None:
    clash = any(
        f"{other}/".startswith(f"{path}/") for path in files for other in files if path != other
    )
    listing = {
        f"site/default/{path}": Stored(str(number), EXECUTABLE if runs else FILE)
        for number, (path, (_, runs)) in enumerate(files.items())
    } | {path: Stored(path) for path in others}
    read = {str(number): content for number, (content, _) in enumerate(files.values())}
    found = render_node(listing, read.__getitem__, FACTS)

    if clash:
        assert isinstance(found, list)
    else:
        assert isinstance(found, Tree)
        assert found.contents == files
        assert all(file.shown == file.content for file in found.files.values())


@given(
    st.lists(
        st.tuples(
            st.sampled_from(LAYERS),
            st.text(st.sampled_from("a/.j2_bsent\n\0\udcff"), max_size=12),
            st.sampled_from([FILE, EXECUTABLE, 0o120000, 0o160000, 0]),
        )
    )
)
def test_whatever_the_paths_there_is_a_tree_or_problems_and_no_path_leads_out(
    entries: list[tuple[str, str, int]],
) -> None:
    listing = {f"{layer}/{path}": Stored("", mode) for layer, path, mode in entries}
    found = render_node(listing, lambda _: b"", FACTS)

    if isinstance(found, Tree):
        for path in found.files:
            assert not {"", ".", "..", ".git"} & set(path.split("/"))
            assert path.isprintable()
    else:
        assert found
        assert all(isinstance(one, Problem) and one.path for one in found)


@settings(max_examples=400)
@given(templates, templates, templates)
def test_whatever_the_templates_there_is_a_tree_or_problems(a: str, b: str, c: str) -> None:
    files = {"a.j2": a, "b.j2": b, "_c.j2": c}
    encoded = {
        f"global/{path}": text.encode("utf-8", "surrogatepass") for path, text in files.items()
    }
    listing, stored = repository(encoded)
    first = render_node(listing, stored.__getitem__, FACTS)
    second = render_node(listing, stored.__getitem__, FACTS)

    if isinstance(first, Tree):
        assert set(first.files) == {"a", "b"}
    else:
        assert first
        for problem in first:
            assert problem.path in encoded
            assert 0 <= problem.line <= encoded[problem.path].count(b"\n") + 1
            assert problem.sentence.isprintable()
    assert first == second


@settings(max_examples=200)
@given(st.binary(max_size=60))
def test_whatever_the_bytes_there_is_a_tree_or_problems(template: bytes) -> None:
    listing, stored = repository({"global/a.j2": template})
    found = render_node(listing, stored.__getitem__, FACTS)

    assert isinstance(found, Tree) or all(one.path == "global/a.j2" for one in found)


@given(
    st.lists(st.one_of(st.sampled_from(["s", "t"]).map(lambda n: (n,)), st.text(max_size=5))),
    st.binary(min_size=8, max_size=40),
)
def test_secrets_are_where_their_marks_were_and_nowhere_in_what_is_shown(
    parts: list[tuple[str] | str], value: bytes
) -> None:
    value = b"\xfe" + value + b"\xfe"
    plain = [
        one if isinstance(one, tuple) else one.replace(OPEN, "").replace(CLOSE, "") for one in parts
    ]
    plain = [
        one if isinstance(one, tuple) else one.encode("utf-8", "ignore").decode() for one in plain
    ]
    text = "".join(f"{OPEN}{one[0]}{CLOSE}" if isinstance(one, tuple) else one for one in plain)
    uses = {"s": ("a.j2", 1), "t": ("a.j2", 2)}
    filled = fill(text, uses, {"s": value, "t": value + b"t"}.get, "a.j2")

    assert isinstance(filled, tuple)
    content, spans = filled
    assert [span.name for span in spans] == [one[0] for one in plain if isinstance(one, tuple)]
    for span in spans:
        assert content[span.start : span.end] == value + (b"t" if span.name == "t" else b"")
