"""The stack that releases come by: who may take which role, and that each may do what its workflow does, no more."""

import json
import operator
import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # no stubs in this environment

from infra.app import DELIVERY_STACK
from infra.stacks.delivery import REPOSITORY, STACK_ROLE
from infra.tests.emulator import Emulator, emulated, known, spoken
from infra.tests.made import PHASES, made

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
DOCS = ROOT / "docs"

ACCOUNT = "123456789012"
ASKED = {"GitHubRepository": "ana/anb", "ReleaseBucket": "anb-releases-1", "TemplatesBucket": "anb-templates-1"}
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
STACK_ARN = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/anb/*"
IMAGES = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/anb"

SUBJECTS = {
    "repo:ana/anb:pull_request": {"anb-reader"},
    "repo:ana/anb:ref:refs/tags/v0.1.0": {"anb-publisher"},
    "repo:ana/anb:environment:production": {"anb-deployer"},
    "repo:ana/anb:ref:refs/heads/main": set(),
    "repo:ana/anb:ref:refs/heads/v1": set(),
    "repo:ana/anb:ref:refs/tags/0.1.0": set(),
    "repo:ana/anb:environment:staging": set(),
    "repo:ana/anb2:pull_request": set(),
    "repo:carla/anb:environment:production": set(),
    "repo:carla/anb:ref:refs/tags/v0.1.0": set(),
}
"""As GitHub makes them, and which roles they open."""

NEWER = {
    "repo:ana@17/anb@4711:pull_request": {"anb-reader"},
    "repo:ana@17/anb@4711:ref:refs/tags/v0.1.0": {"anb-publisher"},
    "repo:ana@17/anb@4711:environment:production": {"anb-deployer"},
    "repo:ana@17/anb@4712:environment:production": set(),
    "repo:ana@18/anb@4711:environment:production": set(),
    "repo:ana/anb:environment:production": set(),
}
"""Of a repository that is newer than July 2026, or was renamed since."""

RIGHTS = {
    "anb-reader": {
        (f"cloudformation:{action}", stack)
        for action in ("DescribeStacks", "GetTemplate")
        for stack in (
            STACK_ARN, f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/anb-delivery/*",
            f"arn:aws:cloudformation:sa-east-1:{ACCOUNT}:stack/anb-second-region/*",
        )
    },
    "anb-publisher": {
        ("ecr:GetAuthorizationToken", "*"),
        *((f"ecr:{action}", IMAGES) for action in (
            "BatchGetImage", "GetDownloadUrlForLayer", "BatchCheckLayerAvailability", "InitiateLayerUpload",
            "UploadLayerPart", "CompleteLayerUpload", "PutImage")),
    },
    "anb-deployer": {
        ("ecr:GetAuthorizationToken", "*"), ("ecr:BatchGetImage", IMAGES), ("ecr:GetDownloadUrlForLayer", IMAGES),
        *((f"cloudformation:{action}", STACK_ARN) for action in (
            "DescribeStacks", "ListStackResources", "GetTemplateSummary", "CreateChangeSet", "DescribeChangeSet",
            "ExecuteChangeSet")),
        ("ssm:SendCommand", "arn:aws:ssm:us-east-1::document/AWS-RunShellScript"),
        ("ssm:SendCommand", f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/*"), ("ssm:GetCommandInvocation", "*"),
        ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/anb-stack"),
        ("ec2:DescribeImages", "*"), ("ec2:DescribeKeyPairs", "*"),
        ("route53:GetHostedZone", "*"), ("route53:ListHostedZones", "*"),
        *((f"s3:{action}", bucket) for action in ("GetObject", "PutObject") for bucket in (
            "arn:aws:s3:::anb-releases-1/releases/*", "arn:aws:s3:::anb-templates-1/*")),
        *(("eks:DescribeCluster", f"arn:aws:eks:{region}:{ACCOUNT}:cluster/anb")
          for region in ("us-east-1", "sa-east-1")),
    },
}  # fmt: skip
"""Action and resource: what `cdk diff --method=template` and the scripts were seen to ask of an emulator."""

CALLS = {
    "cloudformation describe-stacks": {"cloudformation:DescribeStacks"},
    "cloudformation deploy": {
        "cloudformation:DescribeStacks", "cloudformation:GetTemplateSummary", "cloudformation:CreateChangeSet",
        "cloudformation:DescribeChangeSet", "cloudformation:ExecuteChangeSet", "iam:PassRole", "s3:GetObject",
        "s3:PutObject", "ec2:DescribeImages", "ec2:DescribeKeyPairs", "route53:GetHostedZone",
        "route53:ListHostedZones",
    },
    "cloudformation list-stack-resources": {"cloudformation:ListStackResources"},
    "eks update-kubeconfig": {"eks:DescribeCluster"},
    "s3 cp": {"s3:GetObject", "s3:PutObject"},
    "s3api head-object": {"s3:GetObject"},
    "s3api put-object": {"s3:PutObject"},
    "ssm get-command-invocation": {"ssm:GetCommandInvocation"},
    "ssm send-command": {"ssm:SendCommand"},
    "sts get-caller-identity": set(),
}  # fmt: skip
"""What each call of the scripts needs."""

VERIFIES = {"ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}
"""cosign, before a deployment."""

pytestmark = pytest.mark.filterwarnings("ignore")  # of moto and werkzeug


def template() -> dict[str, Any]:
    return made(0).template(DELIVERY_STACK)


@pytest.fixture(scope="module")
def account() -> Iterator[Any]:
    """Clients of an account that has the stack."""
    with emulated() as emulator:
        create(emulator)
        yield emulator.client


def create(emulator: type[Emulator], **asked: str) -> None:
    body = spoken(template())
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in (ASKED | asked).items()]
    emulator.client("cloudformation").create_stack(
        StackName=DELIVERY_STACK, TemplateBody=body, Parameters=given, Capabilities=["CAPABILITY_NAMED_IAM"]
    )


def trust(client: Any, role: str) -> dict[str, Any]:
    (statement,) = client("iam").get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]["Statement"]
    return dict(statement)


def rights(client: Any, role: str) -> list[dict[str, Any]]:
    document = client("iam").get_role_policy(RoleName=role, PolicyName="least")["PolicyDocument"]
    return list(yaml.safe_load(document)["Statement"])  # moto hands on what CloudFormation gave it as Python's words


def opened(client: Any, subject: str, audience: str = "sts.amazonaws.com") -> set[str]:
    """The roles that a token of GitHub's opens, as IAM reads their conditions."""
    claims = {"sub": subject, "aud": audience}
    fits: dict[str, Callable[[str, str], bool]] = {"StringEquals": operator.eq, "StringLike": fnmatchcase}
    return {
        role
        for role in RIGHTS
        if all(fits[how](claims[key.split(":")[1]], wanted)
               for how, keys in trust(client, role)["Condition"].items() for key, wanted in keys.items())
    }  # fmt: skip


@pytest.mark.parametrize("phase", PHASES)
def test_it_is_the_same_in_every_phase(phase: int) -> None:
    assert made(phase).template(DELIVERY_STACK) == template()


def test_every_type_of_it_is_made_for_real() -> None:
    assert {one["Type"] for one in template()["Resources"].values()} <= known()


@pytest.mark.parametrize(("subject", "roles"), SUBJECTS.items())
def test_each_role_is_for_one_kind_of_job_of_one_repository(account: Any, subject: str, roles: set[str]) -> None:
    assert opened(account, subject) == roles
    assert opened(account, subject, audience="https://github.com/ana") == set()


@pytest.mark.parametrize(
    ("named", "taken"),
    [
        ("ana/anb", True),
        ("ana@17/anb@4711", True),
        ("ana", False),
        ("ana@x/anb", False),
        ("*/anb", False),
        ("ana/*", False),
    ],
)
def test_a_repository_is_named_as_its_tokens_do(named: str, taken: bool) -> None:
    pattern = template()["Parameters"]["GitHubRepository"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, named)) is taken


@pytest.mark.parametrize("role", RIGHTS)
def test_the_roles_trust_githubs_tokens_and_nothing_else(account: Any, role: str) -> None:
    found = trust(account, role)
    assert (found["Principal"], found["Action"]) == ({"Federated": PROVIDER}, "sts:AssumeRoleWithWebIdentity")
    assert {key for keys in found["Condition"].values() for key in keys} == {
        "token.actions.githubusercontent.com:aud", "token.actions.githubusercontent.com:sub",
    }  # fmt: skip


def test_a_repositorys_name_has_no_wildcard() -> None:
    pattern = template()["Parameters"]["GitHubRepository"]["AllowedPattern"]
    assert re.search(pattern, "ana/anb")
    assert [
        name for name in ("ana/*", "*/anb", "ana", "ana/anb:x", "ana/a/b", "ana/?") if re.search(pattern, name)
    ] == []


def test_the_workflows_jobs_get_the_roles_that_they_ask_for(account: Any) -> None:
    """By the subject that GitHub would write into a job's token, and for as long as it asks."""
    asked = {}
    for path in WORKFLOWS:
        workflow = yaml.safe_load(path.read_text())
        for job in workflow["jobs"].values():
            for step in job.get("steps", []):
                if "role-to-assume" in step.get("with", {}):
                    asked[step["with"]["role-to-assume"]] = (
                        _subject(workflow[True], job), step["with"].get("role-duration-seconds", 3600)
                    )  # fmt: skip
                    assert job["permissions"]["id-token"] == "write"
                    assert step["with"]["aws-region"] == "us-east-1"
    assert asked.keys() == {f"${{{{ vars.AWS_{kind}_ROLE }}}}" for kind in ("READER", "PUBLISHER", "DEPLOYER")}
    for variable, (subject, seconds) in asked.items():
        name = "anb-" + variable.split("_")[1].lower()
        assert opened(account, f"repo:ana/anb:{subject}") == {name}
        assert seconds <= account("iam").get_role(RoleName=name)["Role"]["MaxSessionDuration"]


def _subject(triggers: dict[str, Any], job: dict[str, Any]) -> str:
    """https://docs.github.com/en/actions/reference/security/oidc#example-subject-claims"""
    if "environment" in job:
        return f"environment:{job['environment']['name']}"
    (trigger,) = triggers
    return (
        "pull_request"
        if trigger == "pull_request"
        else "ref:refs/tags/" + triggers["push"]["tags"][0].replace("*", "1")
    )


@pytest.mark.parametrize("role", RIGHTS)
def test_each_role_may_do_this_and_no_more(account: Any, role: str) -> None:
    found = rights(account, role)
    assert account("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    assert {one["Effect"] for one in found} == {"Allow"}
    assert {(action, on) for one in found for action in one["Action"] for on in one["Resource"]} == RIGHTS[role]


def test_the_deployers_rights_are_what_the_scripts_call() -> None:
    scripts = "\n".join(path.read_text() for path in sorted((ROOT / "deployment/delivery").glob("*.sh")))
    called = {" ".join(words) for words in re.findall(r"\baws ([a-z0-9]+) ([a-z-]+)", scripts)}
    assert called <= CALLS.keys()
    assert {action for action, _ in RIGHTS["anb-deployer"]} == VERIFIES.union(*CALLS.values())


def test_only_cloudformation_takes_its_role_and_only_to_it_the_deployer_gives_it(account: Any) -> None:
    found = trust(account, STACK_ROLE)
    assert (found["Principal"], found["Action"]) == ({"Service": "cloudformation.amazonaws.com"}, "sts:AssumeRole")
    (given,) = (one for one in rights(account, "anb-deployer") if one["Action"] == ["iam:PassRole"])
    assert given["Condition"] == {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}
    assert f":role/{STACK_ROLE}" in (ROOT / "deployment/delivery/stack.sh").read_text()


def test_the_deployer_commands_hosts_of_this_project_alone(account: Any) -> None:
    sends = [one for one in rights(account, "anb-deployer") if one["Action"] == ["ssm:SendCommand"]]
    (bounds,) = (one["Condition"] for one in sends if "instance/*" in one["Resource"][0])
    assert bounds == {"StringEquals": {"ssm:resourceTag/project": "anb"}}
    for host in made(0).resources("AWS::EC2::Instance").values():
        assert {"Key": "project", "Value": "anb"} in host["Properties"]["Tags"]


def test_the_registry_is_scanned_and_what_was_released_stays(account: Any) -> None:
    (registry,) = account("ecr").describe_repositories(repositoryNames=[REPOSITORY])["repositories"]
    assert registry["imageTagMutability"] == "IMMUTABLE"
    told = template()["Resources"]["Repository"]
    assert told["Properties"]["ImageScanningConfiguration"] == {"ScanOnPush": True}  # moto forgets these two
    assert told["Properties"]["EncryptionConfiguration"] == {"EncryptionType": "AES256"}
    assert (told["DeletionPolicy"], told["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    cycle = told["Properties"]["LifecyclePolicy"]["LifecyclePolicyText"]
    account("ecr").put_lifecycle_policy(repositoryName=REPOSITORY, lifecyclePolicyText=cycle)  # refused, if not sound
    assert [one["selection"]["tagStatus"] for one in json.loads(cycle)["rules"]] == ["untagged"]


def test_what_is_pushed_is_what_phase_3_copies_and_its_clusters_run() -> None:
    (rule,) = made(3).properties("ImageCopies")["ReplicationConfiguration"]["Rules"]
    (names,) = rule["RepositoryFilters"]
    assert names["FilterType"] == "PREFIX_MATCH"
    assert REPOSITORY.startswith(names["Filter"])
    assert f"}}/{REPOSITORY}:${{{{" in (ROOT / ".github/workflows/release.yml").read_text()
    for (there,) in ([one["Region"]] for one in rule["Destinations"]):
        overlay = (ROOT / "deployment/kubernetes/overlays" / there / "kustomization.yaml").read_text()
        assert f".dkr.ecr.{there}.amazonaws.com/{REPOSITORY}\n" in overlay


def test_its_outputs_are_the_repositorys_variables_by_their_names(account: Any) -> None:
    (stack,) = account("cloudformation").describe_stacks(StackName=DELIVERY_STACK)["Stacks"]
    told = {one["Description"]: one["OutputValue"] for one in stack["Outputs"]}
    assert told == {
        "ANB_RELEASES_BUCKET": "anb-releases-1", "ANB_TEMPLATES_BUCKET": "anb-templates-1",
        "ANB_REPOSITORY": f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/anb",
        **{f"AWS_{kind}_ROLE": f"arn:aws:iam::{ACCOUNT}:role/anb-{kind.lower()}"
           for kind in ("READER", "PUBLISHER", "DEPLOYER")},
    }  # fmt: skip
    used = set(re.findall(r"vars\.(\w+)", "".join(path.read_text() for path in WORKFLOWS)))
    assert used - told.keys() == {"ANB_PHASE", "ANB_URL", "ANB_RUNNER"}, "docs/delivery.md says where these come from"


def test_the_runbook_makes_it_with_all_that_it_asks_for() -> None:
    parameters = template()["Parameters"]
    wanted = {name for name, one in parameters.items() if "Default" not in one}
    for page in ("first-deployment.md", "first-deployment.es.md"):
        text = (DOCS / "howto" / page).read_text()
        (call,) = re.findall(rf"--stack-name {DELIVERY_STACK} --template-file.*", text)
        named = set(re.findall(r"(\w+)=", call))
        assert wanted <= named <= parameters.keys()
        assert "CAPABILITY_NAMED_IAM" in call
        assert text.index(call) < text.index("stack.sh 0 ")


def test_what_was_released_outlives_the_stack_and_the_next_one_takes_the_provider_that_is_there() -> None:
    with emulated() as emulator:
        emulator.client("cloudformation").delete_stack(StackName=DELIVERY_STACK)
        roles = {one["RoleName"] for one in emulator.client("iam").list_roles()["Roles"]}
        assert roles.isdisjoint({*RIGHTS, STACK_ROLE})
        assert emulator.client("ecr").describe_repositories(repositoryNames=[REPOSITORY])["repositories"]
        emulator.client("ecr").delete_repository(repositoryName=REPOSITORY)
        create(emulator, GitHubProvider="there", GitHubRepository="ana@17/anb@4711")
        providers = emulator.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
        assert providers == [{"Arn": PROVIDER}]
        assert trust(emulator.client, "anb-deployer")["Principal"] == {"Federated": PROVIDER}
        assert {subject: opened(emulator.client, subject) for subject in NEWER} == NEWER
        emulator.client("cloudformation").delete_stack(StackName=DELIVERY_STACK)
        emulator.client("ecr").delete_repository(repositoryName=REPOSITORY)
