"""What definitions of tables, limits and exemptions may say, and the way out where they don't.

`replication_refusal` returns the first thing that is wrong, with its place. The values are in
`definitions`; whether a value fits the machines it runs on is not known here.
"""

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Iterable

from workers.replication.core.definitions import (
    DELAY_SECONDS,
    EXEMPT_COUNT,
    KEY_CHARACTERS,
    LIMIT_COUNT,
    MOST_MAX,
    PENDING_COUNT,
    PERS,
    SIZE_KEYS,
    STAGES,
    TABLE_COUNT,
    TEXT_CHARACTERS,
    WINDOW_SECONDS,
    Exempt,
    Kind,
    Limit,
    Per,
    Place,
    Refusal,
    Replication,
    Subject,
    Table,
    TableType,
)

_SERVER = frozenset({Per.ADDRESS, Per.NETWORK})


def replication_refusal(replication: Replication, nodes: Iterable[str]) -> Refusal:
    """Say where `replication` of a subcluster of `nodes` is wrong, how, and the way out, if it is.

    No value names a node yet; `nodes` is taken as everywhere, for those that will.
    """
    del nodes
    found = [_names_refusal("table", [one.name for one in replication.tables], TABLE_COUNT)]
    found.append(_names_refusal("limit", [one.name for one in replication.limits], LIMIT_COUNT))
    found.append(_names_refusal("exempt", [one.name for one in replication.exempts], EXEMPT_COUNT))
    found += [_table_refusal(one) for one in replication.tables]
    found += [_limit_refusal(one) for one in replication.limits]
    limits = {one.name: one for one in replication.limits}
    found += [_exempt_refusal(one, limits) for one in replication.exempts]
    return next(filter(None, found), None)


_WORD = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_PARAMETERS: dict[Kind, frozenset[str]] = {
    Kind.GAUGE: frozenset(),
    Kind.WINDOW: frozenset({"window"}),
    Kind.CACHE: frozenset({"ttl"}),
}
"""`window`: the span in seconds that pages show; `ttl`: seconds a value lives unless told."""


def _names_refusal(kind: str, names: list[str], most: int) -> Refusal:
    if len(names) > most:
        return (kind,), f"{len(names)} {kind}s are too many; name at most {most}"
    for name, count in Counter(names).items():
        if not _WORD.fullmatch(name):
            way = "write one word in lower case, a letter first"
            return (kind, name), f"{kind} {name[:TEXT_CHARACTERS]!r}: not a name; {way}"
        if count > 1:
            return (kind, name), f"{kind} {name} stands twice; remove one"
    return None


def _table_refusal(table: Table) -> Refusal:
    place: Place = ("table", table.name)
    thing = f"table {table.name}"
    named = next((one for one in TableType if one.value == table.name), table.type)
    if named is not table.type:
        what = f"{thing}: type {table.type} under the name of another type"
        return (*place, "type"), f"{what}; write type {named} or another name"
    for key, bounds in (
        ("max_delay", DELAY_SECONDS),
        ("max_pending", PENDING_COUNT),
        ("max_size", SIZE_KEYS),
    ):
        if not bounds[0] <= getattr(table, key) <= bounds[1]:
            what = f"{thing}: {key} is {getattr(table, key)}"
            return (*place, key), f"{what}; write {bounds[0]:g} to {bounds[1]:.0f}"
    for key in ("binding_group", "table_class"):
        if not _is_text(getattr(table, key)):
            return (*place, key), f"{thing}: {key} is no plain text; {_TEXT_WAY}"
    return _parameters_refusal(table, place, thing)


def _parameters_refusal(table: Table, place: Place, thing: str) -> Refusal:
    place = (*place, "parameters")
    allowed = _PARAMETERS[table.type.kind]
    for number, (key, value) in enumerate(table.parameters):
        what = f"{thing}: parameter {key[:TEXT_CHARACTERS]!r}"
        if key not in allowed:
            way = f"a table of this type takes {', '.join(sorted(allowed)) or 'none'}"
            return place, f"{what} is not known; {way}"
        if key in dict(table.parameters[:number]):
            return place, f"{what} stands twice; remove one"
        if not re.fullmatch(r"[0-9]{1,8}(\.[0-9]{1,6})?", value) or not _is_span(float(value)):
            way = f"write {WINDOW_SECONDS[0]:g} to {WINDOW_SECONDS[1]:.0f} seconds"
            return place, f"{what} is {value[:TEXT_CHARACTERS]!r}; {way}"
    return None


def _limit_refusal(limit: Limit) -> Refusal:
    found = next(filter(None, (check(limit) for check in _LIMIT_CHECKS)), None)
    return found and (("limit", limit.name, found[0]), f"limit {limit.name}: {found[1]}")


_Wrong = tuple[str, str] | None
"""A field of a limit and what is wrong with it."""


def _rate_wrong(limit: Limit) -> _Wrong:
    if not 0 <= limit.most <= MOST_MAX:
        return "most", f"most is {limit.most}; write 0 to {MOST_MAX}"
    if limit.subject.is_gauge and limit.window:
        way = 'write the number alone, such as "20"'
        return "window", f"{limit.subject} counts what is open now, within no window; {way}"
    if not limit.subject.is_gauge and not _is_span(limit.window):
        way = f'write one of {WINDOW_SECONDS[0]:g} to {WINDOW_SECONDS[1]:.0f} s, such as "20/60s"'
        return "window", f"{limit.subject} is counted within a window; {way}"
    return None


def _per_wrong(limit: Limit) -> _Wrong:
    if limit.per not in PERS[limit.subject]:
        way = f"write one of {', '.join(sorted(PERS[limit.subject]))}"
        return "per", f"{limit.subject} is not counted per {limit.per}; {way}"
    if not 0 <= limit.prefix_v4 <= 32:
        return "prefix_v4", f"prefix_v4 is {limit.prefix_v4}; write 0 to 32"
    if not 0 <= limit.prefix_v6 <= 128:
        return "prefix_v6", f"prefix_v6 is {limit.prefix_v6}; write 0 to 128"
    if limit.match and limit.per in _SERVER and not is_network(limit.match):
        way = "write an address or a CIDR such as 192.0.2.0/24, without host bits"
        return "match", f"match {limit.match[:TEXT_CHARACTERS]!r} is no network; {way}"
    return None


def _scope_wrong(limit: Limit) -> _Wrong:
    for key in ("binding", "host", "domain"):
        value = getattr(limit, key)
        if value and limit.subject.is_inbound:
            return key, f"{limit.subject} has no {key}; remove it"
        if not _is_key(value):
            return key, f"{key} {value[:TEXT_CHARACTERS]!r} is no name; {_KEY_WAY}"
    if limit.host and limit.domain:
        return "host", "host and domain exclude each other; remove one"
    return None


def _words_wrong(limit: Limit) -> _Wrong:
    if not _is_key(limit.match):
        return "match", f"match {limit.match[:TEXT_CHARACTERS]!r} is no key; {_KEY_WAY}"
    if not _is_text(limit.message):
        return "message", f"message is no plain text; {_TEXT_WAY}"
    if limit.stage and limit.stage not in STAGES:
        way = f"write one of {', '.join(sorted(STAGES))}"
        return "stage", f"stage {limit.stage[:TEXT_CHARACTERS]!r} is not known; {way}"
    if limit.stage and limit.subject.is_outbound:
        return "stage", f"{limit.subject} has no stage; remove it"
    is_named = limit.subject is Subject.NAMED
    if is_named and not _WORD.fullmatch(limit.throttle):
        way = "write one word in lower case, a letter first"
        return "throttle", f"throttle {limit.throttle[:TEXT_CHARACTERS]!r} is no name; {way}"
    if limit.throttle and not is_named:
        return "throttle", f"only subject {Subject.NAMED} has a throttle; remove it"
    return None


_LIMIT_CHECKS: tuple[Callable[[Limit], _Wrong], ...] = (
    *(_rate_wrong, _per_wrong, _scope_wrong, _words_wrong),
)


def _exempt_refusal(exempt: Exempt, limits: dict[str, Limit]) -> Refusal:
    place: Place = ("exempt", exempt.name)
    thing = f"exempt {exempt.name}"
    if exempt.limit and exempt.limit not in limits:
        what = f"{thing}: limit {exempt.limit[:TEXT_CHARACTERS]!r} is not defined"
        return (*place, "limit"), f"{what}; correct the name, or leave it out for every limit"
    if not exempt.key or not _is_key(exempt.key):
        what = f"{thing}: key {exempt.key[:TEXT_CHARACTERS]!r} is no key"
        return (*place, "key"), f"{what}; {_KEY_WAY}"
    if exempt.most is not None and not 0 <= exempt.most <= MOST_MAX:
        what = f"{thing}: most is {exempt.most}"
        return (*place, "most"), f"{what}; write 0 to {MOST_MAX}, or leave it out for no limit"
    return None


_KEY_WAY = f"write at most {KEY_CHARACTERS} printable characters without blanks"
_TEXT_WAY = f"write one line of at most {TEXT_CHARACTERS} printable characters"


def is_network(text: str) -> bool:
    """Whether `text` is an address or a CIDR without host bits."""
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return "%" not in text


def _is_span(seconds: float) -> bool:
    return WINDOW_SECONDS[0] <= seconds <= WINDOW_SECONDS[1]


def _is_key(text: str) -> bool:
    return len(text) <= KEY_CHARACTERS and text.isprintable() and " " not in text


def _is_text(text: str) -> bool:
    return len(text) <= TEXT_CHARACTERS and text.isprintable()
