"""The runbooks: both languages say the same commands, and each command exists."""

import re
import subprocess
from pathlib import Path

import pytest
import typer

from anb.cli import app
from anb.operations.triggers import TRIGGERS
from tests.docs import aws
from tests.docs.pages import INDEX, ROOT, Page, carried, commands, filled_in, names, page, twin

NAMES = names()
RUNBOOKS = [name for name in NAMES if name != INDEX]
BOTH = [page(name) for one in NAMES for name in (one, twin(one))]
SECTIONS = {
    "en": ["What you see", "Look", "Do", "It is over when", "What was lost"],
    "es": ["Qué se ve", "Mirar", "Hacer", "Terminó cuando", "Qué se perdió"],
}
each_page = pytest.mark.parametrize("one", BOTH, ids=lambda one: one.name)


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_say_the_same_commands(name: str) -> None:
    here, there = page(name), page(twin(name))
    assert [(one.info, one.without_comments) for one in here.blocks] == [
        (one.info, one.without_comments) for one in there.blocks
    ]
    assert f"]({twin(name)})" in here.text.partition("##")[0]
    assert f"]({name})" in there.text.partition("##")[0]


@pytest.mark.parametrize("name", RUNBOOKS)
def test_a_runbook_has_its_five_parts_in_order(name: str) -> None:
    assert page(name).headings == SECTIONS["en"]
    assert page(twin(name)).headings == SECTIONS["es"]


@pytest.mark.parametrize("index", [INDEX, twin(INDEX)])
def test_every_alarm_leads_to_a_page_that_names_it(index: str) -> None:
    rows = [line for line in page(index).text.splitlines() if line.startswith("|")]
    for trigger in (one for one in TRIGGERS if one.expression):
        about = [row for row in rows if f"`{trigger.name}`" in row]
        assert about, f"{trigger.name} is in no row of {index}"
        pages = re.findall(r"\]\(([a-z.-]+\.md)\)", "".join(about))
        assert f"{trigger.page}.md" in {target.replace(".es.md", ".md") for target in pages}
        for target in pages:
            assert f"`{trigger.name}`" in page(target).text, f"{target} says nothing of {trigger.name}"


@each_page
def test_blocks_are_bash_of_a_known_kind(one: Page) -> None:
    for block in one.blocks:
        assert block.info in {"sh", "sh run"}
        checked = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, ""), block.text


@each_page
def test_each_call_of_anb_is_one_that_its_parser_takes(one: Page) -> None:
    spans = [words for span in one.spans if span.startswith("anb ") for words in commands(span)]
    for words in [*one.commands, *spans]:
        command = filled_in(carried(words), one.variables)
        if command and Path(command[0]).name == "anb":
            _parse(command[1:], whole=words not in spans)


def _parse(arguments: list[str], *, whole: bool) -> None:
    """`whole`: within a sentence a command may go without its arguments."""
    command, name = typer.main.get_command(app), "anb"
    while isinstance(command, typer.core.TyperGroup):
        name, *arguments = arguments
        if name in {option for one in command.params for option in one.opts}:
            return
        assert name in command.commands, f"anb has no {name}"
        command = command.commands[name]
    if whole or arguments:
        command.make_context(name, arguments)


@each_page
def test_each_call_of_aws_is_one_that_aws_describes(one: Page) -> None:
    for words in map(carried, one.commands):
        if words and words[0] == "aws":
            assert aws.mistakes(words[1:]) == [], " ".join(words)


@each_page
def test_a_file_of_secrets_is_its_writers_alone_and_goes(one: Page) -> None:
    """And no `git add` takes it along in the meantime."""
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    lines = [line for block in one.blocks for line in block.text.splitlines()]
    for line in lines:
        if "get-secret-value" in line and ">" in line:
            assert line.lstrip().startswith("(umask 077 &&"), line
        for name in re.findall(r"put-secret-value.*file://([\w.-]+)", line):
            assert f"rm {name}" in map(str.strip, lines), name
            assert name in ignored


@each_page
def test_what_a_page_names_is_there(one: Page) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z][a-z0-9-]+)", "\n".join(_code(one)))) <= targets
    for path in re.findall(r"(?<![\w/$.-])(?:deployment|docs|infra|src|tests)/[\w./-]*\w", "\n".join(_code(one))):
        assert (ROOT / path).exists(), path
    known = "".join((ROOT / name).read_text() for name in ("docs/settings.md", "docs/delivery.md", "compose.yaml"))
    for setting in re.findall(r"\bANB_[A-Z0-9_]+\b", one.text):
        assert setting in known, setting
    metrics = (ROOT / "docs/metrics.md").read_text()
    for metric in re.findall(r"\banb_[a-z_]+", one.text):
        assert metric in metrics, metric


@each_page
def test_each_unit_is_one_of_ours_or_of_a_package(one: Page) -> None:
    ours = {path.stem for path in (ROOT / "deployment/systemd").glob("*.service")}
    known = ours | {"nginx", "redis-server", "nfs-server"}
    for words in map(carried, one.commands):
        if words and words[0] in {"systemctl", "journalctl"}:
            units = [word for word in words[2:] if not word.startswith("-")] if words[0] == "systemctl" else [
                word.partition("=")[2] for word in words if word.startswith("--unit=")]  # fmt: skip
            assert {unit.removesuffix(".service") for unit in units} <= known, words


def _code(one: Page) -> list[str]:
    return [*one.spans, *(block.text for block in one.blocks)]
