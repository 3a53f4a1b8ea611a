"""Which tables a subcluster's nodes share and what they limit: the values that definitions carry.

What they may say is in `definitions_rules`. Their text form is in `definitions_text` of the
failover, which carries them along without looking inside; how tables count is in `tables`, how
limits decide in `limits`.
"""

import re
from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import cached_property

TABLE_COUNT = 64
LIMIT_COUNT = 1_000
EXEMPT_COUNT = 10_000
PARAMETER_COUNT = 16

MOST_MAX = 10**12
"""A limit counts at most to here, so that sums over nodes and time stay in 63 bits."""

WINDOW_SECONDS = (1.0, 31 * 86_400.0)
DELAY_SECONDS = (0.01, 60.0)
PENDING_COUNT = (1, 1_000_000)
SIZE_KEYS = (100, 100_000_000)
KEY_CHARACTERS = 512
TEXT_CHARACTERS = 200

STAGES = frozenset(
    {"CONNECT", "EHLO", "HELO", "MAIL", "RCPT", "DATA", "END-OF-MESSAGE", "VRFY", "ETRN"}
)
"""Where Postfix may ask, as its `protocol_state` says."""

Place = tuple[str, ...]
"""The keys of the definitions that lead to a value, such as ("limit", "inbound", "most")."""

Refusal = tuple[Place, str] | None


class Kind(Enum):
    """What a cell of a table is."""

    GAUGE = "gauge"
    """How many there are now: goes up and down, counts while its node is alive."""
    WINDOW = "window"
    """How many there were within a span of time."""
    CACHE = "cache"
    """A value that the last writer sets."""


class TableType(StrEnum):
    """What a replicated table holds. `ALIASES` has the names other systems use."""

    CONNECTIONS_INBOUND = "connections-inbound"
    CONNECTIONS_OUTBOUND = "connections-outbound"
    DOMAIN_CONNECTIONS = "domain-connections"
    BINDING_DOMAIN_CONNECTIONS = "binding-domain-connections"
    THROTTLE_MESSAGES = "throttle-messages"
    THROTTLE_CONNECTIONS = "throttle-connections"
    NAMED_THROTTLES = "named-throttles"
    SERIES_CONNECT = "series-connect"
    SERIES_RECEPTION = "series-reception"
    SERIES_REJECTION = "series-rejection"
    SERIES_DELIVERY = "series-delivery"
    SERIES_TRANSFAIL = "series-transfail"
    SERIES_PERMFAIL = "series-permfail"
    AUDIT_SERIES = "audit-series"
    GAUGE_CACHE = "gauge-cache"
    CACHE = "cache"
    MANAGER_METRICS = "manager-metrics"

    @property
    def kind(self) -> Kind:
        """What its cells are."""
        if self is TableType.CACHE:
            return Kind.CACHE
        return Kind.GAUGE if self in _GAUGES else Kind.WINDOW

    @property
    def is_address(self) -> bool:
        """Whether its keys are addresses or networks, which `tree` shows by their prefixes."""
        return self in _BY_ADDRESS


_GAUGES = frozenset(
    {
        TableType.CONNECTIONS_INBOUND,
        TableType.CONNECTIONS_OUTBOUND,
        TableType.DOMAIN_CONNECTIONS,
        TableType.BINDING_DOMAIN_CONNECTIONS,
        TableType.GAUGE_CACHE,
        TableType.MANAGER_METRICS,
    }
)

_SERIES = frozenset(one for one in TableType if one.value.startswith("series-"))

_BY_ADDRESS = _SERIES | {
    TableType.CONNECTIONS_INBOUND,
    TableType.CONNECTIONS_OUTBOUND,
    TableType.AUDIT_SERIES,
}

ALIASES: dict[str, TableType] = {
    "inbound_cidr": TableType.CONNECTIONS_INBOUND,
    "outbound_cidr": TableType.CONNECTIONS_OUTBOUND,
    "outbound_domains": TableType.DOMAIN_CONNECTIONS,
    "outbound_binding_domains": TableType.BINDING_DOMAIN_CONNECTIONS,
    "OBTM": TableType.THROTTLE_MESSAGES,
    "OBTC": TableType.THROTTLE_CONNECTIONS,
    "shared_named_throttles": TableType.NAMED_THROTTLES,
    "connect": TableType.SERIES_CONNECT,
    "reception": TableType.SERIES_RECEPTION,
    "rejection": TableType.SERIES_REJECTION,
    "delivery": TableType.SERIES_DELIVERY,
    "transfail": TableType.SERIES_TRANSFAIL,
    "permfail": TableType.SERIES_PERMFAIL,
    "audit_series": TableType.AUDIT_SERIES,
    "gauge_cache": TableType.GAUGE_CACHE,
    "cache": TableType.CACHE,
    "eccmgr_metrics": TableType.MANAGER_METRICS,
}


def table_type(name: str) -> TableType | None:
    """Return the type of this name or alias, if there is one."""
    return ALIASES.get(name) or next((one for one in TableType if one.value == name), None)


class Scope(StrEnum):
    """Who shares a table."""

    CLUSTER = "cluster"
    SUBCLUSTER = "subcluster"


class Subject(StrEnum):
    """What a limit counts."""

    INBOUND_CONNECTIONS = "inbound-connections"
    """Connects of clients within the window."""
    INBOUND_OPEN = "inbound-open"
    """Connections of clients that are open now."""
    INBOUND_MESSAGES = "inbound-messages"
    INBOUND_RECIPIENTS = "inbound-recipients"
    OUTBOUND_CONNECTIONS = "outbound-connections"
    """cluster_max_outbound_connections: open now."""
    OUTBOUND_SERVER_CONNECTIONS = "outbound-server-connections"
    """cluster_server_max_outbound_connections: open now to one address of a remote server."""
    OUTBOUND_SCOPE_CONNECTIONS = "outbound-scope-connections"
    """cluster_scope_max_outbound_connections: open now in the whole scope."""
    OUTBOUND_MESSAGES = "outbound-messages"
    """cluster_outbound_throttle_messages."""
    OUTBOUND_CONNECTION_RATE = "outbound-connection-rate"
    """cluster_outbound_throttle_connections."""
    NAMED = "named"
    """Whatever is asked of the named throttle."""

    @property
    def is_gauge(self) -> bool:
        """Whether it counts what is open now; everything else is counted within a window."""
        return self in _OPEN

    @property
    def is_inbound(self) -> bool:
        """Whether clients' mail is counted, not what this cluster sends."""
        return self.value.startswith("inbound-")

    @property
    def is_outbound(self) -> bool:
        """Whether mail that this cluster sends is counted."""
        return self.value.startswith("outbound-")


_OPEN = frozenset(
    {
        Subject.INBOUND_OPEN,
        Subject.OUTBOUND_CONNECTIONS,
        Subject.OUTBOUND_SERVER_CONNECTIONS,
        Subject.OUTBOUND_SCOPE_CONNECTIONS,
    }
)


class Per(StrEnum):
    """For whom a limit counts apart."""

    ADDRESS = "address"
    NETWORK = "network"
    SENDER = "sender"
    SENDER_DOMAIN = "sender-domain"
    RECIPIENT = "recipient"
    RECIPIENT_DOMAIN = "recipient-domain"
    SASL_USER = "sasl-user"
    GLOBAL = "global"
    DOMAIN = "domain"
    HOST = "host"
    BINDING = "binding"


_CLIENT = frozenset({Per.ADDRESS, Per.NETWORK, Per.GLOBAL})
_MAIL = _CLIENT | {
    *(Per.SENDER, Per.SENDER_DOMAIN, Per.RECIPIENT, Per.RECIPIENT_DOMAIN, Per.SASL_USER)
}
_AWAY = frozenset({Per.DOMAIN, Per.HOST, Per.BINDING, Per.GLOBAL})
_SERVER = frozenset({Per.ADDRESS, Per.NETWORK})

PERS: dict[Subject, frozenset[Per]] = {
    Subject.INBOUND_CONNECTIONS: _CLIENT,
    Subject.INBOUND_OPEN: _CLIENT,
    Subject.INBOUND_MESSAGES: _MAIL,
    Subject.INBOUND_RECIPIENTS: _MAIL,
    Subject.OUTBOUND_CONNECTIONS: _AWAY,
    Subject.OUTBOUND_SERVER_CONNECTIONS: _SERVER,
    Subject.OUTBOUND_SCOPE_CONNECTIONS: _AWAY,
    Subject.OUTBOUND_MESSAGES: _AWAY | _SERVER,
    Subject.OUTBOUND_CONNECTION_RATE: _AWAY | _SERVER,
    Subject.NAMED: frozenset(Per),
}
"""For whom each subject can be counted apart."""


class Action(StrEnum):
    """What a client is told whose limit is reached."""

    DEFER = "defer"
    """Postfix: DEFER_IF_PERMIT."""
    REJECT = "reject"
    HOLD = "hold"


class CutOff(StrEnum):
    """How a node that hears nothing from its peers goes on with each limit."""

    SHARE = "share"
    """With the limit divided by the enabled nodes."""
    FULL = "full"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Table:
    """A replicated table.

    Peers are told after `max_delay` seconds, or a tenth of it once there are `max_pending` changes.
    `max_size`: keys; beyond it the least recently used go, counted. `binding_group` and
    `table_class` are labels for people and for MTAs. `snapshot`: whether joiners get it whole.
    """

    name: str
    type: TableType
    parameters: tuple[tuple[str, str], ...] = ()
    max_delay: float = 1.0
    max_pending: int = 100
    max_size: int = 1_000_000
    binding_group: str = ""
    table_class: str = ""
    snapshot: bool = True
    scope: Scope = Scope.SUBCLUSTER

    def seconds(self, parameter: str, default: float) -> float:
        """Return the parameter of this name as a number of seconds; `default` where there is none.

        Parameters that pass `replication_refusal` are numbers.
        """
        return float(dict(self.parameters).get(parameter, default))


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` within `window` seconds, or at any time where `window` is 0, for each `per`.

    `match`: only keys that are it: exact, within a CIDR, or below ".example.com". `binding`,
    `host`, `domain`: where an outbound limit applies. `stage`: Postfix's protocol state.
    `test`: say so, refuse nobody. `throttle`: the name that is asked for, of a named throttle.
    """

    name: str
    subject: Subject
    per: Per
    most: int
    window: float = 0
    prefix_v4: int = 32
    prefix_v6: int = 64
    match: str = ""
    binding: str = ""
    host: str = ""
    domain: str = ""
    stage: str = ""
    action: Action = Action.DEFER
    message: str = ""
    test: bool = False
    throttle: str = ""
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Exempt:
    """`key` has another `most`, or none, in the limit of this name, or in every one."""

    name: str
    limit: str
    key: str
    most: int | None = None


@dataclass(frozen=True)
class Replication:
    """Tables, limits and exemptions of one subcluster, each in order of their names."""

    tables: tuple[Table, ...] = ()
    limits: tuple[Limit, ...] = ()
    exempts: tuple[Exempt, ...] = ()
    cut_off: CutOff = CutOff.SHARE
    test: bool = False
    """All limits only say what they would refuse."""

    @cached_property
    def every_table(self) -> tuple[Table, ...]:
        """The defined tables, and the default one of each type that has none."""
        defined = {one.type for one in self.tables}
        return self.tables + tuple(one for one in default_tables() if one.type not in defined)

    def table_of(self, type_: TableType) -> Table:
        """Return the first table of this type, a default one where none is defined."""
        return next(one for one in self.every_table if one.type is type_)


def default_tables() -> tuple[Table, ...]:
    """Return one table for each type, of its name: so limits work before any table is defined."""
    return tuple(Table(one.value, one) for one in TableType)


_RATE = re.compile(r"([0-9]{1,13})(?:/([0-9]{1,8}(?:\.[0-9]{1,6})?)?([smhd]?))?")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}


def read_rate(text: str) -> tuple[int, float]:
    """Return (most, window seconds) of "1000/60s", "20/m", "5/2h" or "20", whose window is 0.

    Raises `ValueError` with a sentence for anything else.
    """
    found = _RATE.fullmatch(text.strip())
    if found is None or text.strip().endswith("/"):
        way = 'write "1000/60s" for so many in 60 seconds, or "20" for so many at a time'
        raise ValueError(f"{text[:TEXT_CHARACTERS]!r} is no limit; {way}")
    if "/" not in text:
        return int(found[1]), 0.0
    return int(found[1]), float(found[2] or 1) * _UNITS[found[3] or ""]


def rate_text(most: int, window: float) -> str:
    """Return what `read_rate` reads: "1000/60s", or "20" where `window` is 0."""
    return f"{most}/{window:.6f}".rstrip("0").rstrip(".") + "s" if window else str(most)
