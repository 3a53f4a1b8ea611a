"""Differences of nodes' trees in a terminal: nodes that change alike stand together."""

from collections.abc import Mapping
from typing import Any

from cluster_admin.cli import shapes
from cluster_admin.cli.shapes import Look
from cluster_admin.cli.waiting import few


def put(diffs: Mapping[str, Any], look: Look) -> None:
    """Print differences, as the API tells them, by the name of the node or place."""
    alike: dict[str, list[str]] = {}
    for place, diff in diffs.items():
        alike.setdefault(diff["text"], []).append(place)
    for text, places in alike.items():
        shapes.put(f"=== {few(places)}\n")
        shapes.diff_text(text, look).print()
