"""Who may do what in the buckets, said by the buckets themselves."""

from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_s3 as s3

from infra.stacks.roles import Statement, policy


def add_policy(stack: Stack, name: str, bucket: s3.CfnBucket, *statements: Statement) -> s3.CfnBucketPolicy:
    """Besides `statements`: nothing without TLS."""
    everything: dict[str, Any] = {
        "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [bucket.attr_arn, f"{bucket.attr_arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }  # fmt: skip
    return s3.CfnBucketPolicy(stack, name, bucket=bucket.ref, policy_document=policy(everything, *statements))


def may(service: str, actions: list[str], resource: str, **conditions: Any) -> Statement:
    statement: Statement = {
        "Effect": "Allow", "Principal": {"Service": service}, "Action": actions, "Resource": resource,
    }  # fmt: skip
    return statement | ({"Condition": conditions} if conditions else {})


def written_by_aws(stack: Stack, bucket: s3.CfnBucket) -> list[Statement]:
    """S3's own log of the media bucket, and the load balancer's."""
    source = {"aws:SourceAccount": stack.account}
    return [
        may("logging.s3.amazonaws.com", ["s3:PutObject"], f"{bucket.attr_arn}/media/*", StringEquals=source),
        may("logdelivery.elasticloadbalancing.amazonaws.com", ["s3:PutObject"],
            f"{bucket.attr_arn}/balancer/AWSLogs/{stack.account}/*"),
    ]  # fmt: skip
