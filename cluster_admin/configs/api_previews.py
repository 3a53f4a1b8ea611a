"""What a change would do to each node, in JSON."""

from collections.abc import Iterable
from typing import Any

from cluster_admin.configs import api_shapes, diffs
from cluster_admin.configs.previewing import Preview

SHOWN = diffs.Bounds(files=200, file_lines=1_000)


def previewed(previews: Iterable[Preview]) -> dict[str, Any]:
    """Node -> what would change there; all nodes together within the bounds of one difference."""
    found, lines = {}, diffs.USUAL.lines
    for one in previews:
        bounds = diffs.Bounds(SHOWN.files, SHOWN.file_lines, max(0, lines))
        diff = diffs.of_differences(one.differences, bounds)
        lines -= sum(len(hunk.lines) for file in diff.files for hunk in file.hunks)
        found[one.node] = api_shapes.diff(diff)
    return found
