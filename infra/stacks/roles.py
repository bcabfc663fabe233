"""What each kind of host may do with AWS, and nothing more."""

from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from infra.stacks.phase import PhaseStack

Statement = dict[str, Any]


def allow(actions: list[str], *resources: str, **conditions: Any) -> Statement:
    statement: Statement = {"Effect": "Allow", "Action": actions, "Resource": list(resources)}
    return statement | ({"Condition": conditions} if conditions else {})


def policy(*statements: Statement) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def trusting(service: str, **conditions: Any) -> dict[str, Any]:
    statement: Statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    return policy(statement | ({"Condition": conditions} if conditions else {}))


def add_role(
    stack: Stack, name: str, service: str, *statements: Statement, managed: tuple[str, ...] = ()
) -> iam.CfnRole:
    return iam.CfnRole(
        stack, name, assume_role_policy_document=trusting(service), managed_policy_arns=list(managed) or None,
        policies=[iam.CfnRole.PolicyProperty(policy_name="least", policy_document=policy(*statements))]
        if statements else None,
    )  # fmt: skip


def add_host_role(stack: PhaseStack, kind: str, secrets: list[str], *more: Statement) -> str:
    """Name of an instance profile: Session Manager, its own log and metrics, the release, and the named secrets."""
    statements = [
        allow(["s3:GetObject"], f"arn:aws:s3:::{stack.asked.release_bucket}/{stack.asked.release_key}"),
        allow(["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
              f"arn:aws:logs:{stack.region}:{stack.account}:log-group:/anb/*"),
        allow(["cloudwatch:PutMetricData"], "*", StringEquals={"cloudwatch:namespace": ["ANB", "ANB/Hosts"]}),
        allow(["ec2:DescribeTags"], "*"),  # the agent asks to which group its host belongs
        allow(["cloudformation:SignalResource"], stack.stack_id),
        *([allow(["secretsmanager:GetSecretValue"], *secrets)] if secrets else []),
        *more,
    ]  # fmt: skip
    role = add_role(
        stack, f"{kind}Role", "ec2.amazonaws.com", *statements,
        managed=("arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",),
    )  # fmt: skip
    return iam.CfnInstanceProfile(stack, f"{kind}Profile", roles=[role.ref]).ref
