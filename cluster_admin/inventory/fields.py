"""What single fields may hold: names, and text without control characters."""

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

NAME_LENGTH = 63
WORD = RegexValidator(
    r"^[a-z][a-z0-9_-]{0,62}\Z",
    "not a name; write one word in lower case, a letter first, at most 63 characters",
    code="name",
)


def plain(text: str) -> None:
    """Refuse what cannot be shown on one line."""
    if not text.isprintable():
        raise ValidationError("has control characters or line ends; write one plain line", "plain")
