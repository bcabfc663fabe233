"""What the code offers stands in the docs, or the build fails."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from pydantic import SecretStr

from anb import migrations
from anb.api import create_app
from anb.db import Database
from anb.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def variable(name: str) -> str:
    alias = Settings.model_fields[name].validation_alias
    return alias if isinstance(alias, str) else f"ANB_{name.upper()}"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented_as_it_is(name: str) -> None:
    """A row may lead to a page besides."""
    page = re.sub(r" \(\[how\]\(.*?\)\)", "", (ROOT / "docs/settings.md").read_text())
    field = Settings.model_fields[name]
    default = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
    shown = "" if default in ("", None) else f"`{default}`"
    assert f"| `{variable(name)}` | {shown} | {field.description} |\n" in page


def test_an_empty_variable_counts_as_unset_as_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "An empty variable counts as unset" in (ROOT / "docs/settings.md").read_text()
    without = load_settings()
    for name in Settings.model_fields:
        monkeypatch.setenv(variable(name), "")
    assert load_settings() == without


def test_every_route_is_documented(settings: Settings) -> None:
    text = (ROOT / "docs/api.md").read_text()
    for path, methods in create_app(settings).openapi()["paths"].items():
        for method in methods:
            assert f"`{method.upper()} {path}`" in text


@pytest.mark.parametrize("dependency", PROJECT["project"]["dependencies"])
def test_every_dependency_says_what_it_is_for(dependency: str) -> None:
    assert f"| {dependency.partition('[')[0]} |" in (ROOT / "docs/dependencies.md").read_text()


def test_what_is_imported_is_declared() -> None:
    """What comes along by somebody else's requirement goes with it."""
    listed = [*PROJECT["project"]["dependencies"], *chain(*PROJECT["project"]["optional-dependencies"].values())]
    declared = {one.partition("[")[0] for one in listed}
    comes_from = {
        name: {one.lower().replace("_", "-") for one in distributions}
        for name, distributions in packages_distributions().items()
    }
    imported = {name for file in (ROOT / "src").rglob("*.py") for name in imports(ast.parse(file.read_text()))}
    foreign = imported - sys.stdlib_module_names - {"anb"}
    assert [name for name in sorted(foreign) if declared.isdisjoint(comes_from[name])] == []


def imports(node: ast.AST) -> Iterator[str]:
    """The packages that are there at run time."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Import):
        yield from (name.name.partition(".")[0] for name in node.names)
    if isinstance(node, ast.ImportFrom):
        yield (node.module or "").partition(".")[0]
    for child in ast.iter_child_nodes(node):
        yield from imports(child)


@pytest.mark.parametrize("readme", ["README.md", "README.es.md"])
def test_the_readmes_commands_exist(readme: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / readme).read_text(), re.MULTILINE))
    assert {"demo", "test"} <= named <= targets


def test_local_links_of_the_docs_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_tour_leads_to_files_that_are_there() -> None:
    named = set(re.findall(r"`([a-z_]+(?:/[a-z_]+)*\.py)`", (ROOT / "docs/tour.md").read_text()))
    assert len(named) > 40
    assert [name for name in sorted(named) if not (ROOT / "src" / "anb" / name).exists()] == []


def test_the_map_names_each_folder_and_file_at_the_top() -> None:
    named = set(re.findall(r"`([a-z_]+(?:/|\.py))`", (ROOT / "docs/architecture.md").read_text()))
    top = {path.name + "/" * path.is_dir() for path in (ROOT / "src/anb").iterdir() if path.name[:1].isalpha()}
    assert top - {"py.typed"} <= named


def test_the_models_say_what_the_migrations_made(database: Database) -> None:
    assert migrations.revision(database) == migrations.head()
    if database.engine.dialect.name == "postgresql":
        assert migrations.differences(database) == []


def test_every_metric_is_documented() -> None:
    page = (ROOT / "docs/metrics.md").read_text()
    told = {family.name + ("_total" if family.type == "counter" else "") for family in REGISTRY.collect()}
    assert {f"`{name}`" for name in told if name.startswith("anb_")} <= set(re.findall(r"`\w+`", page))


def test_the_units_say_what_the_page_of_delivery_tells() -> None:
    page = (ROOT / "docs/delivery.md").read_text()
    rows = re.findall(r"^\| (`[a-z]+\.(?:service|socket)`) \| (.*?) \|", page, re.MULTILINE)
    assert len(rows) > 2
    for unit, says in rows:
        told = set(re.findall(r"`(\w+=[^`]*)`", says))
        assert told <= set((ROOT / "deployment/systemd" / unit.strip("`")).read_text().splitlines()), unit
