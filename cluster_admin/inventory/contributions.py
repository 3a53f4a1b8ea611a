"""What other apps add to a subcluster: their part of its definitions, and who holds it.

An app that has such rows says so once, when Django starts. The inventory asks without knowing whom.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.db import models

from cluster_admin.inventory.models import Subcluster
from workers.failover.core import definitions as core


@dataclass(frozen=True, slots=True)
class Contribution:
    """The part of one app."""

    build: Callable[[core.Definitions, Subcluster, models.Model | None], core.Definitions]
    """Put its rows into the definitions; a proposal stands in for its own row."""
    load: Callable[[core.Definitions, Subcluster], None]
    """Make its rows say what a file says."""
    held: Callable[[Subcluster], Mapping[str, int]]
    """Node -> how many of its rows the node holds, as last heard; those with none are left out."""


contributions: list[Contribution] = []


def contribute(one: Contribution) -> None:
    """Let another app take part."""
    if one not in contributions:
        contributions.append(one)
