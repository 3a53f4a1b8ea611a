"""What the documents list is what the code has, so that they cannot drift apart."""

import re
from dataclasses import fields

import pytest

from tests.architecture.tree import ROOT
from workers.exit_codes import Exit
from workers.failover.core.definitions import Knobs, PartitionPolicy
from workers.failover.core.definitions_rules import BOUNDS
from workers.lab.core.faults import FaultKind

README = (ROOT / "README.md").read_text()
REFERENCE = ROOT / "docs" / "reference"


def _rows(page: str) -> dict[str, list[str]]:
    """The table rows of a page by the name in their first cell."""
    text = (REFERENCE / page).read_text()
    cells = ([cell.strip() for cell in row.split("|")[1:-1]] for row in text.splitlines())
    return {row[0].strip("`"): row[1:] for row in cells if row and row[0].startswith("`")}


def test_both_commands_stand_on_the_first_screen() -> None:
    first_screen = "\n".join(README.splitlines()[:25])

    assert "script/run" in first_screen
    assert "script/test" in first_screen


def test_the_first_page_says_why_cover_is_the_default() -> None:
    assert "cover" in README
    assert "quorum" in README


@pytest.mark.parametrize("knob", fields(Knobs), ids=lambda knob: knob.name)
def test_every_knob_is_described_with_its_default(knob: object) -> None:
    name = knob.name  # type: ignore[attr-defined]
    default = knob.default  # type: ignore[attr-defined]
    row = _rows("knobs.md")[name]

    assert row[0].split()[0] == (default.value if default in PartitionPolicy else f"{default:g}")
    if name in BOUNDS:
        low, high = BOUNDS[name]
        assert row[1] == f"{low:g} to {high:g}"


def test_no_knob_is_described_that_does_not_exist() -> None:
    assert set(_rows("knobs.md")) == {knob.name for knob in fields(Knobs)}


def test_every_exit_code_is_described() -> None:
    described = {int(code) for code in _rows("cli.md") if code.isdigit()}

    assert described == {*map(int, Exit), 130}


def test_every_fault_of_the_lab_is_described() -> None:
    assert {kind.value for kind in FaultKind} <= set(_rows("cli.md"))


def test_every_dependency_has_a_reason() -> None:
    reasons = (ROOT / "docs" / "decisions" / "dependencies.md").read_text()
    for requirements in ("requirements.in", "requirements-dev.in"):
        lines = (ROOT / requirements).read_text().splitlines()
        names = [re.split(r"[~=<>]", line)[0] for line in lines if line[:1].isalpha()]
        assert [name for name in names if f"**{name}**" not in reasons] == []


def test_links_between_documents_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)}: {target}"
