"""Tables, limits and exemptions as text: what the rules let pass is read back as it was written."""

from dataclasses import replace

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from workers.failover.core.definitions import Definitions
from workers.failover.core.definitions_text import DefinitionsError, parse, render
from workers.replication.core.definitions import (
    ALIASES,
    MOST_MAX,
    PERS,
    STAGES,
    Action,
    CutOff,
    Exempt,
    Kind,
    Limit,
    Replication,
    Scope,
    Subject,
    Table,
    TableType,
)
from workers.replication.core.definitions_rules import replication_refusal

ROOMY = settings(suppress_health_check=[HealthCheck.too_slow])
TOP = 'format = 1\ncluster = "demo"\nsubcluster = "default"\nrevision = 1\n'
EMPTY = Definitions("demo", "default", 1)
words = st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True)
texts = st.text(max_size=12).filter(str.isprintable)
keys = texts.map(lambda text: text.replace(" ", ""))
names = st.lists(words, unique=True, max_size=4).map(sorted)
spans = st.one_of(
    st.integers(1, 2_678_400).map(float),
    st.integers(1_000_000, 2_678_400_000_000).map(lambda number: round(number / 1_000_000, 6)),
)


@st.composite
def tables(draw: st.DrawFn, name: str) -> Table:
    kind = draw(st.sampled_from(TableType))
    parameter = {Kind.WINDOW: ("window",), Kind.CACHE: ("ttl",)}.get(kind.kind, ())
    return Table(
        name=kind.value if name in tuple(TableType) else name,
        type=kind,
        parameters=tuple((one, str(draw(st.integers(1, 86_400)))) for one in parameter),
        max_delay=draw(st.floats(0.01, 60.0)),
        max_pending=draw(st.integers(1, 1_000_000)),
        max_size=draw(st.integers(1, 100_000_000)),
        binding_group=draw(texts),
        table_class=draw(texts),
        snapshot=draw(st.booleans()),
        scope=draw(st.sampled_from(Scope)),
    )


@st.composite
def limits(draw: st.DrawFn, name: str) -> Limit:
    subject = draw(st.sampled_from(Subject))
    apart = draw(st.sampled_from(sorted(PERS[subject])))
    where = draw(st.sampled_from([(), ("host",), ("binding", "domain")]))
    return Limit(
        name=name,
        subject=subject,
        per=apart,
        most=draw(st.integers(0, MOST_MAX)),
        window=0 if subject.is_gauge else draw(spans),
        prefix_v4=draw(st.integers(0, 32)),
        prefix_v6=draw(st.integers(0, 128)),
        match=draw(st.sampled_from(["", "192.0.2.0/24", "2001:db8::1"])),
        stage="" if subject.is_outbound else draw(st.sampled_from(["", *sorted(STAGES)])),
        action=draw(st.sampled_from(Action)),
        message=draw(texts),
        test=draw(st.booleans()),
        throttle=draw(words) if subject is Subject.NAMED else "",
        enabled=draw(st.booleans()),
        **{key: "" if subject.is_inbound else draw(keys) for key in where},
    )


@st.composite
def replications(draw: st.DrawFn) -> Replication:
    limited = draw(names)
    return Replication(
        tuple(draw(tables(name)) for name in draw(names)),
        tuple(draw(limits(name)) for name in limited),
        tuple(
            Exempt(
                name,
                draw(st.sampled_from(["", *limited])),
                draw(keys.filter(bool)),
                draw(st.none() | st.integers(0, MOST_MAX)),
            )
            for name in draw(names)
        ),
        draw(st.sampled_from(CutOff)),
        draw(st.booleans()),
    )


@ROOMY
@given(replications())
def test_what_is_written_is_read_back(value: Replication) -> None:
    assume(replication_refusal(value, ()) is None)
    text = render(replace(EMPTY, replication=value))

    assert parse(text).replication == value
    assert render(parse(text)) == text


@ROOMY
@given(replications())
def test_order_makes_no_difference(value: Replication) -> None:
    assume(replication_refusal(value, ()) is None)
    turned = replace(
        value, tables=value.tables[::-1], limits=value.limits[::-1], exempts=value.exempts[::-1]
    )

    assert render(replace(EMPTY, replication=turned)) == render(replace(EMPTY, replication=value))


@given(st.sampled_from(sorted(ALIASES.items())))
def test_names_of_the_original_are_read_and_written_as_ours(alias: tuple[str, TableType]) -> None:
    name, kind = alias
    text = f'{TOP}[table.t]\ntype = "{name}"\n'

    assert parse(text).replication.tables == (Table("t", kind),)
    assert f'type = "{kind}"' in render(parse(text))


@given(st.text(alphabet='[]limt.aexpbs="\n0123/ cutofruh', max_size=80))
def test_whatever_looks_like_a_limit_is_read_or_refused_with_its_line(text: str) -> None:
    told = ""
    try:
        parse(f"{TOP}[limit.a]\n{text}", "d.toml")
    except DefinitionsError as error:
        told = str(error)

    assert not told or told.startswith("d.toml:")
