"""Replicated tables, limits and their exemptions in the text of definitions: TOML in, lines out.

`[replication]` says what holds for all; `[table.NAME]`, `[limit.NAME]` and `[exempt.NAME]` may be
written in any order. The names of types in the original are read as well, and written as ours.
Only what is no TOML of the right kind is refused here; what values may be is said elsewhere.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, TypeVar

from workers.failover.core.toml_text import Path, quoted
from workers.failover.core.toml_text import Table as Toml
from workers.replication.core.definitions import (
    Action,
    CutOff,
    Exempt,
    Limit,
    Per,
    Replication,
    Scope,
    Subject,
    Table,
    TableType,
    rate_text,
    read_rate,
    table_type,
)

KEYS = ("replication", "table", "limit", "exempt")
"""Of the top level."""
PLAIN_TABLE = Table("t", TableType.CACHE)
PLAIN_LIMIT = Limit("l", Subject.INBOUND_OPEN, Per.ADDRESS, 1)
WHOLE_MAX = (1 << 53) - 1
LIMIT_TEXTS = ("match", "binding", "host", "domain", "stage", "message", "throttle")
PREFIXES = {"prefix_v4": 32, "prefix_v6": 128}
RATE_WAY = 'write most = 20, or most = "1000/60s" for so many in 60 seconds (s, m, h, d)'
SPELLED = {("table", "table_class"): "class", ("limit", "window"): "most"}
"""What a value is called in the text, where it has another name than in `Replication`."""
Word = TypeVar("Word", bound=StrEnum)


def replication_of(top: Toml) -> Replication:
    """Read everything; raises `Problem`."""
    about = top.table("replication", "replication")
    about.allow("cut_off", "test")
    named = {key: dict(top.tables(key)) for key in KEYS[1:]}
    return Replication(
        tables=tuple(_table(name, one) for name, one in sorted(named["table"].items())),
        limits=tuple(_limit(name, one) for name, one in sorted(named["limit"].items())),
        exempts=tuple(_exempt(name, one) for name, one in sorted(named["exempt"].items())),
        cut_off=_word(about, "cut_off", CutOff, CutOff.SHARE),
        test=about.flag("test", False),
    )


def replication_lines(replication: Replication) -> Iterator[str]:
    """Write it in canonical form: by name, only what differs from what is usual."""
    usual = Replication()
    said = [f"cut_off = {quoted(replication.cut_off)}"] * (replication.cut_off != usual.cut_off)
    said += ["test = true"] * replication.test
    if said:
        yield from ("", "[replication]", *said)
    for table in sorted(replication.tables, key=lambda one: one.name):
        yield from ("", f"[table.{table.name}]", *_table_lines(table))
    for limit in sorted(replication.limits, key=lambda one: one.name):
        yield from ("", f"[limit.{limit.name}]", *_limit_lines(limit))
    for exempt in sorted(replication.exempts, key=lambda one: one.name):
        yield from ("", f"[exempt.{exempt.name}]", *_exempt_lines(exempt))


def place_in_text(path: Path) -> Path:
    """Return where a value stands in the text; other paths are left as they are."""
    if len(path) > 2 and (key := SPELLED.get((path[0], path[2]))):
        return (*path[:2], key)
    return path


def _table(name: str, toml: Toml) -> Table:
    toml.allow(
        *("type", "parameters", "max_delay", "max_pending", "max_size", "binding_group"),
        *("class", "snapshot", "scope"),
    )
    parameters = toml.table("parameters", f"{toml.thing}: parameters")
    return Table(
        name=name,
        type=_type(toml),
        parameters=tuple(sorted(parameters.items())),
        max_delay=toml.number("max_delay", PLAIN_TABLE.max_delay, 0, WHOLE_MAX),
        max_pending=toml.whole("max_pending", PLAIN_TABLE.max_pending, 0, WHOLE_MAX),
        max_size=toml.whole("max_size", PLAIN_TABLE.max_size, 0, WHOLE_MAX),
        binding_group=toml.text("binding_group", ""),
        table_class=toml.text("class", ""),
        snapshot=toml.flag("snapshot", PLAIN_TABLE.snapshot),
        scope=_word(toml, "scope", Scope, PLAIN_TABLE.scope),
    )


def _type(toml: Toml) -> TableType:
    written = toml.text("type")
    found = table_type(written)
    if found is None:
        raise toml.problem("type", f"type is {written!r}; write {' or '.join(TableType)}")
    return found


def _limit(name: str, toml: Toml) -> Limit:
    toml.allow(
        *("subject", "per", "most", *PREFIXES, *LIMIT_TEXTS, "action", "test", "enabled"),
    )
    most, window = _rate(toml)
    values: dict[str, Any] = {key: toml.text(key, "") for key in LIMIT_TEXTS}
    for key, highest in PREFIXES.items():
        values[key] = toml.whole(key, getattr(PLAIN_LIMIT, key), 0, highest)
    return Limit(
        name=name,
        subject=_word(toml, "subject", Subject),
        per=_word(toml, "per", Per),
        most=most,
        window=window,
        action=_word(toml, "action", Action, PLAIN_LIMIT.action),
        test=toml.flag("test", PLAIN_LIMIT.test),
        enabled=toml.flag("enabled", PLAIN_LIMIT.enabled),
        **values,
    )


def _rate(toml: Toml) -> tuple[int, float]:
    """(most, window) of `most = 20`, `most = "20"` or `most = "1000/60s"`."""
    value = toml.value("most")
    if value is None:
        raise toml.problem("", f"most is missing; {RATE_WAY}")
    if isinstance(value, int):
        return toml.whole("most", None, 0, WHOLE_MAX), 0.0
    written = toml.text("most")
    try:
        most, window = read_rate(written)
    except ValueError as error:
        raise toml.problem("most", f"most: {error}") from None
    return most, round(window, 6)  # what can be written again


def _exempt(name: str, toml: Toml) -> Exempt:
    toml.allow("limit", "key", "most")
    most = toml.whole("most", None, 0, WHOLE_MAX) if "most" in toml else None
    return Exempt(name, toml.text("limit", ""), toml.text("key"), most)


def _word(toml: Toml, key: str, words: type[Word], usual: Word | None = None) -> Word:
    """One of a few words; without a usual one it has to be there."""
    written = toml.text(key, usual)
    try:
        return words(written)
    except ValueError:
        pass
    raise toml.problem(key, f"{key} is {written!r}; write {' or '.join(words)}")


def _table_lines(table: Table) -> Iterator[str]:
    yield f"type = {quoted(table.type)}"
    if table.parameters:
        pairs = (f"{quoted(key)} = {quoted(value)}" for key, value in sorted(table.parameters))
        yield f"parameters = {{ {', '.join(pairs)} }}"
    if table.max_delay != PLAIN_TABLE.max_delay:
        yield f"max_delay = {float(table.max_delay)!r}"
    for key in ("max_pending", "max_size"):
        if (value := getattr(table, key)) != getattr(PLAIN_TABLE, key):
            yield f"{key} = {value}"
    if table.binding_group:
        yield f"binding_group = {quoted(table.binding_group)}"
    if table.table_class:
        yield f"class = {quoted(table.table_class)}"
    if not table.snapshot:
        yield "snapshot = false"
    if table.scope != PLAIN_TABLE.scope:
        yield f"scope = {quoted(table.scope)}"


def _limit_lines(limit: Limit) -> Iterator[str]:
    yield f"subject = {quoted(limit.subject)}"
    yield f"per = {quoted(limit.per)}"
    yield f"most = {_most(limit)}"
    for key in PREFIXES:
        if (value := getattr(limit, key)) != getattr(PLAIN_LIMIT, key):
            yield f"{key} = {value}"
    for key in LIMIT_TEXTS:
        if text := getattr(limit, key):
            yield f"{key} = {quoted(text)}"
    if limit.action != PLAIN_LIMIT.action:
        yield f"action = {quoted(limit.action)}"
    if limit.test:
        yield "test = true"
    if not limit.enabled:
        yield "enabled = false"


def _most(limit: Limit) -> str:
    return quoted(rate_text(limit.most, limit.window)) if limit.window else str(limit.most)


def _exempt_lines(exempt: Exempt) -> Iterator[str]:
    if exempt.limit:
        yield f"limit = {quoted(exempt.limit)}"
    yield f"key = {quoted(exempt.key)}"
    if exempt.most is not None:
        yield f"most = {exempt.most}"
