"""Secrets by reference: templates write marks, and values take their place when all is rendered.

Invariant: no template, filter, error or process that renders ever sees a value. A mark is a name
between two code points that stand for no character; what is left of one that a template cut or
changed is a problem, never text. Which bytes of a file came from which secret is kept, so that
whoever shows the file shows `<secret NAME>` instead.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from workers.config.core.problems import Problem

OPEN, CLOSE = "\ufdd0", "\ufdd1"
"""Noncharacters, which Unicode keeps for uses like this."""
SECRET_BYTES = 64 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_MARK = re.compile(f"{OPEN}([^{OPEN}{CLOSE}]*){CLOSE}")

Secrets = Callable[[str], bytes | None]
"""The content of `secrets/NAME` of a node, None when there is none; one newline at its end is not
part of it."""


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `start` to `end` (exclusive) of a file are the value of the secret `name`."""

    start: int
    end: int
    name: str


class SecretUse(ValueError):
    """A template does with a secret what cannot be done without its value."""


class Secret:
    """What `secret(NAME)` gives in a template: it can be written out, and nothing else."""

    __slots__ = ("_name",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, name: str) -> None:
        self._name = name

    def __str__(self) -> str:
        return f"{OPEN}{self._name}{CLOSE}"

    def __repr__(self) -> str:
        return f"<secret {self._name}>"

    def _refuse(self, *_: object) -> bool:
        raise SecretUse(f"secret {self._name!r} can only be written out, not asked about")

    __bool__ = __eq__ = __lt__ = __gt__ = __le__ = __ge__ = __contains__ = _refuse
    __len__ = __iter__ = _refuse


def marked(value: object) -> bool:
    """Whether something that a template has is, or holds, the mark of a secret."""
    return isinstance(value, Secret) or (
        isinstance(value, str) and (OPEN in value or CLOSE in value)
    )


def name_refusal(name: object) -> str:
    """Why there can be no secret of this name; empty when there can."""
    if isinstance(name, str) and _NAME.fullmatch(name):
        return ""
    return 'the name of a secret has letters, digits and . _ -, at most 64; write secret("name")'


def placeholders(name: str) -> bytes:
    """What stands for every secret where no values are: on the manager."""
    return f"<secret {name}>".encode()


def fill(
    text: str, uses: Mapping[str, tuple[str, int]], secrets: Secrets, path: str
) -> tuple[bytes, tuple[Span, ...]] | list[Problem]:
    """A rendered file with its secrets in place, or what is wrong with them.

    `uses`: each name the template asked for -> path and line where. `path`: of the template.
    """
    pieces: list[bytes] = []
    spans: list[Span] = []
    problems: list[Problem] = []
    size = 0
    for number, part in enumerate(_MARK.split(text)):
        if number % 2 == 0:
            value: bytes | None = part.encode()
            if marked(part):
                problems.append(_changed(path))
        elif part not in uses:
            problems.append(_changed(path))
            continue
        else:
            value = _value(part, uses[part], secrets, problems)
            if value is None:
                continue
            spans.append(Span(size, size + len(value), part))
        pieces.append(value or b"")
        size += len(pieces[-1])
    return list(dict.fromkeys(problems)) or (b"".join(pieces), tuple(spans))


def conceal(content: bytes, spans: tuple[Span, ...]) -> bytes:
    """A file as people may see it: `<secret NAME>` for each value."""
    pieces, last = [], 0
    for span in spans:
        pieces += [content[last : span.start], placeholders(span.name)]
        last = span.end
    return b"".join((*pieces, content[last:]))


def _value(
    name: str, place: tuple[str, int], secrets: Secrets, problems: list[Problem]
) -> bytes | None:
    value = secrets(name)
    if value is None:
        way = f"put its value into secrets/{name} of the node's state directory"
        problems.append(Problem(*place, f"secret {name!r} is not known on this node; {way}"))
        return None
    value = value.removesuffix(b"\n")
    if len(value) > SECRET_BYTES:
        sentence = f"secret {name!r} is too long; a secret has at most {SECRET_BYTES} bytes"
        problems.append(Problem(*place, sentence))
        return None
    return value


def _changed(path: str) -> Problem:
    way = "write secrets out as they are, and do not use U+FDD0 and U+FDD1"
    return Problem(path, 0, f"the mark of a secret was cut or changed; {way}")
