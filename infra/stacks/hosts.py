"""Machines of EC2: one with an address of its own, or a group of like ones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from aws_cdk import (
    CfnAutoScalingRollingUpdate,
    CfnCreationPolicy,
    CfnResource,
    CfnResourceSignal,
    CfnTag,
    CfnUpdatePolicy,
    Fn,
)
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ssm as ssm

from infra.profiles import Host
from infra.stacks.phase import PhaseStack
from infra.stacks.staging import after_staging
from infra.user_data import RELEASE_OF_PARAMETER, RELEASE_OF_TEXT, Setup, rendered

_SIGNAL = (
    'aws cloudformation signal-resource --stack-name "${AWS::StackName}" --logical-resource-id %s --status SUCCESS'
    ' --unique-id "$(cat /sys/devices/virtual/dmi/id/board_asset_tag)" || true\n'
)
"""Only a rolling update waits for it; on EC2 the board's asset tag is the instance's id. Not heard later: no harm."""


@dataclass(frozen=True)
class Placement:
    subnets: Sequence[str]
    """One in each zone."""
    group: str
    profile: str
    """Instance profile: carries the role."""

    def subnet_of(self, host: Host) -> str:
        """10.0.1.x lies in the first."""
        return self.subnets[int(host.address.split(".")[2]) - 1]


def add_host(stack: PhaseStack, host: Host, where: Placement, setup: Setup, disk_gib: int) -> ec2.CfnInstance:
    """Its address is taken, so it could not be replaced in one step: what would replace it never changes by itself."""
    _tell_the_release(stack)
    disk = ec2.CfnInstance.EbsProperty(
        volume_size=disk_gib, volume_type="gp3", encrypted=True, delete_on_termination=True
    )
    instance = ec2.CfnInstance(
        stack, host.name, image_id=stack.asked.image, key_name=stack.asked.key_pair,
        instance_type=stack.profile.instance_of(host),
        iam_instance_profile=where.profile, subnet_id=where.subnet_of(host),
        private_ip_address=host.address, security_group_ids=[where.group], monitoring=True, ebs_optimized=True,
        block_device_mappings=[ec2.CfnInstance.BlockDeviceMappingProperty(device_name="/dev/sda1", ebs=disk)],
        metadata_options=ec2.CfnInstance.MetadataOptionsProperty(http_tokens="required", http_endpoint="enabled"),
        user_data=Fn.base64(Fn.sub(rendered(setup, RELEASE_OF_PARAMETER))), propagate_tags_to_volume_on_creation=True,
        tags=[CfnTag(key="Name", value=f"ANB-{host.name}")],
    )  # fmt: skip
    if setup.secrets:
        _after_what_it_needs(stack, instance)
    return instance


def _tell_the_release(stack: PhaseStack) -> None:
    """Its name, and so the hosts' text, stays when its value changes. Session Manager's policy lets them read it."""
    if not stack.node.try_find_child("Release"):
        value = f"{stack.asked.release_key} {stack.asked.release_sha256}"
        ssm.CfnParameter(stack, "Release", name="/anb/release", type="String", value=value)


def _after_what_it_needs(stack: PhaseStack, host: CfnResource) -> None:
    """The database's address is in the secret only once it is there."""
    host.add_resource_dependency(cast("CfnResource", stack.node.find_child("DatabaseAddress")))
    after_staging(stack, host)


def add_group(stack: PhaseStack, kind: str, where: Placement, setup: Setup, target_group: str = "") -> str:
    """As many as the phase allows, over both zones. A release rolls: a new machine serves before an old one goes.

    It names no desired capacity: each release would set it again, and take away what the load had asked for
    (https://github.com/aws/aws-cdk/issues/5215). A new group begins with its minimum.
    """
    name = f"{kind}Group"
    span = stack.profile.phase.web if kind == "Web" else stack.profile.phase.workers
    signals = replace(setup, after=setup.after + _SIGNAL % name)
    template = _template(stack, kind, where, rendered(signals, RELEASE_OF_TEXT))
    group = autoscaling.CfnAutoScalingGroup(
        stack, name, min_size=str(span[0]), max_size=str(span[1]),
        vpc_zone_identifier=list(where.subnets), target_group_arns=[target_group] if target_group else None,
        launch_template=autoscaling.CfnAutoScalingGroup.LaunchTemplateSpecificationProperty(
            launch_template_id=template.ref, version=template.attr_latest_version_number
        ),
        health_check_type="ELB" if target_group else "EC2", health_check_grace_period=600,
        metrics_collection=[autoscaling.CfnAutoScalingGroup.MetricsCollectionProperty(granularity="1Minute")],
        tags=[autoscaling.CfnAutoScalingGroup.TagPropertyProperty(
            key="Name", value=f"ANB-{kind}", propagate_at_launch=True)],
    )  # fmt: skip
    _after_what_it_needs(stack, group)
    group.cfn_options.creation_policy = CfnCreationPolicy(
        resource_signal=CfnResourceSignal(count=span[0], timeout="PT20M")
    )
    group.cfn_options.update_policy = CfnUpdatePolicy(
        auto_scaling_rolling_update=CfnAutoScalingRollingUpdate(
            min_instances_in_service=span[0], max_batch_size=1, pause_time="PT20M", wait_on_resource_signals=True,
            suspend_processes=["HealthCheck", "ReplaceUnhealthy", "AZRebalance", "AlarmNotification"],
        )
    )  # fmt: skip
    return group.ref


def _template(stack: PhaseStack, kind: str, where: Placement, text: str) -> ec2.CfnLaunchTemplate:
    disk = ec2.CfnLaunchTemplate.EbsProperty(
        volume_size=stack.profile.phase.disk_gib, volume_type="gp3", encrypted=True, delete_on_termination=True
    )
    return ec2.CfnLaunchTemplate(
        stack, f"{kind}Template",
        launch_template_data=ec2.CfnLaunchTemplate.LaunchTemplateDataProperty(
            image_id=stack.asked.image, instance_type=stack.profile.phase.instance, security_group_ids=[where.group],
            iam_instance_profile=ec2.CfnLaunchTemplate.IamInstanceProfileProperty(name=where.profile),
            block_device_mappings=[
                ec2.CfnLaunchTemplate.BlockDeviceMappingProperty(device_name="/dev/sda1", ebs=disk)],
            metadata_options=ec2.CfnLaunchTemplate.MetadataOptionsProperty(
                http_tokens="required", http_endpoint="enabled"),
            monitoring=ec2.CfnLaunchTemplate.MonitoringProperty(enabled=True), ebs_optimized=True,
            user_data=Fn.base64(Fn.sub(text)),
        ),
    )  # fmt: skip
