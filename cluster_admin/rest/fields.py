"""Fields that take their JSON type and no other, and serializers that know all they are told.

Nothing is guessed: "5" is no number, 5 no text, "yes" no truth. A field that is not known is
refused by name; one that is read-only may come along (whoever sends back what they read) and is
ignored.
"""

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import Model
from drf_spectacular.drainage import set_override
from rest_framework import serializers

from cluster_admin.rest.problems import cut

WORDS_MAX = 1000
TEXT_MAX = 500


class Text(serializers.CharField):
    """Text as it is, blanks included."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": "write a text",
        "blank": "write something",
    }

    def __init__(self, **options: Any) -> None:
        options.setdefault("max_length", TEXT_MAX)
        super().__init__(trim_whitespace=False, **options)

    def to_internal_value(self, data: Any) -> str:
        """Texts only."""
        if not isinstance(data, str):
            self.fail("invalid")
        return data


class Whole(serializers.IntegerField):
    """A whole number."""

    default_error_messages: ClassVar[dict[str, Any]] = {"invalid": "write a whole number"}

    def __init__(self, **options: Any) -> None:
        options.setdefault("max_value", 2**31 - 1)
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> int:
        """Numbers only; 5.0 is one of JSON's ways to say 5."""
        whole = isinstance(data, int) or (isinstance(data, float) and data.is_integer())
        if not whole or isinstance(data, bool):
            self.fail("invalid")
        return int(data)


class Flag(serializers.BooleanField):
    """True or false."""

    default_error_messages: ClassVar[dict[str, Any]] = {"invalid": "write true or false"}

    def to_internal_value(self, data: Any) -> bool:
        """Truths only."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Number(serializers.FloatField):
    """A number, whole or not."""

    default_error_messages: ClassVar[dict[str, Any]] = {"invalid": "write a number"}

    def to_internal_value(self, data: Any) -> float:
        """Finite numbers only."""
        if isinstance(data, bool) or not isinstance(data, int | float) or not abs(data) < math.inf:
            self.fail("invalid")
        try:
            return float(data)
        except OverflowError:
            self.fail("invalid")


class Choice(serializers.ChoiceField):
    """One of a few words."""

    def to_internal_value(self, data: Any) -> str:
        """Say which there are."""
        if not isinstance(data, str) or data not in self.choices:
            known = ", ".join(map(str, self.choices))
            raise serializers.ValidationError(f"{cut(str(data), 40)!r} is none of {known}")
        return data


class Texts(serializers.ListField):
    """A list of texts."""

    def __init__(self, **options: Any) -> None:
        length = options.pop("each", 63)
        options.setdefault("max_length", WORDS_MAX)
        super().__init__(child=Text(max_length=length), **options)


class TextMap(serializers.DictField):
    """Texts by name."""

    def __init__(self, **options: Any) -> None:
        super().__init__(child=Text(max_length=63), **options)

    def to_internal_value(self, data: Any) -> Any:
        """Bounded."""
        if isinstance(data, Mapping) and len(data) > WORDS_MAX:
            raise serializers.ValidationError(f"has {len(data)} entries; write {WORDS_MAX} at most")
        return super().to_internal_value(data)


class Named(serializers.SlugRelatedField):
    """Another row by its name; null (or an empty text) for none where that is allowed."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        least = {} if self.allow_null else {"minLength": 1}
        set_override(self, "field", {"type": "string", **least})

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """An empty text is null where null is allowed."""
        return super().run_validation(None if data == "" and self.allow_null else data)

    def to_internal_value(self, data: Any) -> Model:
        """Look it up."""
        if not isinstance(data, str):
            raise serializers.ValidationError("write a name")
        rows: Any = self.get_queryset()
        row: Model | None = rows.filter(**{str(self.slug_field): data[:TEXT_MAX]}).first()
        if row is None:
            what = rows.model._meta.verbose_name
            raise serializers.ValidationError(f"there is no {what} {cut(data, 63)!r}")
        return row


class Strict(serializers.Serializer):
    """A body in which every field is known; `fixed` fields stay what they were at the creation."""

    fixed: ClassVar[tuple[str, ...]] = ()

    def to_internal_value(self, data: Any) -> Any:
        """Refuse unknown fields by name."""
        if not isinstance(data, Mapping):
            raise serializers.ValidationError({"": ["write a JSON object"]})
        unknown = [name for name in data if name not in self.fields]
        if unknown:
            names = [name for name, field in self.fields.items() if not field.read_only]
            known = f"there are {', '.join(names)}" if names else "send none"
            raise serializers.ValidationError(
                {cut(name, 63): [f"is not a known field; {known}"] for name in unknown[:10]}
            )
        return super().to_internal_value(data)

    def validate(self, attrs: Any) -> Any:
        """Keep what is fixed."""
        for name in self.fixed if self.instance is not None else ():
            source = self.fields[name].source
            if source in attrs and attrs[source] != getattr(self.instance, str(source)):
                sentence = "cannot be changed; remove it here and add it anew"
                raise serializers.ValidationError({name: [sentence]})
        return attrs


class Nothing(Strict):
    """The body of a request that needs none."""
