"""Which limits hold for what an MTA is going to send, and what it takes of them. Pure.

Of each subject the limits of the most specific scope hold, all of them; named throttles hold by
their names. A connection is counted in the gauges by which people look for it, limited or not.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from workers.replication.core import precedence
from workers.replication.core.counting import Places, gauge_place
from workers.replication.core.definitions import Limit, Per, Subject, TableType
from workers.replication.core.leases import Cell
from workers.replication.core.limit_keys import address_of, bounded, domain_of, key_of
from workers.replication.core.verdicts import Meter


class AskedKind(StrEnum):
    """What is asked for."""

    CONNECTION = "connection"
    """To a server out there."""
    MESSAGE = "message"
    """One more to be sent."""
    INBOUND = "inbound"
    """A client's connection, open until it is released."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for: empty where it is not said."""

    kind: AskedKind
    binding: str = ""
    domain: str = ""
    host: str = ""
    address: str = ""
    throttle: str = ""
    key: str = ""
    """For whom, of a named throttle that counts apart."""
    count: int = 1


SUBJECTS = {
    AskedKind.CONNECTION: (
        Subject.OUTBOUND_CONNECTIONS,
        Subject.OUTBOUND_SERVER_CONNECTIONS,
        Subject.OUTBOUND_SCOPE_CONNECTIONS,
        Subject.OUTBOUND_CONNECTION_RATE,
    ),
    AskedKind.MESSAGE: (Subject.OUTBOUND_MESSAGES,),
    AskedKind.INBOUND: (Subject.INBOUND_OPEN, Subject.INBOUND_CONNECTIONS),
}


class Outbound:
    """The limits of what is asked for by the API."""

    def __init__(self, limits: Iterable[Limit], places: Places) -> None:
        self._by_subject: dict[Subject, list[Limit]] = {}
        for one in sorted(limits, key=lambda each: each.name):
            if one.enabled:
                self._by_subject.setdefault(one.subject, []).append(one)
        self._places = places

    def holding(self, asked: Asked) -> list[Limit]:
        """Return the limits that hold, in the order of their subjects and names."""
        found = []
        for subject in SUBJECTS[asked.kind]:
            applying = [
                one
                for one in self._by_subject.get(subject, ())
                if key_of(one, said(one, asked)) is not None
            ]
            found += precedence.holding(applying, asked.binding, asked.host, asked.domain)
        named = self._by_subject.get(Subject.NAMED, ()) if asked.throttle else ()
        return found + [
            one
            for one in named
            if one.throttle == asked.throttle
            and precedence.covers(one, asked.binding, asked.host, asked.domain)
        ]

    def meters(self, asked: Asked) -> Iterator[Meter]:
        """Return what stands for the request in each of the limits that hold."""
        for limit in self.holding(asked):
            found = self._places.meter(limit, said(limit, asked), asked.binding)
            if found is not None:
                yield found

    def cells(self, asked: Asked) -> tuple[Cell, ...]:
        """Return the gauges in which a connection counts while it is open."""
        cells = list(_usual_cells(asked))
        for limit in self.holding(asked):
            key = key_of(limit, said(limit, asked))
            if limit.subject.is_gauge and key is not None:
                cell = gauge_place(limit, key, asked.binding)
                if cell not in cells:
                    cells.append(cell)
        return tuple(cells)


def said(limit: Limit, asked: Asked) -> str:
    """Return what the request says of that for which `limit` counts apart."""
    return {
        Per.ADDRESS: asked.address,
        Per.NETWORK: asked.address,
        Per.DOMAIN: asked.domain,
        Per.HOST: asked.host,
        Per.BINDING: asked.binding,
    }.get(limit.per, asked.key)


def _usual_cells(asked: Asked) -> Iterator[Cell]:
    address = address_of(asked.address)
    if asked.kind is AskedKind.INBOUND:
        if address is not None:
            yield TableType.CONNECTIONS_INBOUND, str(address)
        return
    if asked.kind is AskedKind.CONNECTION:
        if address is not None:
            yield TableType.CONNECTIONS_OUTBOUND, str(address)
        domain = bounded(domain_of(asked.domain))
        if domain:
            yield TableType.DOMAIN_CONNECTIONS, domain
        if domain and asked.binding:
            yield TableType.BINDING_DOMAIN_CONNECTIONS, f"{asked.binding}::{domain}"
