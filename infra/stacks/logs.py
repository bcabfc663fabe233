"""Log groups with an end, the network's log, and a bucket for what only speaks to buckets."""

from typing import Any

from aws_cdk import CfnDeletionPolicy, CfnTag
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3

from anb.planning.phases import MAIN_REGION
from infra.stacks.phase import PhaseStack
from infra.stacks.roles import add_role, allow

KINDS = ("web", "worker", "fileserver")


def add_logs(stack: PhaseStack, vpc: str) -> dict[str, logs.CfnLogGroup]:
    kinds = () if stack.profile.kubernetes else KINDS
    groups = {kind: _group(stack, kind) for kind in (*kinds, "network")}
    database = "anb" if stack.region == MAIN_REGION else "anb-replica"
    for kind in ("postgresql", "upgrade"):  # made before RDS would make it, to last for ever
        logs.CfnLogGroup(
            stack, f"Database{kind.title()}Log", log_group_name=f"/aws/rds/instance/{database}/{kind}",
            retention_in_days=stack.profile.log_days,
        )  # fmt: skip
    writes = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams", "logs:DescribeLogGroups"]
    writer = add_role(stack, "NetworkLogRole", "vpc-flow-logs.amazonaws.com", allow(writes, groups["network"].attr_arn))
    ec2.CfnFlowLog(
        stack, "NetworkRejects", resource_type="VPC", resource_id=vpc, traffic_type="REJECT",
        log_group_name=groups["network"].ref,
        deliver_logs_permission_arn=writer.attr_arn, tags=[CfnTag(key="Name", value="ANB-VPC")],
    )  # fmt: skip
    return groups


def _group(stack: PhaseStack, kind: str) -> logs.CfnLogGroup:
    return logs.CfnLogGroup(
        stack, f"{kind.title()}Log", log_group_name=f"/anb/{kind}", retention_in_days=stack.profile.log_days
    )


def private() -> dict[str, Any]:
    """Of every bucket: encrypted, nothing public, no rights by ACL."""
    by_default = s3.CfnBucket.ServerSideEncryptionByDefaultProperty(sse_algorithm="AES256")
    return {
        "bucket_encryption": s3.CfnBucket.BucketEncryptionProperty(
            server_side_encryption_configuration=[
                s3.CfnBucket.ServerSideEncryptionRuleProperty(server_side_encryption_by_default=by_default)
            ]
        ),
        "public_access_block_configuration": s3.CfnBucket.PublicAccessBlockConfigurationProperty(
            block_public_acls=True, block_public_policy=True, ignore_public_acls=True, restrict_public_buckets=True
        ),
    }


def add_log_bucket(stack: PhaseStack) -> s3.CfnBucket:
    """Requests to the balancer, to CloudFront and to the media bucket.

    It has no fixed name. The balancer writes a first file at once, and CloudFormation deletes no bucket that holds one:
    after an attempt that failed it stays, and must not stand in the way of the next.
    """
    bucket = s3.CfnBucket(
        stack, "LogBucket", **private(),
        ownership_controls=s3.CfnBucket.OwnershipControlsProperty(
            rules=[s3.CfnBucket.OwnershipControlsRuleProperty(object_ownership="BucketOwnerPreferred")]),
        lifecycle_configuration=s3.CfnBucket.LifecycleConfigurationProperty(
            rules=[s3.CfnBucket.RuleProperty(id="end", status="Enabled", expiration_in_days=stack.profile.log_days)]),
    )  # fmt: skip
    bucket.cfn_options.deletion_policy = CfnDeletionPolicy.RETAIN
    bucket.cfn_options.update_replace_policy = CfnDeletionPolicy.RETAIN
    return bucket
