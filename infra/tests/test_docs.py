"""What the pages say of the phases is what the code makes."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from anb.planning.phases import PHASES as PLANNED
from anb.planning.phases import SECOND_REGION_NODES
from infra.app import SECOND_STACK, STACK
from infra.profiles import side_by_side
from infra.tests.made import PHASES, made

DOCS = Path(__file__).parents[2] / "docs"
RUNBOOKS = "\n".join(page.read_text() for page in sorted((DOCS / "howto").glob("*.md")))


def test_the_page_shows_the_phases_as_they_are() -> None:
    assert side_by_side() in (DOCS / "infrastructure.md").read_text()


def test_the_resources_that_runbooks_name_are_made() -> None:
    named = set(re.findall(r"(?:--logical-resource-id |\$\(named )(\w+)", RUNBOOKS))
    assert len(named) > 5
    assert named <= {name for phase in PHASES for name in made(phase).resources()}


@pytest.mark.parametrize(
    ("call", "stack"),
    [
        (r"stack\.sh (?P<phase>\d)(?P<values>.*)$", STACK),
        (rf"--stack-name {SECOND_STACK} .*--parameter-overrides(?P<phase>)(?P<values>.*)$", SECOND_STACK),
    ],
)
def test_the_parameters_that_runbooks_set_are_asked_for(call: str, stack: str) -> None:
    calls = list(re.finditer(call, RUNBOOKS, re.MULTILINE))
    assert calls
    for found in calls:
        asked = set(made(int(found["phase"] or 3)).template(stack)["Parameters"])
        assert set(re.findall(r"(\w+)=", found["values"])) <= asked


@pytest.mark.parametrize("phase", [2, 3])
def test_a_step_to_the_next_phase_sets_what_is_asked_for_anew(phase: int) -> None:
    before, after = (made(number).template()["Parameters"] for number in (phase - 1, phase))
    wanted = {name for name, one in after.items() if "Default" not in one and name not in before}
    calls = re.findall(rf"stack\.sh {phase} (.*)$", RUNBOOKS, re.MULTILINE)
    assert len(calls) == 2, "one in each language"
    for call in calls:
        assert wanted <= set(re.findall(r"(\w+)=", call))


def test_a_first_deployment_sets_all_that_has_no_default() -> None:
    parameters = made(0).template()["Parameters"]
    wanted = {name for name, one in parameters.items() if "Default" not in one}
    (call,) = set(re.findall(r"stack\.sh 0 (.*)$", RUNBOOKS, re.MULTILINE))
    released = {"ReleaseKey", "ReleaseSha256"}  # what publish.sh prints
    assert "$RELEASE_PARAMETERS" in call
    assert wanted - released <= set(re.findall(r"(\w+)=", call))


def test_the_page_says_how_many_processors_an_account_must_allow() -> None:
    """Each machine of the phases has two."""
    hosts = [len(made(phase).profile.hosts) * 2 for phase in (0, 1)]
    least, most = (2 * sum(span[end] for span in (PLANNED[2].web, PLANNED[2].workers)) for end in (0, 1))
    nodes = made(3).profile.nodes[1] * 2
    for page in ("first-deployment.md", "first-deployment.es.md"):
        lines = (DOCS / "howto" / page).read_text().splitlines()
        (line,) = (one for one in lines if "Phase 0 asks" in one or "fase 0 pide" in one)
        told = [int(number) for number in re.findall(r"(?<![Pp]hase )(?<!fase )\b\d+", line)]
        assert told == [*hosts, hosts[1] + least, most, nodes, SECOND_REGION_NODES[1] * 2, 5]


@pytest.mark.parametrize("phase", PHASES)
def test_a_template_that_is_too_large_for_a_call_goes_by_a_bucket(phase: int) -> None:
    size = (made(phase).folder / f"{STACK}.template.json").stat().st_size
    assert size > 51_200, "small enough for a call: the page says that none is"
    pages = "\n".join(page.read_text() for page in DOCS.rglob("*.md"))
    calls = re.findall(r"cloudformation deploy --(?:.*\\\n)*.*", pages)
    assert calls
    assert [call for call in calls if "--s3-bucket" not in call] == []


AWS = """#!/bin/sh
case "$2" in
    get-secret-value) cat "$(basename "$4")" ;;
    put-secret-value) cp "${6#file://}" "$(basename "$4")" ;;
esac
"""


def test_a_new_key_reaches_both_regions_pods(tmp_path: Path) -> None:
    """The calls of the page, on what the stack tells them."""
    for secret, told in (("ProductionSecret", "production"), ("SecondRegionSecret", "second-region")):
        value = made(3).properties(secret)["SecretString"]["Fn::Sub"]
        (tmp_path / told).write_text(re.sub(r"\{\{.*?\}\}", "old", value))
    (tmp_path / "aws").write_text(AWS)
    (tmp_path / "aws").chmod(0o755)
    page = (DOCS / "howto" / "key-rotation.md").read_text()
    (function,) = re.findall(r"^in_pods\(\) \{\n.*?^\}$", page, re.MULTILINE | re.DOTALL)
    calls = re.findall(r'^in_pods ".*', page, re.MULTILINE)
    script = "\n".join(["NEW_KEY=new NEW_PASSWORD=new NEW_TOKEN=new", function, *calls])
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, env=environment, check=True)
    for told in ("production", "second-region"):
        value = (tmp_path / told).read_text()
        assert "old" not in value
        assert all("new" in one for one in json.loads(value).values())
    assert {path.name for path in tmp_path.iterdir()} == {"aws", "production", "second-region"}
