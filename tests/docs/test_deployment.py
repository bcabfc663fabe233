"""The way to three hosts: the same in both languages, and each script is given all that its table asks for."""

import re

import pytest

from tests.docs.pages import ROOT, Page

ENGLISH, SPANISH = (Page(name, (ROOT / "docs" / name).read_text()) for name in ("deployment.md", "deployment.es.md"))
TABLE = (ROOT / "deployment/ec2-setup/README.md").read_text()


def test_both_languages_have_the_same_commands_and_as_many_rows() -> None:
    assert [one.text for one in ENGLISH.blocks if one.info] == [one.text for one in SPANISH.blocks if one.info]
    assert len(ENGLISH.headings) == len(SPANISH.headings)
    rows, filas = (re.findall(r"^\|", one.text, re.MULTILINE) for one in (ENGLISH, SPANISH))
    assert len(rows) == len(filas)


@pytest.mark.parametrize(("column", "script"), [(3, "01-fileserver"), (4, "02-webserver"), (5, "03-worker")])
def test_a_script_is_given_what_it_asks_for(column: int, script: str) -> None:
    rows = (re.split(r"(?<!\\)\|", line)[1:-1] for line in TABLE.splitlines() if line.startswith("| `"))
    asked = {cells[0].strip(" `") for cells in rows if "✓" in cells[column]}
    (block,) = (one.text for one in ENGLISH.blocks if f"{script}-setup.sh" in one.text)
    typed = re.findall(r"for name in (.*?);", block)
    assert asked == {*re.findall(r"([A-Z_]+)=", block), *(name for names in typed for name in names.split())}
