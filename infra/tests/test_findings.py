"""Every phase against cdk-nag's AwsSolutions, the CDK's own checks and cfn-lint."""

from fnmatch import fnmatchcase

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from infra.findings import ACCEPTED, Accepted
from infra.tests.made import PHASES, made


@pytest.mark.parametrize("phase", PHASES)
def test_nothing_is_found_that_has_no_written_reason(phase: int) -> None:
    assert made(phase).findings == []


def test_every_written_reason_is_still_needed() -> None:
    assert [one for one in ACCEPTED if not any(_fits(one, *finding) for finding in _every())] == []


def test_each_finding_has_one_reason() -> None:
    reasons = {finding: [one.of for one in ACCEPTED if _fits(one, *finding)] for finding in _every()}
    assert {finding: found for finding, found in reasons.items() if len(found) != 1} == {}


def test_what_is_open_is_accepted_of_groups_by_their_names() -> None:
    """A pattern would accept the next group that somebody opens by mistake."""
    assert [one.of for one in ACCEPTED if one.finding == "AwsSolutions-EC23" and not one.of.isalpha()] == []


def _every() -> set[tuple[str, str]]:
    return {finding for phase in PHASES for finding in made(phase, acknowledged=False).findings}


def _fits(one: Accepted, rule: str, name: str) -> bool:
    return rule == one.finding.removeprefix("CloudFormation-Validate::") and fnmatchcase(name, one.of)


@pytest.mark.parametrize("phase", PHASES)
def test_cfn_lint_has_nothing_to_say_but_that_zones_are_named(phase: int) -> None:
    for template in made(phase).folder.glob("*.template.json"):
        found = lint(template.read_text(), config=ManualArgs(ignore_checks=["W3010"]))
        assert [str(one) for one in found] == []
