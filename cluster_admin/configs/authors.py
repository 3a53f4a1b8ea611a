"""Who a commit is by, and what it says: what git keeps of an actor, and no approval by another."""

import re

from django.conf import settings
from django.contrib.auth import get_user_model

from cluster_admin.audit.actor import Actor
from cluster_admin.inventory.refusals import Refused
from workers.repository.core.messages import text_refusal

TRAILER = "Approved-by"
NAME_CHARACTERS = 60
"""Of a name that git could not keep as it is."""
_CLAIM = re.compile(rf"^[^\S\n]*+{TRAILER}[^\S\n]*+:", re.IGNORECASE | re.MULTILINE)


def author_of(actor: Actor) -> tuple[str, str]:
    """Name and address; made up from the account's name where there is no address."""
    name = actor.name
    if text_refusal("-", name, "-@-", ""):
        plain = "".join(one if one.isalnum() and one.isascii() else "-" for one in name)
        name = f"user {plain[:NAME_CHARACTERS]}"
    found = get_user_model().objects.filter(username=actor.name).values_list("email", flat=True)
    email = found.first() or ""
    if not email or text_refusal("-", name, email, ""):
        local = "".join(one if one.isalnum() and one.isascii() else "-" for one in actor.name)
        email = f"{local[:NAME_CHARACTERS] or 'nobody'}@{settings.MUSTER_CLUSTER}"
    return name, email


def message_of(text: str, otherwise: str) -> str:
    """A message that git can keep; `otherwise` when nothing is said. `Refused` for a claim."""
    refuse_claims(text)
    kept = text.encode("utf-8", "replace").decode().replace("\0", " ").strip()
    return kept or otherwise


def refuse_claims(message: str) -> None:
    """Refuse a message that says who approved: approvals alone write that."""
    if _CLAIM.search(message):
        raise Refused(f"the message says {TRAILER}, which approvals write; leave it out")
