"""What later phases add, by the document's roadmap; and that no step replaces what holds data."""

import json
import posixpath
import re
import tomllib
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml  # type: ignore[import-untyped]  # no stubs in this environment
from aws_cdk import Environment, Stack

from anb.planning import costs
from anb.planning.phases import PHASES as PLANNED
from infra.app import STACK, app_of
from infra.profiles import SUPPORT_READ_ON, SUPPORTED_UNTIL
from infra.stacks.application import Application
from infra.stacks.media import PREFIX, bucket_name
from infra.tests.made import PHASES, incoming, made, pointed

# CloudFormation's own documentation, "Update requires: Replacement", for the types that hold data.
_REPLACING = {
    "AWS::RDS::DBInstance": [
        "DBInstanceIdentifier", "DBName", "DBSubnetGroupName", "KmsKeyId", "MasterUsername", "Port", "StorageEncrypted",
        "SourceDBInstanceIdentifier", "DBSnapshotIdentifier", "AvailabilityZone", "Engine",
    ],
    "AWS::EC2::Volume": ["AvailabilityZone", "Encrypted", "KmsKeyId", "SnapshotId"],
    "AWS::S3::Bucket": ["BucketName", "ObjectLockEnabled"],
    "AWS::SecretsManager::Secret": ["Name"],
    "AWS::EFS::FileSystem": ["AvailabilityZoneName", "Encrypted", "KmsKeyId", "PerformanceMode"],
    "AWS::ElastiCache::ReplicationGroup": [
        "ReplicationGroupId", "AtRestEncryptionEnabled", "CacheSubnetGroupName", "Port", "SnapshotArns", "SnapshotName",
    ],
}  # fmt: skip
_SNAPSHOT, _KEPT = ("Snapshot", "Snapshot"), ("RetainExceptOnCreate", "Retain")
_POLICY = {
    "AWS::RDS::DBInstance": _SNAPSHOT,
    "AWS::EC2::Volume": _SNAPSHOT,
    "AWS::S3::Bucket": _KEPT,
    "AWS::EFS::FileSystem": _KEPT,
    "AWS::KMS::Key": _KEPT,
    "AWS::SecretsManager::Secret": _KEPT,
}
"""When the stack goes, and when an update replaces it. What a creation that failed has made goes again, or its name
would be taken when it is tried again; but for the log bucket, which has none."""
_TAKEN_AWAY = {"MediaVolume", "Queue"}
"""By phase 2: the volume when its media are in the bucket, and a snapshot of it stays; the one node of Redis when two
serve, and what was in it is rung again by the sweep."""

_STEPS = [pytest.param(a, b, id=f"{a} to {b}") for a, b in pairwise(PHASES)]


@pytest.mark.parametrize(("before", "after"), _STEPS)
def test_no_step_replaces_what_holds_data(before: int, after: int) -> None:
    old, new = made(before).resources(), made(after).resources()
    for name, one in old.items():
        for key in _REPLACING.get(one["Type"], []):
            if name in new:
                assert new[name]["Type"] == one["Type"]
                assert new[name]["Properties"].get(key) == one["Properties"].get(key), (name, key)
            else:
                assert name in _TAKEN_AWAY, name


@pytest.mark.parametrize(("phase", "stack"), [*((phase, STACK) for phase in PHASES), (3, "anb-second-region")])
def test_what_holds_data_outlives_its_stack_and_not_an_attempt_that_failed(phase: int, stack: str) -> None:
    for name, one in made(phase).resources(stack=stack).items():
        if name == "LogBucket":
            assert (one["DeletionPolicy"], one["UpdateReplacePolicy"]) == ("Retain", "Retain")
            assert "BucketName" not in one["Properties"]
        elif one["Type"] in _POLICY:
            assert (one["DeletionPolicy"], one["UpdateReplacePolicy"]) == _POLICY[one["Type"]], name
    database = "Database" if stack == STACK else "Replica"
    assert made(phase).properties(database, stack)["DeletionProtection"] is True


@pytest.mark.parametrize("phase", PHASES)
def test_no_value_of_a_secret_is_in_a_template(phase: int) -> None:
    for name, secret in made(phase).resources("AWS::SecretsManager::Secret").items():
        if "SecretString" in secret["Properties"]:  # put together of the others, by reference
            told = json.loads(secret["Properties"]["SecretString"]["Fn::Sub"])
            assert all("{{resolve:secretsmanager:${" in value for value in told.values()), name
            continue
        assert "SecretString" not in secret["Properties"]
        assert secret["Properties"]["GenerateSecretString"]["PasswordLength"] >= 32
    password = str(made(phase).properties("Database")["MasterUserPassword"])
    assert "{{resolve:secretsmanager:" in password
    assert "DatabaseSecret" in password


@pytest.mark.parametrize("phase", PHASES)
def test_every_disk_cache_and_bucket_is_encrypted_and_every_host_has_imdsv2(phase: int) -> None:
    resources = made(phase).resources()
    for name, one in resources.items():
        told = one.get("Properties", {})
        match one["Type"]:
            case "AWS::EC2::Instance":
                assert told["MetadataOptions"]["HttpTokens"] == "required", name
                assert all(disk["Ebs"]["Encrypted"] for disk in told["BlockDeviceMappings"]), name
            case "AWS::EC2::LaunchTemplate":
                data = told["LaunchTemplateData"]
                assert data["MetadataOptions"]["HttpTokens"] == "required", name
                assert all(disk["Ebs"]["Encrypted"] for disk in data["BlockDeviceMappings"]), name
            case "AWS::EC2::Volume":
                assert told["Encrypted"] is True, name
            case "AWS::EFS::FileSystem":
                assert told["Encrypted"] is True, name
            case "AWS::S3::Bucket":
                assert told["BucketEncryption"], name
                assert set(told["PublicAccessBlockConfiguration"].values()) == {True}, name
            case "AWS::ElastiCache::ReplicationGroup":
                assert told["AtRestEncryptionEnabled"], name
                assert told["TransitEncryptionEnabled"], name


def test_the_medias_volume_grows_and_nothing_else_is_touched(tmp_path: Path) -> None:
    """Hosts with an address of their own cannot be replaced."""
    grown = replace(made(1).profile, phase=replace(made(1).profile.phase, media_gib=100))
    app_of(grown, tmp_path).synth()
    now = json.loads((tmp_path / f"{STACK}.template.json").read_text())["Resources"]
    assert {name for name, one in made(1).resources().items() if now[name] != one} == {"MediaVolume"}
    assert now["MediaVolume"]["Properties"]["Size"] == 100


def test_phase_1_is_the_documents() -> None:
    one = made(1)
    hosts = one.resources("AWS::EC2::Instance")
    assert sum(name.startswith("WebServer") for name in hosts) == 2  # two or three
    assert sum(name.startswith("Worker") for name in hosts) == 3  # two or three more than before, here two
    assert one.properties("Queue")["NumCacheClusters"] == 1
    assert one.properties("FileServer")["InstanceType"] == "t3.medium"  # as `anb plan --users 300` says
    targets = one.properties("WebTargets")
    assert targets["HealthCheckPath"] == "/health"
    assert {"Key": "stickiness.enabled", "Value": "true"} in targets["TargetGroupAttributes"]
    assert one.properties("Database")["BackupRetentionPeriod"] == 7
    public = {rule for rule in incoming(one) if rule[2] == "0.0.0.0/0"}
    assert public == {("ANB-LoadBalancer-SG", 80, "0.0.0.0/0")}


def test_phase_1s_hosts_serve_until_the_group_does() -> None:
    """CloudFormation takes away last what is no more, and changes at once whatever depends on nothing."""
    one, two = made(1), made(2)
    assert "WebTargets" not in two.resources(), "it would lose its hosts before there are others"
    assert one.properties("Http")["DefaultActions"][0]["TargetGroupArn"] == {"Ref": "WebTargets"}
    assert pointed(two.properties("WebGroup")["TargetGroupARNs"][0]) == "GroupTargets"
    assert two.properties("Https")["DefaultActions"][0]["TargetGroupArn"] == {"Ref": "GroupTargets"}
    assert two.resources()["WebGroup"]["CreationPolicy"]["ResourceSignal"]["Count"] == 2
    assert "WebGroup" in two.resources()["Https"]["DependsOn"]
    assert "Https" in two.resources()["Http"]["DependsOn"]


@pytest.mark.parametrize(("before", "after"), _STEPS)
def test_no_step_gives_failover_to_a_redis_that_has_no_replica(before: int, after: int) -> None:
    """ElastiCache refuses it, and so does not see that nodes are asked for in the same update."""
    kind = "AWS::ElastiCache::ReplicationGroup"
    old, new = made(before).resources(kind), made(after).resources(kind)
    for name in old.keys() & new.keys():
        for key in ("NumCacheClusters", "AutomaticFailoverEnabled", "MultiAZEnabled"):
            assert old[name]["Properties"][key] == new[name]["Properties"][key], (name, key)


def test_phase_1s_hosts_have_their_redis_until_they_go() -> None:
    """The pair is another resource, without a name that both would want; the new hosts alone are told of it."""
    one, two = made(1), made(2)
    assert "QueuePair" not in one.resources()
    assert "Queue" not in two.resources()
    for queue in (one.properties("Queue"), two.properties("QueuePair")):
        assert "ReplicationGroupId" not in queue
    for host in ("WebServer", "Worker"):
        assert "${Queue.PrimaryEndPoint.Address}" in str(one.properties(host)["UserData"])
    for template in ("WebTemplate", "WorkerTemplate"):
        text = str(two.properties(template)["LaunchTemplateData"]["UserData"])
        assert "${QueuePair.PrimaryEndPoint.Address}" in text
        assert "${Queue." not in text
    assert "${QueuePair." in made(3).properties("ProductionSecret")["SecretString"]["Fn::Sub"]
    assert one.properties("RedisSecurityGroup")["Tags"] == two.properties("RedisSecurityGroup")["Tags"]
    allowed = [name for name in one.resources("AWS::EC2::SecurityGroupIngress") if name.startswith("Redis6379From")]
    assert allowed
    assert all(two.resources()[name] == one.resources()[name] for name in allowed), "phase 1's hosts are shut out"


def test_phase_2_is_the_documents() -> None:
    two = made(2)
    web = two.properties("WebGroup")
    assert (web["MinSize"], web["MaxSize"]) == ("2", "6")
    assert [one["Ref"] for one in web["VPCZoneIdentifier"]] == ["PrivateSubnet1", "PrivateSubnet2"]
    assert two.properties("Database")["MultiAZ"] is True
    queue = two.properties("QueuePair")
    assert (queue["NumCacheClusters"], queue["AutomaticFailoverEnabled"], queue["MultiAZEnabled"]) == (2, True, True)
    assert two.properties("Https")["Port"] == 443
    assert two.properties("Http")["DefaultActions"][0]["RedirectConfig"]["Protocol"] == "HTTPS"
    assert not two.resources("AWS::EC2::Instance")
    assert not any(port == 22 for _, port, _ in incoming(two))


@pytest.mark.parametrize(
    ("phase", "stack", "clients"),
    [
        (2, "anb", {"ANB-WebServer-SG", "ANB-Worker-SG"}),
        (3, "anb", {"ANB-Kubernetes-SG"}),
        (3, "anb-second-region", {"ANB-Kubernetes-SG"}),
    ],
)
def test_uploads_under_way_lie_where_every_web_server_and_worker_sees_them(
    phase: int, stack: str, clients: set[str]
) -> None:
    """A mount target in each subnet that hosts are in, and nobody else gets at it."""
    one = made(phase)
    files = one.properties("StagingFiles", stack)
    assert (files["ThroughputMode"], files["BackupPolicy"], files.get("LifecyclePolicies")) == (
        "elastic", {"Status": "DISABLED"}, None,
    )  # fmt: skip
    targets = [target["Properties"] for target in one.resources("AWS::EFS::MountTarget", stack).values()]
    assert [target["SubnetId"] for target in targets] == [{"Ref": "PrivateSubnet1"}, {"Ref": "PrivateSubnet2"}]
    assert {pointed(group) for target in targets for group in target["SecurityGroups"]} == {"StagingSecurityGroup"}
    assert {rule for rule in incoming(one, stack) if rule[0] == "ANB-Staging-SG"} == {
        ("ANB-Staging-SG", 2049, client) for client in clients
    }


def test_hosts_boot_when_the_file_system_answers_in_their_zone() -> None:
    for name, one in made(2).resources("AWS::AutoScaling::AutoScalingGroup").items():
        assert {"StagingMount1", "StagingMount2"} <= set(one["DependsOn"]), name


@pytest.mark.parametrize("stack", ["anb", "anb-second-region"])
def test_pods_are_appuser_in_the_folder_of_phase_2s_hosts(stack: str) -> None:
    three = made(3)
    point = three.properties("StagingPoint", stack)
    assert point["PosixUser"] == {"Uid": "10001", "Gid": "10001"}
    assert point["RootDirectory"] == {
        "Path": "/incoming",
        "CreationInfo": {"OwnerUid": "10001", "OwnerGid": "10001", "Permissions": "750"},
    }
    assert "aws-efs-csi-driver" in [
        one["Properties"]["AddonName"] for one in three.resources("AWS::EKS::Addon", stack).values()
    ]
    assert Application(made(2).profile).local["ANB_STAGING_DIR"] == f"/app/media{point['RootDirectory']['Path']}"
    volume = three.template(stack)["Outputs"]["StagingVolume"]["Value"]
    assert volume == {"Fn::Join": ["", [{"Ref": "StagingFiles"}, "::", {"Ref": "StagingPoint"}]]}


@pytest.mark.parametrize("phase", [1, 2, 3])
def test_servers_keep_idle_connections_longer_than_the_balancer(phase: int) -> None:
    """Else it sends a vote into one that just ends, and answers 502. Who it speaks to: nginx, in a pod gunicorn."""
    told = {one["Key"]: one["Value"] for one in made(phase).properties("LoadBalancer")["LoadBalancerAttributes"]}
    deployment = Path(__file__).parents[2] / "deployment"
    nginx = (deployment / "nginx/anb.conf.template").read_text().split("server {")[-1]
    gunicorn = (deployment / "gunicorn/gunicorn.conf.py").read_text()
    (by_nginx,) = re.findall(r"^    keepalive_timeout (\d+)s;", nginx, re.MULTILINE)
    (by_gunicorn,) = re.findall(r"^keepalive = (\d+)", gunicorn, re.MULTILINE)
    assert int(told["idle_timeout.timeout_seconds"]) < int(by_gunicorn if phase == 3 else by_nginx)


def test_cloudfront_reads_results_and_nothing_else() -> None:
    statements = _statements("MediaBucketPolicy")
    (may,) = (one for one in statements if one["Effect"] == "Allow")
    assert may["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert may["Action"] == ["s3:GetObject"]
    assert may["Resource"]["Fn::Join"][1][-1] == "/media/processed/*"
    assert "MediaNetwork" in str(may["Condition"])


def _statements(name: str, phase: int = 2, stack: str = STACK) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = made(phase).properties(name, stack)["PolicyDocument"]["Statement"]
    return found


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/api/videos/upload", False),
        ("/api/uploads", False),
        ("/api/uploads/5b1e", False),
        ("/api/auth/login", True),
        ("/api/public/videos", True),
        ("/api/uploads/../auth/login", True),
        ("/api/uploads/%2e%2e/auth/login", True),
    ],
)
@pytest.mark.parametrize(("phase", "stack"), [(2, "anb"), (3, "anb-second-region")])
def test_the_firewall_looks_for_attacks_in_all_bodies_but_those_of_videos(
    phase: int, stack: str, path: str, asked: bool
) -> None:
    rules = [rule["Statement"] for rule in made(phase).properties("Firewall", stack)["Rules"]]
    groups = [rule["ManagedRuleGroupStatement"] for rule in rules if "ManagedRuleGroupStatement" in rule]
    every = "AWSManagedRulesAmazonIpReputationList"  # reads no body
    assert {one["Name"]: _holds(one.get("ScopeDownStatement"), path) for one in groups} == {
        every: True,
        "AWSManagedRulesKnownBadInputsRuleSet": asked,
        "AWSManagedRulesCommonRuleSet": asked,
        "AWSManagedRulesSQLiRuleSet": asked,
    }


def _holds(statement: Any, path: str) -> bool:
    """As AWS WAF would say of a request's path."""
    match statement:
        case None:
            return True
        case {"NotStatement": {"Statement": one}}:
            return not _holds(one, path)
        case {"OrStatement": {"Statements": several}}:
            return any(_holds(one, path) for one in several)
        case {"ByteMatchStatement": {"FieldToMatch": {"UriPath": {}}, "PositionalConstraint": "STARTS_WITH", **rest}}:
            match: Any = rest
            changes = sorted(match["TextTransformations"], key=lambda one: int(one["Priority"]))
            for change in changes:
                path = unquote(path) if change["Type"] == "URL_DECODE" else posixpath.normpath(path)
            return path.startswith(match["SearchString"])
    raise AssertionError(statement)


def test_web_scales_by_cpu_and_memory_and_workers_by_depth_and_age_of_the_queue() -> None:
    by_group: dict[str, list[str]] = {}
    for one in made(2).resources("AWS::AutoScaling::ScalingPolicy").values():
        by_group.setdefault(one["Properties"]["AutoScalingGroupName"]["Ref"], []).append(
            str(one["Properties"]["TargetTrackingConfiguration"])
        )
    assert "ASGAverageCPUUtilization" in by_group["WebGroup"][0]
    assert "mem_used_percent" in by_group["WebGroup"][1]
    assert "anb_queue_videos" in by_group["WorkerGroup"][0]
    assert "anb_queue_oldest_seconds" in by_group["WorkerGroup"][1]


def test_a_release_takes_no_machine_from_a_group_that_has_grown() -> None:
    """A group's capacity is set again by each update that changes the group, as a new release does."""
    for name, one in made(2).resources("AWS::AutoScaling::AutoScalingGroup").items():
        assert "DesiredCapacity" not in one["Properties"], name


_THERE = "anb-second-region"


def test_phase_3_has_a_replica_for_reads_in_the_second_region() -> None:
    three = made(3)
    replica = three.properties("Replica", _THERE)
    assert str(replica["SourceDBInstanceIdentifier"]).count(":db:anb") == 1
    assert "us-east-1" in str(replica["SourceDBInstanceIdentifier"])
    assert replica["SourceRegion"] == "us-east-1"
    assert "StorageEncrypted" not in replica
    assert replica["PubliclyAccessible"] is False
    assert three.properties("Database")["MultiAZ"] is True
    assert three.properties("Database")["BackupRetentionPeriod"] == 35


def test_the_second_regions_pods_are_told_the_same_and_of_their_replica() -> None:
    """By a secret that Secrets Manager copies there; the stack there tells the replica's address, the main one asks."""
    three = made(3)
    here, there = three.properties("ProductionSecret"), three.properties("SecondRegionSecret")
    assert "ReplicaRegions" not in here
    assert there["ReplicaRegions"] == [{"Region": "sa-east-1"}]
    told, told_there = (json.loads(one["SecretString"]["Fn::Sub"]) for one in (here, there))
    read_url = told_there.pop("ANB_DATABASE_READ_URL")
    assert told_there == told
    assert read_url == told["DATABASE_URL"].replace("${Database.Endpoint.Address}", "${Replica}")
    assert "Replica" in three.template()["Parameters"]
    address = three.template(_THERE)["Outputs"]["ReplicaAddress"]["Value"]
    assert address == {"Fn::GetAtt": ["Replica", "Endpoint.Address"]}
    manifests = Path(__file__).parents[2] / "deployment/kubernetes"
    assert f"key: {here['Name']}\n" in (manifests / "base/secrets.yaml").read_text()
    assert f"value: {there['Name']}}}" in (manifests / "overlays/sa-east-1/kustomization.yaml").read_text()


@pytest.mark.parametrize("region", ["us-east-1", "sa-east-1"])
def test_pods_keep_media_where_they_have_rights(region: str) -> None:
    """Also in an overlay that is filled in: the account of its image is the bucket's."""
    overlay = Path(__file__).parents[2] / "deployment/kubernetes/overlays" / region
    (image,) = yaml.safe_load((overlay / "kustomization.yaml").read_text())["images"]
    told = dict(line.split("=", 1) for line in (overlay / "settings.env").read_text().splitlines())
    account = image["newName"].partition(".")[0]
    of_the_region = Stack(env=Environment(account=account, region=told["AWS_DEFAULT_REGION"]))
    assert told["MEDIA_ROOT"] == f"s3://{bucket_name(of_the_region)}/{PREFIX}"


def test_media_are_copied_to_the_bucket_of_the_second_region() -> None:
    three = made(3)
    (rule,) = three.properties("MediaBucket")["ReplicationConfiguration"]["Rules"]
    assert rule["Status"] == "Enabled"
    assert "sa-east-1" in str(rule["Destination"]["Bucket"])
    there = three.properties("MediaBucket", _THERE)
    assert there["VersioningConfiguration"]["Status"] == "Enabled"
    assert str(there["BucketName"]) == str(rule["Destination"]["Bucket"]).replace("arn:aws:s3:::", "")


def test_published_videos_play_when_the_main_regions_bucket_is_lost() -> None:
    """CloudFront asks the copy for what the bucket does not give, and the copy lets it read results alone."""
    config = made(3).properties("MediaNetwork")["DistributionConfig"]
    (group,) = config["OriginGroups"]["Items"]
    assert config["DefaultCacheBehavior"]["TargetOriginId"] == group["Id"]
    assert group["FailoverCriteria"]["StatusCodes"]["Items"] == [403, 404, 500, 502, 503, 504]
    origins = {one["Id"]: one for one in config["Origins"]}
    here, there = (origins[one["OriginId"]] for one in group["Members"]["Items"])
    assert pointed(here["DomainName"]) == "MediaBucket"
    host = "".join(part if isinstance(part, str) else "*" for part in there["DomainName"]["Fn::Join"][1])
    bucket = made(3).properties("MediaBucket", _THERE)["BucketName"]["Fn::Join"][1]
    assert host == "".join(part if isinstance(part, str) else "*" for part in bucket) + ".s3.sa-east-1.*"
    assert here["OriginAccessControlId"] == there["OriginAccessControlId"] is not None
    assert max(one["ConnectionAttempts"] * one["ConnectionTimeout"] for one in origins.values()) <= 6
    (may,) = (one for one in _statements("MediaBucketPolicy", 3, _THERE) if one["Effect"] == "Allow")
    assert may["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert may["Action"] == ["s3:GetObject"]
    assert may["Resource"]["Fn::Join"][1][-1] == "/media/processed/*"
    source = may["Condition"]["StringLike"]["AWS:SourceArn"]["Fn::Join"][1]
    assert source == ["arn:aws:cloudfront::", {"Ref": "AWS::AccountId"}, ":distribution/*"]


def test_a_video_that_is_taken_down_goes_from_the_copy_too() -> None:
    """Else CloudFront would find it there."""
    three = made(3)
    (rule,) = three.properties("MediaBucket")["ReplicationConfiguration"]["Rules"]
    assert rule["DeleteMarkerReplication"] == {"Status": "Enabled"}
    assert "s3:ReplicateDelete" in str(three.properties("ReplicationRole")["Policies"])


def test_images_are_copied_to_the_registry_of_the_second_region() -> None:
    """Where pods come from when the main region is lost."""
    (rule,) = made(3).properties("ImageCopies")["ReplicationConfiguration"]["Rules"]
    assert rule["Destinations"] == [{"Region": "sa-east-1", "RegistryId": {"Ref": "AWS::AccountId"}}]
    assert rule["RepositoryFilters"] == [{"Filter": "anb", "FilterType": "PREFIX_MATCH"}]


def test_names_are_answered_by_geography() -> None:
    three = made(3)
    here, there = three.properties("SiteName"), three.properties("SiteName", _THERE)
    assert here["GeoLocation"] == {"CountryCode": "*"}
    assert there["GeoLocation"] == {"ContinentCode": "SA"}
    assert here["SetIdentifier"] != there["SetIdentifier"]
    assert here["AliasTarget"]["EvaluateTargetHealth"] is True
    assert there["AliasTarget"]["EvaluateTargetHealth"] is True
    assert made(2).properties("SiteName") == here, "else the name would have to go before the second can come"


def test_the_networks_do_not_overlap_and_know_the_way_to_each_other() -> None:
    three = made(3)
    assert three.properties("Network")["CidrBlock"] == "10.0.0.0/16"
    assert three.properties("Network", _THERE)["CidrBlock"] == "10.1.0.0/16"
    for table in ("PublicRoutes", "PrivateRoutes1", "PrivateRoutes2"):
        assert three.properties(f"{table}ToPeer")["DestinationCidrBlock"] == "10.1.0.0/16"
        assert three.properties(f"{table}ToPeer", _THERE)["DestinationCidrBlock"] == "10.0.0.0/16"


def test_the_second_region_reaches_database_and_redis_of_the_first_and_nothing_else() -> None:
    assert {rule for rule in incoming(made(3)) if rule[2] == "10.1.0.0/16"} == {
        ("ANB-RDS-SG", 5432, "10.1.0.0/16"),
        ("ANB-Redis-SG", 6379, "10.1.0.0/16"),
    }
    assert not any(source == "10.0.0.0/16" for _, _, source in incoming(made(3), _THERE))


@pytest.mark.parametrize("stack", ["anb", _THERE])
def test_the_cluster_is_managed_logged_and_open_to_one_address(stack: str) -> None:
    three = made(3)
    told = three.properties("Cluster", stack)["ResourcesVpcConfig"]
    assert told["PublicAccessCidrs"] == [{"Ref": "Administrator"}]
    assert told["EndpointPrivateAccess"] is True
    assert len(three.properties("Cluster", stack)["Logging"]["ClusterLogging"]["EnabledTypes"]) == 5
    assert three.properties("Nodes", stack)["InstanceTypes"] == ["t3.medium"]
    data = three.properties("NodeTemplate", stack)["LaunchTemplateData"]
    assert data["MetadataOptions"] == {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}
    assert all(disk["Ebs"]["Encrypted"] for disk in data["BlockDeviceMappings"])
    pods = three.resources("AWS::EKS::PodIdentityAssociation", stack).values()
    assert {one["Properties"]["ServiceAccount"] for one in pods} == {"web", "worker", "beat"}


@pytest.mark.parametrize("stack", ["anb", _THERE])
def test_add_ons_take_the_place_of_those_that_eks_brings(stack: str) -> None:
    add_ons = made(3).resources("AWS::EKS::Addon", stack)
    assert {one["Properties"]["ResolveConflicts"] for one in add_ons.values()} == {"OVERWRITE"}


@pytest.mark.parametrize("stack", ["anb", _THERE])
def test_a_cluster_does_not_slip_into_support_that_the_plan_does_not_pay(stack: str) -> None:
    cluster = made(3).properties("Cluster", stack)
    assert cluster["UpgradePolicy"] == {"SupportType": "STANDARD"}
    assert cluster["Version"] == made(3).profile.kubernetes


def test_kubernetes_was_in_standard_support_when_its_price_was_last_looked_at() -> None:
    """Whoever renews the prices reads AWS' calendar too. Not held against today's clock: a release stays green."""
    prices = Path(costs.__file__).with_name("prices.toml")
    year, month = map(int, tomllib.loads(prices.read_text())["as_of"].split("-")[:2])
    assert date(year, month, 1) <= SUPPORT_READ_ON
    assert SUPPORT_READ_ON + timedelta(days=90) < SUPPORTED_UNTIL[made(3).profile.kubernetes]


@pytest.mark.parametrize("stack", ["anb", _THERE])
def test_the_deploy_workflow_may_bring_a_release_to_the_cluster(stack: str) -> None:
    """The cluster knows access entries alone: whoever has none is nobody to it."""
    three = made(3)
    assert three.properties("Cluster", stack)["AccessConfig"] == {"AuthenticationMode": "API"}
    (entry,) = three.resources("AWS::EKS::AccessEntry", stack).values()
    told = entry["Properties"]
    assert (told["ClusterName"], told["PrincipalArn"]) == ({"Ref": "Cluster"}, {"Ref": "DeployerRole"})
    (may,) = told["AccessPolicies"]
    assert may["PolicyArn"].endswith("/AmazonEKSClusterAdminPolicy")
    assert may["AccessScope"] == {"Type": "cluster"}


@pytest.mark.parametrize("stack", ["anb", _THERE])
def test_the_balancer_fits_the_pods_that_the_manifests_make(stack: str) -> None:
    """deployment/kubernetes binds them to the output PodTargetGroup."""
    three = made(3)
    manifests = Path(__file__).parents[2] / "deployment/kubernetes/base/web.yaml"
    deployment = next(one for one in yaml.safe_load_all(manifests.read_text()) if one["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    (web,) = pod["containers"]
    targets = three.properties("PodTargets", stack)
    assert three.template(stack)["Outputs"]["PodTargetGroup"]["Value"] == {"Ref": "PodTargets"}
    assert (targets["TargetType"], targets["Port"]) == ("ip", web["ports"][0]["containerPort"])
    assert targets["HealthCheckPath"] == web["livenessProbe"]["httpGet"]["path"]
    attributes = {one["Key"]: one["Value"] for one in targets["TargetGroupAttributes"]}
    delay = int(attributes["deregistration_delay.timeout_seconds"])
    graceful = int(web["env"][0]["value"].removeprefix("--graceful-timeout="))
    assert delay == web["lifecycle"]["preStop"]["sleep"]["seconds"] + graceful < pod["terminationGracePeriodSeconds"]


@pytest.mark.parametrize("stack", ["anb", _THERE])
def test_the_public_does_not_reach_the_metrics_of_pods(stack: str) -> None:
    rule = made(3).properties("MetricsAreInside", stack)
    assert (rule["Conditions"], rule["ListenerArn"]) == (
        [{"Field": "path-pattern", "Values": ["/metrics"]}], {"Ref": "Https"},
    )  # fmt: skip
    assert rule["Actions"] == [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]


@pytest.mark.parametrize(("phase", "stack"), [(0, STACK), (2, STACK), (3, STACK), (3, _THERE)])
def test_lasting_addresses_come_after_the_internet_gateway_and_go_before_it(phase: int, stack: str) -> None:
    addresses = made(phase).resources("AWS::EC2::EIP", stack)
    assert addresses
    for name, one in addresses.items():
        assert one["DependsOn"] == ["InternetAccess"], name


@pytest.mark.parametrize("phase", [0, 1, 2])
def test_hosts_start_when_the_database_is_in_its_secret(phase: int) -> None:
    for name, one in made(phase).resources().items():
        if one["Type"] in ("AWS::EC2::Instance", "AWS::AutoScaling::AutoScalingGroup") and name != "FileServer":
            assert "DatabaseAddress" in one["DependsOn"], name


@pytest.mark.parametrize(
    ("kind", "path", "row"),
    [("HorizontalPodAutoscaler", "/spec/maxReplicas", "web"), ("ScaledObject", "/spec/maxReplicaCount", "workers")],
)
def test_pods_may_grow_as_far_as_the_plan_counts_on(kind: str, path: str, row: str) -> None:
    overlay = Path(__file__).parents[2] / "deployment/kubernetes/overlays/us-east-1/kustomization.yaml"
    patches = {
        one["target"]["kind"]: yaml.safe_load(one["patch"]) for one in yaml.safe_load(overlay.read_text())["patches"]
    }
    (largest,) = (change["value"] for change in patches[kind] if change["path"] == path)
    assert largest == getattr(PLANNED[3], row)[1]
