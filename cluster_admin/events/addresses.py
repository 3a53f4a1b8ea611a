"""Whether an address for notifications can be used at all; nothing is asked of the network."""

from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email


def problem_with_webhook(address: str) -> str:
    """Why nothing could be posted there; empty when it could."""
    way = "write a URL such as https://hooks.example/muster"
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or " " in address:
        return f"{address!r} is not a URL that can be posted to; {way}"
    if parts.username or parts.password:
        return "a URL with a password would be shown to everybody who reads targets; use the secret"
    return ""


def problem_with_mail(address: str) -> str:
    """Why no mail could be sent there; empty when it could."""
    try:
        validate_email(address)
    except ValidationError:
        return f"{address!r} is not a mail address; write one such as postmaster@example.org"
    return ""
