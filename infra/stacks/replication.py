"""What the second region has of the first: a replica of the database, a copy of the bucket."""

from typing import Any

from aws_cdk import CfnDeletionPolicy
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds
from aws_cdk import aws_s3 as s3

from anb.planning.phases import MAIN_REGION, SECOND_REGION
from infra.stacks.database import IDENTIFIER
from infra.stacks.media import PREFIX, bucket_name
from infra.stacks.network import Network
from infra.stacks.phase import PhaseStack, outlives_its_stack
from infra.stacks.roles import add_role, allow, policy


def add_replica(stack: PhaseStack, network: Network, group: str) -> rds.CfnDBInstance:
    """It serves reads, and waits to be promoted. Whether it is encrypted it inherits; the key must be of its region."""
    owner: dict[str, Any] = {
        "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{stack.account}:root"}, "Action": "kms:*",
        "Resource": "*",
    }  # fmt: skip
    key = kms.CfnKey(
        stack, "ReplicaKey", description="ANB database replica", enable_key_rotation=True, key_policy=policy(owner)
    )
    outlives_its_stack(key)
    subnets = rds.CfnDBSubnetGroup(
        stack, "DatabaseSubnets", db_subnet_group_description="ANB replica", subnet_ids=list(network.private)
    )
    replica = rds.CfnDBInstance(
        stack, "Replica", db_instance_identifier=f"{IDENTIFIER}-replica", kms_key_id=key.attr_arn, storage_type="gp3",
        source_db_instance_identifier=f"arn:aws:rds:{MAIN_REGION}:{stack.account}:db:{IDENTIFIER}",
        source_region=MAIN_REGION,  # an encrypted one is asked for there, with a signed address
        db_instance_class=stack.profile.phase.database, publicly_accessible=False, deletion_protection=True,
        db_subnet_group_name=subnets.ref, vpc_security_groups=[group], auto_minor_version_upgrade=True,
        backup_retention_period=stack.profile.backup_days, copy_tags_to_snapshot=True,
        enable_cloudwatch_logs_exports=["postgresql", "upgrade"],
    )  # fmt: skip
    replica.cfn_options.deletion_policy = CfnDeletionPolicy.SNAPSHOT
    replica.cfn_options.update_replace_policy = CfnDeletionPolicy.SNAPSHOT
    return replica


def replicate_images(stack: PhaseStack) -> None:
    """All of the registry's that begin with `anb`, from now on."""
    rule = ecr.CfnReplicationConfiguration.ReplicationRuleProperty(
        destinations=[ecr.CfnReplicationConfiguration.ReplicationDestinationProperty(
            region=SECOND_REGION, registry_id=stack.account)],
        repository_filters=[ecr.CfnReplicationConfiguration.RepositoryFilterProperty(
            filter="anb", filter_type="PREFIX_MATCH")],
    )  # fmt: skip
    every = ecr.CfnReplicationConfiguration.ReplicationConfigurationProperty(rules=[rule])
    ecr.CfnReplicationConfiguration(stack, "ImageCopies", replication_configuration=every)


def replicate(stack: PhaseStack, bucket: s3.CfnBucket) -> None:
    """New objects, within a quarter of an hour. What was there before needs one S3 Batch Replication."""
    copy = f"arn:aws:s3:::{bucket_name(stack, SECOND_REGION)}"
    reads = ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging"]
    here = f"arn:aws:s3:::{bucket_name(stack)}"
    role = add_role(
        stack, "ReplicationRole", "s3.amazonaws.com",
        allow(["s3:GetReplicationConfiguration", "s3:ListBucket"], here),
        allow(reads, f"{here}/{PREFIX}/*"),
        allow(["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"], f"{copy}/{PREFIX}/*"),
    )  # fmt: skip
    rule = s3.CfnBucket.ReplicationRuleProperty(
        id="media", status="Enabled", priority=1,
        filter=s3.CfnBucket.ReplicationRuleFilterProperty(prefix=f"{PREFIX}/"),
        delete_marker_replication=s3.CfnBucket.DeleteMarkerReplicationProperty(status="Enabled"),
        destination=s3.CfnBucket.ReplicationDestinationProperty(
            bucket=copy,
            metrics=s3.CfnBucket.MetricsProperty(
                status="Enabled", event_threshold=s3.CfnBucket.ReplicationTimeValueProperty(minutes=15)),
            replication_time=s3.CfnBucket.ReplicationTimeProperty(
                status="Enabled", time=s3.CfnBucket.ReplicationTimeValueProperty(minutes=15)),
        ),
    )  # fmt: skip
    bucket.replication_configuration = s3.CfnBucket.ReplicationConfigurationProperty(role=role.attr_arn, rules=[rule])
