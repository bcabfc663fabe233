"""What the code offers stands in the docs, or the build fails."""

import re
import tomllib
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from anb import migrations
from anb.api import create_app
from anb.db import Database
from anb.settings import Settings

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def variable(name: str) -> str:
    alias = Settings.model_fields[name].validation_alias
    return alias if isinstance(alias, str) else f"ANB_{name.upper()}"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name: str) -> None:
    assert f"`{variable(name)}`" in (ROOT / "docs/settings.md").read_text()


def test_every_route_is_documented(settings: Settings) -> None:
    text = (ROOT / "docs/api.md").read_text()
    for path, methods in create_app(settings).openapi()["paths"].items():
        for method in methods:
            assert f"`{method.upper()} {path}`" in text


@pytest.mark.parametrize("dependency", PROJECT["project"]["dependencies"])
def test_every_dependency_says_what_it_is_for(dependency: str) -> None:
    assert f"| {dependency.partition('[')[0]} |" in (ROOT / "docs/dependencies.md").read_text()


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


def test_the_models_say_what_the_migrations_made(database: Database) -> None:
    assert migrations.is_current(database)
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
