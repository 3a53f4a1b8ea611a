"""What a manager remembers of its configuration, and how two such memories differ.

    python -m tests.integration.memories

As a program, in a manager's environment, it prints the memory as JSON: each revision as git and as
the index have it, each definitions file that was in force, and what the editor's rows say now.
"""

import json
from typing import Any

Memory = dict[str, Any]
"""By what and which, such as `git r5` or `definitions default 3`."""


def differences(before: Memory, after: Memory) -> list[str]:
    """Of what one of them lacks, or has otherwise: which."""
    return sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))


def memory() -> Memory:
    """All that there is; Django is set up."""
    from cluster_admin.configs import index
    from cluster_admin.configs.models import Revision
    from cluster_admin.configs.store import repository
    from cluster_admin.inventory import definitions
    from cluster_admin.inventory.models import Subcluster

    index.follow()
    found: Memory = {}
    before = None
    while page := repository().log(1_000, before):
        before = page[-1].number
        for one in page:
            value = [one.hash, one.name, one.email, one.when.isoformat(), one.message, one.key]
            found[f"git r{one.number}"] = value
    for row in Revision.objects.all():
        value = [row.commit, row.author, row.email, row.at.isoformat(), row.message, row.key]
        found[f"index {row}"] = value
    for subcluster in Subcluster.objects.all():
        name = subcluster.name
        found[f"editor {name}"] = definitions.text_of(subcluster, subcluster.revision)
        for file in subcluster.revisions.all():
            value = [file.text, file.author, file.comment]
            found[f"definitions {name} {file.number}"] = value
    return found


def main() -> None:
    """Print it."""
    import django

    django.setup()
    print(json.dumps(memory()))


if __name__ == "__main__":
    main()
