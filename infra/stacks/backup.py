"""Snapshots of the media volume, as long as the media lie on one. RDS and S3 keep their own (`database`, `media`)."""

from aws_cdk import CfnTag
from aws_cdk import aws_dlm as dlm

from infra.stacks.phase import PhaseStack
from infra.stacks.roles import add_role

_MANAGED = "arn:aws:iam::aws:policy/service-role/AWSDataLifecycleManagerServiceRole"

_Policy = dlm.CfnLifecyclePolicy


def add_snapshots(stack: PhaseStack) -> None:
    """Every hour, the last 48: each costs only what has changed, and media are added and seldom changed."""
    role = add_role(stack, "SnapshotRole", "dlm.amazonaws.com", managed=(_MANAGED,))
    hourly = _Policy.ScheduleProperty(
        name="hourly", copy_tags=True,
        create_rule=_Policy.CreateRuleProperty(interval=1, interval_unit="HOURS", times=["00:15"]),
        retain_rule=_Policy.RetainRuleProperty(count=48),
    )  # fmt: skip
    _Policy(
        stack, "MediaSnapshots", description="ANB media hourly", state="ENABLED", execution_role_arn=role.attr_arn,
        policy_details=_Policy.PolicyDetailsProperty(
            resource_types=["VOLUME"], target_tags=[CfnTag(key="Backup", value="media")], schedules=[hourly]),
    )  # fmt: skip
