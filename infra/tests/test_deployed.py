"""The templates really deployed, to an emulator: created, updated to phase 1 and 2, deleted; read back at each step."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.tests.emulator import NOT_EMULATED, Emulator, emulated, known, spoken
from infra.tests.made import made

_STACK = "anb"
_DEPLOYED = (0, 1, 2)
"""Phase 3 needs two regions and EKS, of which moto makes nothing: its templates are checked, not deployed."""

pytestmark = pytest.mark.filterwarnings("ignore")  # of moto and werkzeug


class Account:
    """The steps of an operator, with what an account has before."""

    def __init__(self, emulator: type[Emulator]) -> None:
        self.client = emulator.client
        ec2 = self.client("ec2")
        ec2.create_key_pair(KeyName="anb-key-pair")
        zone = self.client("route53").create_hosted_zone(Name="example.com", CallerReference="1")
        self.asked = {
            "AlarmsTo": "alarms@example.com",
            "Administrator": "203.0.113.7/32",
            "Image": ec2.describe_images()["Images"][0]["ImageId"],
            "ReleaseBucket": "anb-releases",
            "ReleaseKey": "anb-1.tar.gz",
            "ReleaseSha256": "0" * 64,
            "Domain": "anb.example.com",
            "Zone": zone["HostedZone"]["Id"].split("/")[-1],
        }

    def deploy(self, phase: int) -> None:
        template = made(phase).template()
        given = [
            {"ParameterKey": key, "ParameterValue": self.asked[key]}
            for key in template["Parameters"]
            if key in self.asked
        ]
        stacks = self.client("cloudformation")
        step = stacks.update_stack if self.exists() else stacks.create_stack
        step(StackName=_STACK, TemplateBody=spoken(template), Parameters=given, Capabilities=["CAPABILITY_IAM"])

    def exists(self) -> bool:
        return bool(self.client("cloudformation").list_stacks(StackStatusFilter=["CREATE_COMPLETE", "UPDATE_COMPLETE"])
                    ["StackSummaries"])  # fmt: skip

    def resources(self) -> dict[str, str]:
        """Physical ids by logical ids."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=_STACK)
        return {
            one["LogicalResourceId"]: one["PhysicalResourceId"]
            for page in pages
            for one in page["StackResourceSummaries"]
        }

    def media(self, resources: dict[str, str]) -> Any:
        """S3, without the policy that refuses what comes without TLS: moto reads its Deny and not its condition."""
        s3 = self.client("s3")
        assert "aws:SecureTransport" in s3.get_bucket_policy(Bucket=resources["MediaBucket"])["Policy"]
        s3.delete_bucket_policy(Bucket=resources["MediaBucket"])
        return s3

    def database(self) -> Any:
        (database,) = self.client("rds").describe_db_instances(DBInstanceIdentifier="anb")["DBInstances"]
        return database

    def running(self) -> dict[str, tuple[str, str]]:
        """Type and address of the hosts with a name, without those of groups."""
        states = [{"Name": "instance-state-name", "Values": ["running"]}]
        found = self.client("ec2").describe_instances(Filters=states)["Reservations"]
        hosts = [host for one in found for host in one["Instances"]]
        return {_name(host): (host["InstanceType"], host["PrivateIpAddress"]) for host in hosts if not _grouped(host)}

    def ingress(self) -> set[tuple[str, int, str]]:
        groups = [one for one in self.client("ec2").describe_security_groups()["SecurityGroups"] if one.get("Tags")]
        names = {one["GroupId"]: _name(one) for one in groups}
        return {
            (_name(group), rule["FromPort"], source)
            for group in groups
            for rule in group["IpPermissions"]
            for source in [*(one["CidrIp"] for one in rule["IpRanges"]),
                           *(names[one["GroupId"]] for one in rule["UserIdGroupPairs"])]
        }  # fmt: skip


def _name(tagged: Any) -> str:
    return next(str(tag["Value"]) for tag in tagged["Tags"] if tag["Key"] == "Name")


def _grouped(host: Any) -> bool:
    return any(tag["Key"] == "aws:autoscaling:groupName" for tag in host["Tags"])


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    with emulated() as emulator:
        yield Account(emulator)


def test_which_types_no_emulator_makes_is_a_list_that_is_looked_at() -> None:
    used = {one["Type"] for phase in _DEPLOYED for one in made(phase).resources().values()}
    assert used - known() == NOT_EMULATED


def test_the_way_through_the_phases(account: Account) -> None:
    """One test, because each step begins where the one before ended."""
    account.deploy(0)
    first = account.resources()
    assert set(first) == set(made(0).resources())
    _phase_0_is_the_documents(account)
    _the_site_is_where_the_stack_says(account, first)
    secrets = _secrets(account, first)
    _named_hosts_are_told_the_next_release(account, 0, first)

    account.deploy(1)
    second = account.resources()
    assert set(second) == set(made(1).resources())
    for kept in ("Database", "MediaVolume", "WebServer", "Worker", "FileServer", "DatabaseSecret", "Network"):
        assert second[kept] == first[kept], kept
    _phase_1_is_the_documents(account, second)
    _named_hosts_are_told_the_next_release(account, 1, second)

    account.media(second).put_object(Bucket=second["MediaBucket"], Key="media/processed/one.mp4", Body=b"a video")
    account.deploy(2)
    third = account.resources()
    assert set(third) == set(made(2).resources())
    for kept in ("Database", "MediaBucket", "DatabaseSecret", "LoadBalancer", "Http", "Network"):
        assert third[kept] == second[kept], kept
    _phase_2_is_the_documents(account)
    _uploads_under_way_are_shared(account, third)
    assert _secrets(account, third) == secrets

    with pytest.raises(ClientError, match="deletion protection"):
        account.client("rds").delete_db_instance(DBInstanceIdentifier="anb", SkipFinalSnapshot=True)
    account.client("rds").modify_db_instance(DBInstanceIdentifier="anb", DeletionProtection=False)
    account.client("cloudformation").delete_stack(StackName=_STACK)
    assert not account.exists()
    assert account.running() == {}
    video = account.media(third).get_object(Bucket=third["MediaBucket"], Key="media/processed/one.mp4")
    assert video["Body"].read() == b"a video"
    assert _secrets(account, third) == secrets


def _secrets(account: Account, resources: dict[str, str]) -> list[str]:
    secrets = account.client("secretsmanager")
    names = ("DatabaseSecret", "RedisSecret", "SigningSecret")
    return [secrets.get_secret_value(SecretId=resources[name])["SecretString"] for name in names]


def _named_hosts_are_told_the_next_release(account: Account, phase: int, resources: dict[str, str]) -> None:
    """That their text stays, is seen in the template: moto looks for no change in a text."""
    account.asked["ReleaseKey"] = f"anb-after-{phase}.tar.gz"
    account.deploy(phase)
    told = account.client("ssm").get_parameter(Name=resources["Release"])["Parameter"]["Value"]
    assert told == f"anb-after-{phase}.tar.gz {'0' * 64}"


def _phase_0_is_the_documents(account: Account) -> None:
    (vpc,) = account.client("ec2").describe_vpcs(Filters=[{"Name": "cidr", "Values": ["10.0.0.0/16"]}])["Vpcs"]
    inside = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    subnets = account.client("ec2").describe_subnets(Filters=inside)["Subnets"]
    assert {(one["CidrBlock"], one["AvailabilityZone"]) for one in subnets} == {
        ("10.0.1.0/24", "us-east-1a"), ("10.0.2.0/24", "us-east-1b"),
    }  # fmt: skip
    assert account.running() == {
        "ANB-WebServer": ("t3.small", "10.0.1.10"),
        "ANB-Worker": ("t3.small", "10.0.1.20"),
        "ANB-FileServer": ("t3.small", "10.0.1.30"),
    }
    database = account.database()
    assert database["Engine"] == "postgres"
    assert database["EngineVersion"].startswith("16")
    assert (database["DBInstanceClass"], database["AllocatedStorage"], database["StorageType"]) == (
        "db.t3.micro",
        20,
        "gp3",
    )
    assert (database["MultiAZ"], database["BackupRetentionPeriod"], database["PubliclyAccessible"]) == (False, 0, False)
    assert (database["StorageEncrypted"], database["DBName"], database["MasterUsername"]) == (
        True,
        "fastapi_db",
        "fastapi_user",
    )
    assert account.ingress() == {
        ("ANB-WebServer-SG", 8080, "0.0.0.0/0"),
        ("ANB-WebServer-SG", 22, "203.0.113.7/32"),
        ("ANB-WebServer-SG", 6379, "ANB-Worker-SG"),
        ("ANB-Worker-SG", 22, "203.0.113.7/32"),
        ("ANB-FileServer-SG", 2049, "ANB-WebServer-SG"),
        ("ANB-FileServer-SG", 2049, "ANB-Worker-SG"),
        ("ANB-FileServer-SG", 22, "203.0.113.7/32"),
        ("ANB-RDS-SG", 5432, "ANB-WebServer-SG"),
        ("ANB-RDS-SG", 5432, "ANB-Worker-SG"),
    }
    alarms = account.client("cloudwatch").describe_alarms()["MetricAlarms"]
    limits = {one["AlarmName"]: one["Threshold"] for one in alarms}
    assert {name: limits[f"anb-{name}"] for name in ("WebServerBusy", "QueueLong", "ManyPeople", "SlowAnswers")} == {
        "WebServerBusy": 70, "QueueLong": 20, "ManyPeople": 80, "SlowAnswers": 0.5,
    }  # fmt: skip
    told = json.loads(_secrets(account, account.resources())[0])
    assert {key: told[key] for key in ("username", "dbname", "port")} == {
        "username": "fastapi_user", "dbname": "fastapi_db", "port": 5432}  # fmt: skip
    assert told["host"] == database["Endpoint"]["Address"]
    assert len(told["password"]) == 32


def _the_site_is_where_the_stack_says(account: Account, resources: dict[str, str]) -> None:
    (stack,) = account.client("cloudformation").describe_stacks(StackName=_STACK)["Stacks"]
    told = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    (address,) = account.client("ec2").describe_addresses(PublicIps=[told["SiteAddress"]])["Addresses"]
    assert address["InstanceId"] == resources["WebServer"]


def _phase_1_is_the_documents(account: Account, resources: dict[str, str]) -> None:
    assert set(account.running()) == {
        "ANB-WebServer", "ANB-WebServer2", "ANB-Worker", "ANB-Worker2", "ANB-Worker3", "ANB-FileServer",
    }  # fmt: skip
    assert account.running()["ANB-FileServer"] == ("t3.medium", "10.0.1.30")
    assert account.database()["BackupRetentionPeriod"] == 7  # with it point-in-time recovery, to five minutes ago
    balancers = account.client("elbv2")
    health = balancers.describe_target_health(TargetGroupArn=resources["WebTargets"])["TargetHealthDescriptions"]
    assert {one["Target"]["Id"] for one in health} == {resources["WebServer"], resources["WebServer2"]}
    (targets,) = balancers.describe_target_groups(TargetGroupArns=[resources["WebTargets"]])["TargetGroups"]
    assert (targets["HealthCheckPath"], targets["Port"]) == ("/health", 8080)
    attributes = balancers.describe_target_group_attributes(TargetGroupArn=resources["WebTargets"])["Attributes"]
    assert {"Key": "stickiness.enabled", "Value": "true"} in attributes
    (queue,) = account.client("elasticache").describe_replication_groups()["ReplicationGroups"]
    assert (queue["TransitEncryptionEnabled"], queue["AtRestEncryptionEnabled"]) == (True, True)
    web = {rule for rule in account.ingress() if rule[0] == "ANB-WebServer-SG"}
    assert web == {("ANB-WebServer-SG", 8080, "ANB-LoadBalancer-SG"), ("ANB-WebServer-SG", 22, "203.0.113.7/32")}
    encrypted = account.client("s3").get_bucket_encryption(Bucket=resources["MediaBucket"])
    (rule,) = encrypted["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"


def _uploads_under_way_are_shared(account: Account, resources: dict[str, str]) -> None:
    shares = account.client("efs")
    (files,) = shares.describe_file_systems(FileSystemId=resources["StagingFiles"])["FileSystems"]
    assert (files["Encrypted"], files["ThroughputMode"], files["NumberOfMountTargets"]) == (True, "elastic", 2)
    targets = shares.describe_mount_targets(FileSystemId=files["FileSystemId"])["MountTargets"]
    assert {one["SubnetId"] for one in targets} == {resources["PrivateSubnet1"], resources["PrivateSubnet2"]}
    groups = [
        shares.describe_mount_target_security_groups(MountTargetId=one["MountTargetId"])["SecurityGroups"]
        for one in targets
    ]
    assert groups == [[resources["StagingSecurityGroup"]]] * 2
    assert {rule for rule in account.ingress() if rule[0] == "ANB-Staging-SG"} == {
        ("ANB-Staging-SG", 2049, "ANB-WebServer-SG"),
        ("ANB-Staging-SG", 2049, "ANB-Worker-SG"),
    }


def _phase_2_is_the_documents(account: Account) -> None:
    assert account.running() == {}
    groups = account.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    spans = {one["Tags"][0]["Value"]: (one["MinSize"], one["DesiredCapacity"], one["MaxSize"]) for one in groups}
    assert spans == {"ANB-Web": (2, 2, 6), "ANB-Worker": (2, 2, 10)}
    policies = account.client("autoscaling").describe_policies()["ScalingPolicies"]
    assert {one["PolicyName"] for one in policies} == {"WebCpu", "WebMemory", "WorkerQueueDepth", "WorkerQueueAge"}
    database = account.database()
    assert (database["MultiAZ"], database["BackupRetentionPeriod"], database["PubliclyAccessible"]) == (True, 14, False)
    assert database["DBInstanceClass"] == "db.t3.medium"  # for the most hosts that the groups grow to
    assert {rule for rule in account.ingress() if rule[2] == "0.0.0.0/0" or rule[1] == 22} == {
        ("ANB-LoadBalancer-SG", 80, "0.0.0.0/0"),
        ("ANB-LoadBalancer-SG", 443, "0.0.0.0/0"),
    }
    (wall,) = account.client("wafv2").list_web_acls(Scope="REGIONAL")["WebACLs"]
    assert wall["Name"] == "Firewall"
    certificates = account.client("acm").list_certificates()["CertificateSummaryList"]
    assert [one["DomainName"] for one in certificates] == ["anb.example.com"]
