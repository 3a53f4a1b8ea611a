"""Results on stdout in the shape asked for: table, wide, json, yaml or csv.

json and yaml give what the manager said, whole, unless --columns chooses; csv gives exact values.
Data only: what else is to be said goes to stderr, by `tell`.
"""

import csv
import io
import json
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import typer

from cluster_admin.cli import tables
from cluster_admin.cli.columns import Column, Rank, chosen
from cluster_admin.cli.surroundings import Surroundings

CONTROLS = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


class Output(StrEnum):
    """How results are printed."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    CSV = "csv"


def put(text: str) -> None:
    """Data, on stdout, to the letter; what stands there is there at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


def put_bytes(content: bytes) -> None:
    """The bytes of a file, on stdout."""
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def tell(sentence: str) -> None:
    """A note for people, on stderr."""
    typer.echo(sentence, err=True)


@dataclass(frozen=True, slots=True)
class Look:
    """How something is to look: shape, chosen columns, and what it is shown on."""

    output: Output
    names: str | None
    around: Surroundings

    @property
    def for_people(self) -> bool:
        """Whether it is a table."""
        return self.output in (Output.TABLE, Output.WIDE)

    @property
    def verbatim(self) -> bool:
        """Whether it is the manager's answer, whole."""
        return self.output in (Output.JSON, Output.YAML) and not self.names


@dataclass(frozen=True, slots=True)
class Text:
    """What goes to stdout, and a note beside it."""

    data: str
    note: str = ""

    def print(self) -> None:
        """Print both, each where it belongs."""
        put(self.data)
        if self.note:
            tell(self.note)


def picked(columns: Sequence[Column], look: Look) -> list[Column]:
    """The columns of a list in this look."""
    most = Rank.MAIN if look.output is Output.TABLE else Rank.WIDE
    return chosen(columns, look.names, most)


def rows_text(rows: Sequence[Any], columns: Sequence[Column], look: Look) -> Text:
    """A list."""
    wanted = picked(columns, look)
    if look.output is Output.CSV:
        return Text(table_csv(rows, wanted))
    if not look.for_people:
        return Text(document(_projected(rows, columns, look.names), look.output))
    whole = look.output is Output.WIDE or bool(look.names)
    fitted = tables.fit(wanted, rows, look.around.width, whole=whole)
    left_out = ", ".join(fitted.left_out)
    note = f"not shown, too narrow: {left_out} (-o wide shows all)" if left_out else ""
    return Text(_joined(tables.lines(fitted, rows, colours=look.around.colours)), note)


def one_text(row: Any, columns: Sequence[Column], look: Look) -> Text:
    """One object: all of its fields."""
    wanted = chosen(columns, look.names, Rank.ASKED)
    if look.for_people:
        return Text(_joined(tables.facts(wanted, row, colours=look.around.colours)))
    if look.output is Output.CSV:
        return Text(table_csv([row], wanted))
    [projected] = _projected([row], columns, look.names)
    return Text(document(projected, look.output))


def diff_text(diff: str, look: Look) -> Text:
    """A unified diff for people."""
    return Text(_joined(tables.diff(diff, colours=look.around.colours)))


def table_csv(rows: Sequence[Any], columns: Sequence[Column], *, heading: bool = True) -> str:
    """Comma-separated values with a heading line; lines end in a line feed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if heading:
        writer.writerow(column.name for column in columns)
    writer.writerows([column.field(row) for column in columns] for row in rows)
    return text.getvalue()


def document(value: Any, output: Output) -> str:
    """The value as JSON or YAML, ending in a line feed."""
    if output is Output.JSON:
        return steerless(json.dumps(value, indent=2, ensure_ascii=False)) + "\n"
    import yaml  # only when asked for: starting is to be fast

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # ten times faster where it is there
    text = str(yaml.dump(value, Dumper=dumper, sort_keys=False, allow_unicode=True))
    if CONTROLS.search(text):
        text = str(yaml.dump(value, Dumper=dumper, sort_keys=False, allow_unicode=False))
    return text


def steerless(text: str) -> str:
    """JSON with the control characters that it may leave as they are written as escapes."""
    return CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _joined(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _projected(rows: Sequence[Any], columns: Sequence[Column], names: str | None) -> list[Any]:
    if not names:
        return list(rows)
    picked = chosen(columns, names, Rank.ASKED)
    return [{column.name: column.value(row) for column in picked} for row in rows]
