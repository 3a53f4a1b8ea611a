"""What limits and exemptions are written with on the command line: options, and bodies of them."""

import dataclasses
from typing import Annotated, Any

import typer

from cluster_admin.cli import completing
from cluster_admin.cli.arguments import given
from cluster_admin.cli.errors import Usage
from workers.replication.core.definitions import Action, Per, Subject, read_rate

_WHERE, _THEN = "Of whom and where", "Then"
Limit = Annotated[str, typer.Argument(metavar="LIMIT", autocompletion=completing.limits)]
NewLimit = Annotated[str, typer.Argument(metavar="LIMIT", help="One word in lower case.")]
MOST_HELP = "So many in a window, such as 1000/60s or 20/m (s, m, h, d), or at a time: 20."
Counted = Annotated[Subject, typer.Option("--subject", help="What is counted.")]
Apart = Annotated[Per, typer.Option("--per", help="For whom it is counted apart.")]
Most = Annotated[str, typer.Option("--most", metavar="N[/TIME]", help=MOST_HELP)]
OtherCounted = Annotated[Subject | None, typer.Option("--subject", help="What is counted.")]
OtherApart = Annotated[Per | None, typer.Option("--per", help="For whom it is counted apart.")]
OtherMost = Annotated[str | None, typer.Option("--most", metavar="N[/TIME]", help=MOST_HELP)]


def _where(name: str, text: str, metavar: str = "NAME") -> Any:
    return typer.Option(name, metavar=metavar, help=text, rich_help_panel=_WHERE)


@dataclasses.dataclass(frozen=True, slots=True)
class Qualities:
    """What else a limit has; None is not said."""

    prefix_v4: Annotated[
        int | None,
        typer.Option(min=0, max=32, help="Of --per network.", rich_help_panel=_WHERE),
    ] = None
    prefix_v6: Annotated[
        int | None,
        typer.Option(min=0, max=128, help="The same for IPv6.", rich_help_panel=_WHERE),
    ] = None
    match: Annotated[
        str | None,
        _where("--match", "Only these keys: one, a network, .example.com for all below.", "KEY"),
    ] = None
    binding: Annotated[str | None, _where("--binding", "Outbound: only from it.")] = None
    host: Annotated[str | None, _where("--host", "Outbound: only to it.")] = None
    domain: Annotated[str | None, _where("--domain", "Outbound: only to it.")] = None
    stage: Annotated[
        str | None, _where("--stage", "When Postfix asks: RCPT, DATA, ...", "STATE")
    ] = None
    throttle: Annotated[
        str | None, _where("--throttle", "Of --subject named: what is asked for.")
    ] = None
    action: Annotated[
        Action | None,
        typer.Option(help="What a client is told whose limit is reached.", rich_help_panel=_THEN),
    ] = None
    message: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="And what beside it.", rich_help_panel=_THEN),
    ] = None
    test: Annotated[
        bool | None,
        typer.Option("--test/--no-test", help="Only say what it would do.", rich_help_panel=_THEN),
    ] = None
    enabled: Annotated[
        bool | None,
        typer.Option("--enable/--disable", help="Whether it counts.", rich_help_panel=_THEN),
    ] = None

    def body(self) -> dict[str, Any]:
        """As the API takes it."""
        values = {one.name: getattr(self, one.name) for one in dataclasses.fields(self)}
        values["action"] = self.action.value if self.action else None
        return given(**values)


def rate(written: str | None) -> dict[str, Any]:
    """`most` and `window` of "1000/60s" or "20"; nothing of nothing. Raises `Usage`."""
    if written is None:
        return {}
    try:
        most, window = read_rate(written)
    except ValueError as error:
        raise Usage(f"--most: {error}") from None
    return {"most": most, "window": window}
