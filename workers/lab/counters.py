"""Counters that one process of a lab writes and others read: a small JSON file, replaced whole."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_counters(path: Path, counters: Mapping[str, Any]) -> None:
    """Replace the file; a reader sees the old counters or the new ones."""
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(counters))
    os.replace(draft, path)


def read_counters(path: Path) -> dict[str, Any]:
    """The counters last written, or none."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
