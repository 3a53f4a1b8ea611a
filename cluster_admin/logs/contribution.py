"""The logs' part of the definitions: rows to values and back."""

from collections.abc import Mapping
from dataclasses import replace

from django.db import models

from cluster_admin.inventory.definitions import sync, texts, with_proposal
from cluster_admin.inventory.models import Subcluster
from cluster_admin.logs.models import LogSource, LogSubscriber
from workers.failover.core.definitions import Definitions
from workers.logs.core.definitions import Logs, Source, Subscriber


def build(
    definitions: Definitions, subcluster: Subcluster, proposal: models.Model | None
) -> Definitions:
    """Add the subcluster's log sources and subscribers to its definitions."""
    sources = with_proposal(subcluster.logsource_set.all(), proposal, LogSource)
    subscribers = with_proposal(subcluster.logsubscriber_set.all(), proposal, LogSubscriber)
    logs = Logs(
        tuple(
            Source(row.name, row.path, texts(row.nodes, ("log", row.name, "nodes")))
            for row in sorted(sources, key=str)
        ),
        tuple(Subscriber(row.name, row.backlog_bytes) for row in sorted(subscribers, key=str)),
    )
    return replace(definitions, logs=logs)


def load(definitions: Definitions, subcluster: Subcluster) -> None:
    """Make the rows say what a file says."""
    sources = LogSource.objects.filter(subcluster=subcluster)
    wanted = {
        one.name: LogSource(
            subcluster=subcluster, name=one.name, path=one.path, nodes=list(one.nodes)
        )
        for one in definitions.logs.sources
    }
    sync(sources, "name", wanted)
    subscribers = LogSubscriber.objects.filter(subcluster=subcluster)
    takers = {
        one.name: LogSubscriber(
            subcluster=subcluster, name=one.name, backlog_bytes=one.backlog_bytes
        )
        for one in definitions.logs.subscribers
    }
    sync(subscribers, "name", takers)


def held(_: Subcluster) -> Mapping[str, int]:
    """No node holds logs that others would have to take over."""
    return {}
