"""What questions and answers about counts are: JSON objects; an `error` says why there is none."""

from collections.abc import Mapping
from typing import Any

Question = Mapping[str, Any]
Answer = dict[str, Any]


def error(sentence: str, code: str = "not_found") -> Answer:
    """Why there is no answer."""
    return {"error": sentence, "code": code}
