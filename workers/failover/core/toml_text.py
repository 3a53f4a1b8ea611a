"""Reading TOML that people write: typed values out, problems with the line they are on.

Every `Problem` names the thing, the value and the way out, and carries the path of keys that leads
to it; `line_of` finds that path in the text. What the values mean is decided by the callers.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from typing import Any

Path = tuple[str, ...]


class Problem(ValueError):
    """Something in a text is wrong: a sentence, and the keys that lead to the place."""

    def __init__(self, path: Path, sentence: str, line: int = 0) -> None:
        super().__init__(sentence)
        self.path = path
        self.sentence = sentence
        self.line = line


def load(text: str) -> "Table":
    """Parse the text; a syntax error is a `Problem` with its line."""
    try:
        return Table(tomllib.loads(text), (), "this file")
    except tomllib.TOMLDecodeError as error:
        told = re.search(r"\(at line (\d+), column \d+\)$", str(error))
        line = int(told[1]) if told else max(1, len(text.splitlines()))
        sentence = re.sub(r" \(at .*\)$", "", str(error))
        raise Problem((), f"not TOML: {sentence}; correct this line", line) from None
    except RecursionError:
        raise Problem((), "not TOML: nested too deeply; write plain tables", 1) from None
    except ValueError:  # Python reads no number of thousands of digits
        raise Problem((), "not TOML: a number is too long; write one of few digits", 1) from None


def line_of(text: str, path: Path) -> int:
    """Line of the key or table at `path`, or of the nearest one around it."""
    found: dict[Path, int] = {}
    here: Path = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if (header := _header(line)) is not None:
            here = header
            found.setdefault(here, number)
        elif (key := _key(line)) is not None:
            found.setdefault(here + key, number)
    while path and path not in found:
        path = path[:-1]
    return found.get(path, 1)


def _header(line: str) -> Path | None:
    if not line.lstrip().startswith("["):
        return None
    return _names(line)


def _key(line: str) -> Path | None:
    told = re.match(r"((?:\"[^\"]*\"|'[^']*'|[^\"'=#])+)=", line.lstrip())
    return _names(f"{told[1]} = 0") if told else None


def _names(line: str) -> Path | None:
    """Return the keys that a line of TOML with one header or key names."""
    try:
        value: Any = tomllib.loads(line)
    except (ValueError, RecursionError):
        return None
    names: list[str] = []
    while isinstance(value, dict) and value:
        name, value = next(iter(value.items()))
        names.append(name)
        if isinstance(value, list) and value:
            value = value[0]
    return tuple(names) or None


class Table:
    """One table: typed access to its values. `thing` is what messages call it."""

    def __init__(self, values: dict[str, Any], path: Path, thing: str) -> None:
        self._values = values
        self.path = path
        self.thing = thing

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def problem(self, key: str, sentence: str) -> Problem:
        """Return a problem with the value of `key`; with the table itself when `key` is empty."""
        path = (*self.path, key) if key else self.path
        return Problem(path, f"{self.thing}: {sentence}")

    def allow(self, *keys: str) -> None:
        """Refuse every key that is not in `keys`."""
        for key in self._values:
            if key not in keys:
                import difflib  # only when somebody mistyped: starting is to be fast

                near = difflib.get_close_matches(key, keys, 1)
                way = f"did you mean {near[0]}?" if near else f"known are {', '.join(keys)}"
                raise self.problem(key, f"unknown key {key}; {way}")

    def text(self, key: str, default: str | None = None) -> str:
        """Return a string; without a default it has to be there."""
        value = self._value(key, default)
        if not isinstance(value, str):
            raise self.problem(
                key, f'{key} is {_shown(value)}; write a text in quotes: {key} = "..."'
            )
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return an array of strings, empty when it is not there."""
        value = self._values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self.problem(
                key, f'{key} is {_shown(value)}; write a list of texts: {key} = ["..."]'
            )
        return tuple(value)

    def whole(self, key: str, default: int | None, low: int, high: int) -> int:
        """Return an integer from `low` to `high`."""
        value = self._value(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.problem(
                key, f"{key} is {_shown(value)}; write a whole number, {low} to {high}"
            )
        return value

    def number(self, key: str, default: float | None, low: float, high: float) -> float:
        """Return a number from `low` to `high`, as a float."""
        value = self._value(key, default)
        plain = isinstance(value, int | float) and not isinstance(value, bool)
        if not plain or not low <= value <= high:
            raise self.problem(
                key, f"{key} is {_shown(value)}; write a number, {low:g} to {high:g}"
            )
        return float(value)

    def flag(self, key: str, default: bool) -> bool:
        """Return a truth value."""
        value = self._values.get(key, default)
        if not isinstance(value, bool):
            raise self.problem(key, f"{key} is {_shown(value)}; write true or false")
        return value

    def value(self, key: str) -> Any:
        """Return what stands there, of whatever type; None when nothing does."""
        return self._values.get(key)

    def table(self, key: str, thing: str) -> "Table":
        """Return the table `key`, empty when it is not there."""
        value = self._values.get(key, {})
        if not isinstance(value, dict):
            raise self.problem(key, f"{key} is {_shown(value)}; write a table: [{key}]")
        return Table(value, (*self.path, key), thing)

    def tables(self, key: str) -> Iterator[tuple[str, "Table"]]:
        """Each (name, table) of the tables [key.NAME]."""
        group = self.table(key, key)
        for name in group._values:
            if not isinstance(group._values[name], dict):
                raise group.problem(name, f'{name} is no table; write [{key}."NAME"]')
            yield name, group.table(name, f"{key} {name}")

    def items(self) -> Iterator[tuple[str, str]]:
        """Each (key, string) of a table of strings."""
        for key in self._values:
            yield key, self.text(key)

    def _value(self, key: str, default: Any) -> Any:
        if key in self._values:
            return self._values[key]
        if default is None:
            raise self.problem("", f"{key} is missing; write {key} = ...")
        return default


def quoted(text: str) -> str:
    """Write a text as TOML has it."""
    return json.dumps(text, ensure_ascii=False)  # TOML knows no surrogate pairs


def listed(texts: Iterable[str]) -> str:
    """Write texts as an array."""
    return f"[{', '.join(map(quoted, texts))}]"


def _shown(value: object) -> str:
    try:
        return repr(value)
    except ValueError:  # Python writes no number of thousands of digits
        return "too long a number"
