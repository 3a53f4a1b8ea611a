"""Form fields for what rows keep as lists and maps of texts: written by people, one per line.

Nothing is judged here but the form of the input (plain texts, not too many); what nodes can act on
is the core's to say.
"""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from cluster_admin.inventory.fields import plain

MOST = 1000
LONGEST = 64 * 1024
REASON_LENGTH = 200


class OffersWidget(forms.Textarea):
    """A small text area with a list beside it to choose names from; works without scripts too."""

    template_name = "admin/muster/offers.html"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"rows": 3, "cols": 40, "class": "muster-lines", **(attrs or {})})
        self.offers: list[tuple[str, str]] = []
        """(name, what is said beside it)."""

    class Media:
        """The script that puts a chosen name on its own line."""

        js = ("inventory/offers.js",)

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Add the offers to what the template is given."""
        return {**super().get_context(name, value, attrs), "offers": self.offers}


class TextsField(forms.CharField):
    """A list of texts, one per line or separated by commas."""

    widget = OffersWidget

    def __init__(self, **options: Any) -> None:
        options.setdefault("required", False)
        options.setdefault("max_length", LONGEST)
        super().__init__(**options)

    def to_python(self, value: Any) -> Any:
        """Split what was typed; refuse what is not plain text."""
        text = super().to_python(value) or ""
        found = [one.strip() for one in re.split(r"[,\r\n]+", text) if one.strip()]
        if len(found) > MOST:
            raise ValidationError(f"{len(found)} entries are too many; write at most {MOST}")
        for one in found:
            plain(one)
        return found

    def run_validators(self, value: Any) -> None:
        """Apply the length limit and the ban on NUL to the whole."""
        super().run_validators("\n".join(value))

    def prepare_value(self, value: Any) -> Any:
        """One per line; what was typed stays as it was typed."""
        if isinstance(value, list | tuple):
            return "\n".join(str(one) for one in value)
        return value

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare lists, not spellings."""
        try:
            return bool(list(initial or []) != self.to_python(data))
        except ValidationError:
            return True


class PairsField(TextsField):
    """A map of texts: `key = value`, one per line."""

    def to_python(self, value: Any) -> Any:
        """Split every line at its equals sign."""
        found: dict[str, str] = {}
        for line in super().to_python(value):
            key, equals, told = (part.strip() for part in line.partition("="))
            if not equals or not key or not told:
                raise ValidationError(
                    f"{line!r} is no pair; write one per line: 198.18.0.0/24 = eth1"
                )
            if key in found:
                raise ValidationError(f"{key} is named twice; remove one")
            found[key] = told
        return found

    def run_validators(self, value: Any) -> None:
        """Apply the length limit and the ban on NUL to the whole."""
        super().run_validators([f"{key} = {told}" for key, told in value.items()])

    def prepare_value(self, value: Any) -> Any:
        """One pair per line."""
        if isinstance(value, dict):
            return "\n".join(f"{key} = {told}" for key, told in value.items())
        return value

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare maps, not spellings."""
        try:
            return bool(dict(initial or {}) != self.to_python(data))
        except (ValidationError, ValueError):
            return True


class ReasonField(forms.CharField):
    """Why something is done."""

    def __init__(self, **options: Any) -> None:
        options = {"required": False, "max_length": REASON_LENGTH, **options}
        options.setdefault("help_text", "Kept in the audit trail, and with the revision.")
        super().__init__(**options)
        self.widget.attrs["class"] = "vTextField"
        self.validators.append(plain)
