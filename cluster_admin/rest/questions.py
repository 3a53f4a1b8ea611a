"""What URLs ask with: names, whole numbers, and ranges of time; wrong ones are refused by name."""

from collections.abc import Iterable, Mapping

from cluster_admin.rest.moments import seconds_of

Query = Mapping[str, str]
NAME_MAX = 255


class BadQuestion(Exception):
    """A value that cannot be asked with: its name, and a sentence that goes on from there."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(f"{name} {sentence}")
        self.name, self.sentence = name, sentence


def check_names(query: Query, names: Iterable[str]) -> None:
    """Raise `BadQuestion` for what is too long to be a name."""
    for name in names:
        if len(query.get(name, "")) > NAME_MAX:
            raise BadQuestion(name, f"is longer than {NAME_MAX} characters; write a name")


def number_of(query: Query, name: str, usual: int, least: int, most: int) -> int:
    """A whole number in bounds; `usual` unless told. Raises `BadQuestion`."""
    text = query.get(name) or str(usual)
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else least - 1
    if not least <= number <= most:
        raise BadQuestion(name, f"is {text[:20]!r}; write {least} to {most:,}")
    return number


def range_of(
    query: Query, now: float, back_seconds: float, ahead_seconds: float = 0.0
) -> tuple[float, float]:
    """`since` and `until`, in seconds since 1970; unset: until so far ahead, since so far back."""
    until = _moment(query, "until", now, now + ahead_seconds)
    since = _moment(query, "since", now, until - back_seconds)
    if since >= until:
        raise BadQuestion("since", "is not before until; write an earlier time")
    return since, until


def _moment(query: Query, name: str, now: float, usual: float) -> float:
    text = query.get(name)
    if not text:
        return usual
    try:
        return seconds_of(text, now)
    except ValueError as error:
        raise BadQuestion(name, str(error)) from None
