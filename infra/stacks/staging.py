"""Where resumable uploads grow: a file system (EFS) that all web servers and beats of a region see."""

from typing import cast

from aws_cdk import CfnOutput, CfnResource
from aws_cdk import aws_efs as efs

from infra.stacks.network import Network
from infra.stacks.phase import PhaseStack, outlives_its_stack

ADDRESS = "${StagingFiles}.efs.${AWS::Region}.amazonaws.com:/"
"""Of the mount target in the asking host's own zone; with its export, as `deployment/ec2-setup` wants it."""

FOLDER = "/incoming"
UID = 10001
"""`appuser`, on hosts and in pods."""

_MOUNTS = ("StagingMount1", "StagingMount2")


def add_staging(stack: PhaseStack, network: Network, group: str) -> None:
    """No backups and no cheaper class for old files: what lies here becomes a video or is swept within a day.

    Elastic: the baseline of a file system that is nearly empty is 1 MiB/s, as soon as its credit is spent.
    """
    files = efs.CfnFileSystem(
        stack, "StagingFiles", encrypted=True, performance_mode="generalPurpose", throughput_mode="elastic",
        backup_policy=efs.CfnFileSystem.BackupPolicyProperty(status="DISABLED"),
        file_system_tags=[efs.CfnFileSystem.ElasticFileSystemTagProperty(key="Name", value="ANB-Staging")],
    )  # fmt: skip
    outlives_its_stack(files)
    for name, subnet in zip(_MOUNTS, network.private, strict=True):
        efs.CfnMountTarget(stack, name, file_system_id=files.ref, subnet_id=subnet, security_groups=[group])


def after_staging(stack: PhaseStack, host: CfnResource) -> None:
    """A name without a mount target behind it is not found, and a mount does not ask for it again."""
    for name in _MOUNTS:
        mount = stack.node.try_find_child(name)
        if mount:
            host.add_resource_dependency(cast("CfnResource", mount))


def let_pods_mount(stack: PhaseStack) -> None:
    """The folder that phase 2's hosts have used, as `appuser` whoever asks: pods may not change owners."""
    files = cast("efs.CfnFileSystem", stack.node.find_child("StagingFiles"))
    point = efs.CfnAccessPoint(
        stack, "StagingPoint", file_system_id=files.ref,
        posix_user=efs.CfnAccessPoint.PosixUserProperty(uid=str(UID), gid=str(UID)),
        root_directory=efs.CfnAccessPoint.RootDirectoryProperty(
            path=FOLDER, creation_info=efs.CfnAccessPoint.CreationInfoProperty(
                owner_uid=str(UID), owner_gid=str(UID), permissions="750")),
        access_point_tags=[efs.CfnAccessPoint.AccessPointTagProperty(key="Name", value="ANB-Staging")],
    )  # fmt: skip
    volume = f"{files.ref}::{point.ref}"
    CfnOutput(stack, "StagingVolume", value=volume, description="volumeHandle of the cluster's PersistentVolume")
