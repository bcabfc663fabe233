"""What releases come by: the registry of images, and the roles that GitHub's workflows take without a secret.

Of no phase, and made before the first one. Its outputs are the repository's variables at GitHub, by their names.
"""

from typing import Any

from aws_cdk import (
    BootstraplessSynthesizer,
    CfnCondition,
    CfnOutput,
    CfnParameter,
    Environment,
    Fn,
    Stack,
)
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from constructs import Construct

from anb.planning.phases import MAIN_REGION, SECOND_REGION
from infra.stacks.kubernetes import NAME as CLUSTER
from infra.stacks.phase import outlives_its_stack
from infra.stacks.roles import Statement, allow, policy, trusting

REPOSITORY = "anb"
"""The second region's copy has the same name: `replicate_images` asks for what begins so, `rollout.sh` for this one."""

STACK_ROLE = "anb-stack"
"""What `stack.sh` names."""

_ISSUER = "token.actions.githubusercontent.com"
_AUDIENCE = "sts.amazonaws.com"  # what aws-actions/configure-aws-credentials asks GitHub for

_LOG_IN = allow(["ecr:GetAuthorizationToken"], "*")
_PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_PUSH = (
    "ecr:BatchCheckLayerAvailability", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload",
    "ecr:PutImage",
)  # fmt: skip

_LOOKS = ("ec2:DescribeImages", "ec2:DescribeKeyPairs", "route53:GetHostedZone", "route53:ListHostedZones")
"""A change set looks with its maker's own rights whether what the parameters KeyPair, Image and Zone name is there."""

_UNTAGGED = """\
{"rules": [{"rulePriority": 1, "description": "What no release names", "action": {"type": "expire"},
"selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14}}]}
"""
"""A release's own images, one for each architecture, have no tag either: ECR keeps what a tagged index names."""


class Delivery(Stack):
    def __init__(self, scope: Construct, name: str, main: str, second: str) -> None:
        """`main` and `second` are the stacks that releases change."""
        super().__init__(
            scope, name, env=Environment(region=MAIN_REGION), synthesizer=BootstraplessSynthesizer(),
            description="ANB Rising Stars Showcase, delivery",
        )  # fmt: skip
        # https://docs.github.com/en/actions/reference/security/oidc#immutable-subject-claims: since July 2026 with ids.
        said = "At GitHub, as its tokens name it: owner@id/name@id, or owner/name of one from before July 2026"
        self._source = self._ask("GitHubRepository", said, r"^[A-Za-z0-9-]+(@[0-9]+)?/[\w.-]+(@[0-9]+)?$")
        bucket = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
        self._releases = self._ask("ReleaseBucket", "Bucket of the release archives", bucket)
        self._templates = self._ask("TemplatesBucket", "Bucket that stack.sh puts templates into", bucket)
        self._provider = self._add_provider()
        registry = self._add_registry()
        here = [self._stack(MAIN_REGION, main)]
        every = [*here, self._stack(MAIN_REGION, name), self._stack(SECOND_REGION, second)]
        self._output("ReleaseBucketName", "ANB_RELEASES_BUCKET", self._releases)
        self._output("TemplatesBucketName", "ANB_TEMPLATES_BUCKET", self._templates)
        self._output("RepositoryUri", "ANB_REPOSITORY", registry.attr_repository_uri)
        self._add_role(
            "Reader", "pull_request",
            allow(["cloudformation:DescribeStacks", "cloudformation:GetTemplate"], *every),
        )  # fmt: skip
        self._add_role("Publisher", "ref:refs/tags/v*", _LOG_IN, allow([*_PULL, *_PUSH], registry.attr_arn))
        self._add_role(
            "Deployer", "environment:production",
            _LOG_IN, allow([*_PULL], registry.attr_arn), *self._by_hosts(here), *self._by_clusters(), hours=2,
        )  # fmt: skip

    def _by_hosts(self, stacks: list[str]) -> list[Statement]:
        """hosts.sh, publish.sh, stack.sh. CloudFormation makes what the stack is made of, by a role for it alone."""
        role = iam.CfnRole(
            self, "StackRole", role_name=STACK_ROLE,
            assume_role_policy_document=trusting("cloudformation.amazonaws.com"),
            managed_policy_arns=["arn:aws:iam::aws:policy/AdministratorAccess"],
        )  # fmt: skip
        changes = [
            "DescribeStacks", "ListStackResources", "GetTemplateSummary", "CreateChangeSet", "DescribeChangeSet",
            "ExecuteChangeSet",
        ]  # fmt: skip
        service = {"iam:PassedToService": "cloudformation.amazonaws.com"}
        return [
            allow([f"cloudformation:{one}" for one in changes], *stacks),
            allow(["iam:PassRole"], role.attr_arn, StringEquals=service),
            allow([*_LOOKS], "*"),
            # Phases 0 and 1: the named hosts run the release's scripts. Everything here has the tag (infra/app.py).
            allow(["ssm:SendCommand"], f"arn:aws:ssm:{self.region}::document/AWS-RunShellScript"),
            allow(["ssm:SendCommand"], f"arn:aws:ec2:{self.region}:{self.account}:instance/*",
                  StringEquals={"ssm:resourceTag/project": "anb"}),
            allow(["ssm:GetCommandInvocation"], "*"),
            allow(["s3:GetObject", "s3:PutObject"], f"arn:aws:s3:::{self._releases}/releases/*",
                  f"arn:aws:s3:::{self._templates}/*"),
        ]  # fmt: skip

    def _by_clusters(self) -> list[Statement]:
        """clusters.sh. What the role may do inside of a cluster the cluster's access entry says."""
        clusters = [f"arn:aws:eks:{one}:{self.account}:cluster/{CLUSTER}" for one in (MAIN_REGION, SECOND_REGION)]
        return [allow(["eks:DescribeCluster"], *clusters)]

    def _add_provider(self) -> str:
        """Its ARN. An account has one for this issuer, which other repositories may be using already."""
        told = CfnParameter(
            self, "GitHubProvider", allowed_values=["make", "there"], default="make",
            description="there: the account has GitHub's OIDC provider already (IAM, Identity providers)",
        )  # fmt: skip
        made = CfnCondition(self, "MakeProvider", expression=Fn.condition_equals(told.value_as_string, "make"))
        provider = iam.CfnOIDCProvider(self, "Provider", url=f"https://{_ISSUER}", client_id_list=[_AUDIENCE])
        provider.cfn_options.condition = made
        there = f"arn:aws:iam::{self.account}:oidc-provider/{_ISSUER}"
        return Fn.condition_if(made.logical_id, provider.ref, there).to_string()

    def _add_registry(self) -> ecr.CfnRepository:
        """What was signed stays what its tag names."""
        registry = ecr.CfnRepository(
            self, "Repository", repository_name=REPOSITORY, image_tag_mutability="IMMUTABLE",
            image_scanning_configuration=ecr.CfnRepository.ImageScanningConfigurationProperty(scan_on_push=True),
            encryption_configuration=ecr.CfnRepository.EncryptionConfigurationProperty(encryption_type="AES256"),
            lifecycle_policy=ecr.CfnRepository.LifecyclePolicyProperty(lifecycle_policy_text=_UNTAGGED),
        )  # fmt: skip
        outlives_its_stack(registry)
        return registry

    def _add_role(self, kind: str, subject: str, *statements: Statement, hours: int = 1) -> None:
        """For jobs of this repository alone, whose token GitHub has made for `subject`.

        https://docs.github.com/en/actions/reference/security/oidc has the subjects.
        """
        only = {"StringEquals": {f"{_ISSUER}:aud": _AUDIENCE}}
        only.setdefault("StringLike" if "*" in subject else "StringEquals", {})[f"{_ISSUER}:sub"] = (
            f"repo:{self._source}:{subject}"
        )
        trust: dict[str, Any] = {
            "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": self._provider},
            "Condition": only,
        }  # fmt: skip
        role = iam.CfnRole(
            self, kind, role_name=f"anb-{kind.lower()}", assume_role_policy_document=policy(trust),
            max_session_duration=hours * 3600,
            policies=[iam.CfnRole.PolicyProperty(policy_name="least", policy_document=policy(*statements))],
        )  # fmt: skip
        self._output(f"{kind}Role", f"AWS_{kind.upper()}_ROLE", role.attr_arn)

    def _stack(self, region: str, name: str) -> str:
        return f"arn:aws:cloudformation:{region}:{self.account}:stack/{name}/*"

    def _ask(self, name: str, description: str, pattern: str) -> str:
        return CfnParameter(
            self, name, description=description, allowed_pattern=pattern, constraint_description=description
        ).value_as_string

    def _output(self, name: str, variable: str, value: str) -> None:
        CfnOutput(self, name, value=value, description=variable)
