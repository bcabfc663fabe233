"""What `anb plan` counts is what the templates make."""

import pytest

from anb.planning.costs import PARTS, Parts
from infra.app import SECOND_STACK, STACK
from infra.tests.made import PHASES, Resource, made


def every(phase: int, kind: str) -> list[Resource]:
    stacks = (STACK, SECOND_STACK) if len(made(phase).profile.regions) > 1 else (STACK,)
    return [one for stack in stacks for one in made(phase).resources(kind, stack).values()]


@pytest.mark.parametrize("phase", PHASES)
def test_a_bill_has_as_many_of_each_as_its_templates(phase: int) -> None:
    secrets = every(phase, "AWS::SecretsManager::Secret")
    copies = sum(len(one["Properties"].get("ReplicaRegions", [])) for one in secrets)
    assert PARTS[phase] == Parts(
        secrets=len(secrets) + copies,
        alarms=len(every(phase, "AWS::CloudWatch::Alarm")),
        composite_alarms=len(every(phase, "AWS::CloudWatch::CompositeAlarm")),
    )
