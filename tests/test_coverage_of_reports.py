"""Every section, figure, table and question of the five reports, and where a notebook has it.

``coverage_of_reports.csv`` was written report by report, beside their texts; these tests hold the
notebooks to it.
"""

import csv
import re
from pathlib import Path

import nbformat
import pytest

from helpers import reports
from helpers.paths import NOTEBOOKS

with Path(__file__).with_name("coverage_of_reports.csv").open(encoding="utf-8") as file:
    ROWS = list(csv.DictReader(file))


def headings(name: str) -> set[str]:
    cells = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4).cells
    text = "\n".join(c.source for c in cells if c.cell_type == "markdown")
    return set(re.findall(r"^#+ (.*?)\s*$", text, re.MULTILINE))


@pytest.mark.parametrize("name", sorted({row["notebook"] for row in ROWS}))
def test_every_section_that_is_named_is_there(name):
    known = headings(name)
    lost = [row for row in ROWS if row["notebook"] == name and row["section"] not in known]
    assert not lost, f"these headings are not in {name}: {sorted({r['section'] for r in lost})}"


def test_every_report_is_covered_in_all_its_parts():
    """The assignment's questions, one to three: networks, text, graphs; no report is left out."""
    found = {(row["report"], row["notebook"][:2]) for row in ROWS}
    for report in reports.REPORTS:
        for notebook in ("01", "03", "04", "05", "06", "07"):
            assert (report.number, notebook) in found
    assert {"000", "001", "003", "004"} <= {n for n, notebook in found if notebook == "02"}
    assert len({(row["report"], row["item"], row["section"]) for row in ROWS}) == len(ROWS)
