"""What the documents list is what the code has, so that they cannot drift apart."""

import re
from dataclasses import Field, fields

from tests.architecture.tree import ROOT, modules
from workers.exit_codes import Exit
from workers.failover.core.definitions import Knobs
from workers.failover.core.definitions_rules import BOUNDS, CHOICES, COMMANDS
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


def test_every_knob_is_described_with_its_default_and_bounds() -> None:
    described = {name: row[:2] for name, row in _rows("knobs.md").items()}

    assert described == {knob.name: _expected(knob) for knob in fields(Knobs)}


def _expected(knob: Field[object]) -> list[str]:
    if choices := CHOICES.get(knob.name):
        return [str(knob.default), " or ".join(choices)]
    if knob.name in COMMANDS:
        return ["none", "a command"]
    low, high = BOUNDS[knob.name]
    return [f"{knob.default:g}", f"{low:g} to {high:g}"]


def test_a_knob_that_nothing_reads_is_said_to_be_unused() -> None:
    readers = [path for path in modules("workers") if not path.name.startswith("definitions")]
    text = "\n".join((ROOT / path).read_text() for path in readers)
    unread = {knob.name for knob in fields(Knobs) if not re.search(rf"\.{knob.name}\b", text)}

    assert {name for name, row in _rows("knobs.md").items() if "Not used yet" in row[2]} == unread


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
