"""Commands in a VIP's definition, which nodes run as root: only administrators may set one.

Whoever may change VIPs but is no administrator keeps the commands that are there, removes them, and
sets checks that only connect.
"""

from typing import Any

from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import allowed

COMMAND_CHECK = "command:"
COMMAND_FIELDS = ("check_command", "hook")


def forbidden(
    user: Any, subcluster: str, before: dict[str, Any], after: dict[str, Any]
) -> dict[str, str]:
    """Field -> why the user may not give it the new value; empty when all may be done."""
    if allowed(user, Role.ADMIN, subcluster):
        return {}
    sentence = (
        f"nodes run this command as root: setting it needs the role {Role.ADMIN.value} of "
        f"subcluster {subcluster}; ask an administrator"
    )
    new = {name: after.get(name) or "" for name in COMMAND_FIELDS}
    return {
        name: sentence
        for name, value in new.items()
        if value != (before.get(name) or "") and _is_command(name, value)
    }


def _is_command(name: str, value: str) -> bool:
    return value.startswith(COMMAND_CHECK) if name == "check_command" else bool(value)
