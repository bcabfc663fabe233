"""moto's server, taught the resource types that its CloudFormation leaves out.

Left alone, moto skips what it does not know and says CREATE_COMPLETE. Here a type is one of three: moto's own, made by
an adapter below through the same API that AWS has, or in NOT_EMULATED, which a test holds against the templates.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

import boto3
from moto.cloudformation import parsing
from moto.core.common_models import CloudFormationModel
from moto.ec2.models.instances import Instance
from moto.ec2.models.route_tables import RouteTable
from moto.ec2.models.security_groups import SecurityGroup, SecurityGroupIngress
from moto.elbv2.models import FakeTargetGroup
from moto.logs.models import LogGroup
from moto.rds.models import DBInstance
from moto.route53.models import HealthCheck
from moto.s3.models import FakeBucket
from moto.server import ThreadedMotoServer

REGION = "us-east-1"
Properties = dict[str, Any]

NOT_EMULATED = {
    "AWS::Budgets::Budget",
    "AWS::CloudFront::Distribution",
    "AWS::CloudFront::OriginAccessControl",
    "AWS::CloudFront::ResponseHeadersPolicy",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::DLM::LifecyclePolicy",
}
"""Only cfn-lint, cdk-nag and the assertions on templates see these: moto has no such API, or one of another shape."""


@dataclass
class Made:
    """A resource of an adapter, as moto's CloudFormation wants it."""

    physical_resource_id: str
    attributes: dict[str, str] = field(default_factory=dict)
    type: str = ""
    logical_resource_id: str = ""
    cf_resource_type: str = ""

    def is_created(self) -> bool:
        return True

    def get_cfn_attribute(self, name: str) -> str:
        return self.attributes.get(name, f"{self.physical_resource_id}.{name}")


class Emulator:
    """The server, and clients of it."""

    endpoint: ClassVar[str] = ""

    @classmethod
    def client(cls, service: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]  # the service is chosen at run time
            service, endpoint_url=cls.endpoint, region_name=REGION, aws_access_key_id="test",
            aws_secret_access_key="test",
        )  # fmt: skip


@contextmanager
def emulated() -> Iterator[type[Emulator]]:
    _teach()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    Emulator.endpoint = f"http://{host}:{port}"
    yield Emulator
    server.stop()


def known() -> set[str]:
    """Types that are made for real: by moto, or by an adapter."""
    _teach()
    return set(parsing.get_model_map()) - NOT_EMULATED


def spoken(template: dict[str, Any]) -> str:
    """moto knows Retain alone, and deletes what is kept by the policy that differs from it when a creation fails. Here
    none does: moto has no rollback."""
    return json.dumps(template).replace('"RetainExceptOnCreate"', '"Retain"')


# --- Adapters: (logical name, properties) to what was made; called again with what is there on an update ------------

Adapter = Callable[[str, Properties, Made | None], Made]


def _secret(name: str, wanted: Properties, there: Made | None) -> Made:
    if there:
        return there
    secrets = Emulator.client("secretsmanager")
    how = wanted["GenerateSecretString"]
    value = secrets.get_random_password(
        PasswordLength=how["PasswordLength"], ExcludePunctuation=how["ExcludePunctuation"], IncludeSpace=False
    )["RandomPassword"]
    if "SecretStringTemplate" in how:
        value = json.dumps({**json.loads(how["SecretStringTemplate"]), how["GenerateStringKey"]: value})
    return Made(secrets.create_secret(Name=name, SecretString=value, Description=wanted["Description"])["ARN"])


def _secret_attachment(_name: str, wanted: Properties, _there: Made | None) -> Made:
    (database,) = Emulator.client("rds").describe_db_instances(DBInstanceIdentifier=wanted["TargetId"])["DBInstances"]
    secrets = Emulator.client("secretsmanager")
    known = json.loads(secrets.get_secret_value(SecretId=wanted["SecretId"])["SecretString"])
    known |= {"host": database["Endpoint"]["Address"], "port": database["Endpoint"]["Port"],
              "dbname": database["DBName"], "engine": "postgres"}  # fmt: skip
    secrets.put_secret_value(SecretId=wanted["SecretId"], SecretString=json.dumps(known))
    return Made(wanted["SecretId"])


def _topic_policy(_name: str, wanted: Properties, _there: Made | None) -> Made:
    for topic in wanted["Topics"]:
        Emulator.client("sns").set_topic_attributes(
            TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(wanted["PolicyDocument"])
        )
    return Made("policy")


def _lasting_address(_name: str, wanted: Properties, there: Made | None) -> Made:
    if there:
        return there
    hosts = Emulator.client("ec2")
    made = hosts.associate_address(AllocationId=wanted["AllocationId"], InstanceId=wanted["InstanceId"])
    return Made(made["AssociationId"])


def _bucket_policy(_name: str, wanted: Properties, _there: Made | None) -> Made:
    Emulator.client("s3").put_bucket_policy(Bucket=wanted["Bucket"], Policy=json.dumps(wanted["PolicyDocument"]))
    return Made(wanted["Bucket"])


def _cache_subnets(name: str, wanted: Properties, there: Made | None) -> Made:
    if not there:
        Emulator.client("elasticache").create_cache_subnet_group(
            CacheSubnetGroupName=name.lower(), CacheSubnetGroupDescription=wanted["Description"],
            SubnetIds=wanted["SubnetIds"],
        )  # fmt: skip
    return Made(name.lower())


def _cache(name: str, wanted: Properties, there: Made | None) -> Made:
    """It refuses what ElastiCache refuses, and moto takes."""
    caches = Emulator.client("elasticache")
    several = {
        "AutomaticFailoverEnabled": wanted["AutomaticFailoverEnabled"],
        "MultiAZEnabled": wanted["MultiAZEnabled"],
    }
    if there:
        (now,) = caches.describe_replication_groups(ReplicationGroupId=name.lower())["ReplicationGroups"]
        if several["AutomaticFailoverEnabled"] and len(now["MemberClusters"]) < 2:
            raise ValueError("Replication group must have at least one read replica to enable autofailover.")
        caches.modify_replication_group(ReplicationGroupId=name.lower(), ApplyImmediately=True, **several)
        return there
    left = ("Port", "AuthToken", "AutoMinorVersionUpgrade", "PreferredMaintenanceWindow", "Tags", *several)
    asked = {key: value for key, value in wanted.items() if key not in left}
    caches.create_replication_group(ReplicationGroupId=name.lower(), **several, **asked)
    return Made(name.lower(), {"PrimaryEndPoint.Address": f"master.{name.lower()}.example"})


def _alarm(name: str, wanted: Properties, _there: Made | None) -> Made:
    Emulator.client("cloudwatch").put_metric_alarm(**{"AlarmName": name, **wanted})
    arn = f"arn:aws:cloudwatch:{REGION}:123456789012:alarm:{name}"
    return Made(wanted.get("AlarmName", name), {"Arn": arn})


def _metric_filter(name: str, wanted: Properties, _there: Made | None) -> Made:
    changes = [
        {key[0].lower() + key[1:]: value for key, value in one.items()} for one in wanted["MetricTransformations"]
    ]
    Emulator.client("logs").put_metric_filter(
        filterName=name, logGroupName=wanted["LogGroupName"], filterPattern=wanted["FilterPattern"],
        metricTransformations=changes,
    )  # fmt: skip
    return Made(name)


def _certificate(_name: str, wanted: Properties, there: Made | None) -> Made:
    taken = ("DomainName", "SubjectAlternativeNames", "ValidationMethod")
    return there or Made(
        Emulator.client("acm").request_certificate(**{key: wanted[key] for key in taken})["CertificateArn"]
    )


def _identity_provider(_name: str, wanted: Properties, there: Made | None) -> Made:
    asked = {"Url": wanted["Url"], "ClientIDList": wanted["ClientIdList"], "ThumbprintList": []}
    return there or Made(Emulator.client("iam").create_open_id_connect_provider(**asked)["OpenIDConnectProviderArn"])


def _firewall(name: str, wanted: Properties, there: Made | None) -> Made:
    if there:
        return there
    made = Emulator.client("wafv2").create_web_acl(Name=name, **wanted)["Summary"]
    return Made(made["Id"], {"Arn": made["ARN"]})


def _firewall_before(_name: str, wanted: Properties, _there: Made | None) -> Made:
    Emulator.client("wafv2").associate_web_acl(WebACLArn=wanted["WebACLArn"], ResourceArn=wanted["ResourceArn"])
    return Made(wanted["ResourceArn"])


def _scaling_policy(name: str, wanted: Properties, _there: Made | None) -> Made:
    Emulator.client("autoscaling").put_scaling_policy(PolicyName=name, **wanted)
    return Made(name)


def _parameter(_name: str, wanted: Properties, _there: Made | None) -> Made:
    asked = {key: wanted[key] for key in ("Name", "Type", "Value")}
    Emulator.client("ssm").put_parameter(Overwrite=True, **asked)
    return Made(wanted["Name"])


def _nothing(name: str, _wanted: Properties, _there: Made | None) -> Made:
    return Made(name)


def _database(_name: str, wanted: Properties, there: Any) -> Any:
    """In place, as AWS does it for these properties."""
    Emulator.client("rds").modify_db_instance(
        DBInstanceIdentifier=wanted["DBInstanceIdentifier"], ApplyImmediately=True, MultiAZ=wanted["MultiAZ"],
        DBInstanceClass=wanted["DBInstanceClass"], BackupRetentionPeriod=wanted["BackupRetentionPeriod"],
        DeletionProtection=wanted["DeletionProtection"],
    )  # fmt: skip
    return there


def _instance(_name: str, wanted: Properties, there: Any) -> Any:
    """Stopped and started with its new text and type."""
    hosts = Emulator.client("ec2")
    hosts.stop_instances(InstanceIds=[there.id])
    hosts.modify_instance_attribute(InstanceId=there.id, UserData={"Value": str(wanted["UserData"]).encode()})
    hosts.modify_instance_attribute(InstanceId=there.id, InstanceType={"Value": wanted["InstanceType"]})
    hosts.start_instances(InstanceIds=[there.id])
    return there


def _security_group(_name: str, wanted: Properties, there: Any) -> Any:
    """Rules are changed, the group stays."""
    groups = Emulator.client("ec2")
    (now,) = groups.describe_security_groups(GroupIds=[there.id])["SecurityGroups"]
    by_address = [{**rule, "UserIdGroupPairs": []} for rule in now["IpPermissions"] if rule["IpRanges"]]
    if by_address:
        groups.revoke_security_group_ingress(GroupId=there.id, IpPermissions=by_address)
    for rule in wanted.get("SecurityGroupIngress", []):
        groups.authorize_security_group_ingress(GroupId=there.id, IpPermissions=[{
            "IpProtocol": rule["IpProtocol"], "FromPort": rule["FromPort"], "ToPort": rule["ToPort"],
            "IpRanges": [{"CidrIp": rule["CidrIp"]}]}])  # fmt: skip
    return there


def _log_group(_name: str, wanted: Properties, there: Any) -> Any:
    Emulator.client("logs").put_retention_policy(
        logGroupName=wanted["LogGroupName"], retentionInDays=wanted["RetentionInDays"]
    )
    return there


def _target_group(_name: str, wanted: Properties, there: Any) -> Any:
    balancers = Emulator.client("elbv2")
    targets = [{"Id": one["Id"]} for one in wanted.get("Targets", [])]
    now = balancers.describe_target_health(TargetGroupArn=there.arn)["TargetHealthDescriptions"]
    gone = [{"Id": one["Target"]["Id"]} for one in now if {"Id": one["Target"]["Id"]} not in targets]
    balancers.modify_target_group_attributes(TargetGroupArn=there.arn, Attributes=wanted["TargetGroupAttributes"])
    if gone:
        balancers.deregister_targets(TargetGroupArn=there.arn, Targets=gone)
    if targets:
        balancers.register_targets(TargetGroupArn=there.arn, Targets=targets)
    return there


def _health_check(_name: str, wanted: Properties, there: Any) -> Any:
    asked = wanted["HealthCheckConfig"]
    changed = {key: asked[key] for key in ("IPAddress", "Port", "FullyQualifiedDomainName") if key in asked}
    Emulator.client("route53").update_health_check(HealthCheckId=there.physical_resource_id, **changed)
    return there


def _bucket(_name: str, _wanted: Properties, there: Any) -> Any:
    """moto cannot update one without a fixed name. A step changes how long logs are kept, which moto does not read."""
    return there


_ADAPTERS: dict[str, Adapter] = {
    "AWS::AutoScaling::ScalingPolicy": _scaling_policy,
    "AWS::CertificateManager::Certificate": _certificate,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::EC2::EIPAssociation": _lasting_address,
    "AWS::ElastiCache::ReplicationGroup": _cache,
    "AWS::ElastiCache::SubnetGroup": _cache_subnets,
    "AWS::IAM::OIDCProvider": _identity_provider,
    "AWS::Logs::MetricFilter": _metric_filter,
    "AWS::S3::BucketPolicy": _bucket_policy,
    "AWS::SNS::TopicPolicy": _topic_policy,
    "AWS::SSM::Parameter": _parameter,
    "AWS::SecretsManager::Secret": _secret,
    "AWS::SecretsManager::SecretTargetAttachment": _secret_attachment,
    "AWS::WAFv2::WebACL": _firewall,
    "AWS::WAFv2::WebACLAssociation": _firewall_before,
    **dict.fromkeys(NOT_EMULATED, _nothing),
}

_IN_PLACE: dict[Any, Adapter] = {
    DBInstance: _database,
    FakeBucket: _bucket,
    FakeTargetGroup: _target_group,
    HealthCheck: _health_check,
    Instance: _instance,
    LogGroup: _log_group,
    SecurityGroup: _security_group,
}
"""Types of moto's own that it cannot update, or replaces where AWS does not."""

_TAUGHT: list[type] = []


def _teach() -> None:
    if _TAUGHT:
        return
    _TAUGHT.extend(_model(kind, adapter) for kind, adapter in _ADAPTERS.items())
    for model, adapter in _IN_PLACE.items():
        model.update_from_cloudformation_json = classmethod(_updating(adapter))
    targets, rule, table = cast("Any", FakeTargetGroup), cast("Any", SecurityGroupIngress), cast("Any", RouteTable)
    targets.create_from_cloudformation_json = classmethod(_with_targets(FakeTargetGroup))
    rule.delete = _revoke
    table.delete_from_cloudformation_json = classmethod(  # moto forgets to, and then cannot delete the VPC
        lambda _cls, name, *_: Emulator.client("ec2").delete_route_table(RouteTableId=name)
    )
    for cached in (parsing.get_model_list, parsing.get_model_map, parsing.get_name_type_map):
        cached.cache_clear()


def _with_targets(model: Any) -> Callable[..., Any]:
    """moto makes a target group, and forgets who is in it and how it behaves."""
    create = model.create_from_cloudformation_json.__func__

    def create_with_targets(cls: type, name: str, cloudformation_json: Properties, *rest: Any, **named: Any) -> Any:
        return _target_group(
            name, cloudformation_json["Properties"], create(cls, name, cloudformation_json, *rest, **named)
        )

    return create_with_targets


def _revoke(rule: Any, *_account_and_region: str) -> None:
    """moto leaves a rule in its group when the rule's own resource goes."""
    wanted = rule.properties
    permission = {
        "IpProtocol": wanted["IpProtocol"], "FromPort": wanted["FromPort"], "ToPort": wanted["ToPort"],
        "UserIdGroupPairs": [{"GroupId": wanted["SourceSecurityGroupId"]}],
    }  # fmt: skip
    groups = Emulator.client("ec2")
    sides = [wanted["GroupId"], wanted["SourceSecurityGroupId"]]
    there = groups.describe_security_groups(Filters=[{"Name": "group-id", "Values": sides}])["SecurityGroups"]
    if len(there) == len(set(sides)):  # else a group took its rules along
        groups.revoke_security_group_ingress(GroupId=wanted["GroupId"], IpPermissions=[permission])


def _updating(adapter: Adapter) -> Callable[..., Any]:
    def update(_cls: type, original_resource: Any, cloudformation_json: Properties, **_: Any) -> Any:
        return adapter(original_resource.logical_resource_id, cloudformation_json["Properties"], original_resource)

    return update


def _model(kind: str, adapter: Adapter) -> type:
    def create(_cls: type, _name: str, cloudformation_json: Properties, *_: Any, **named: Any) -> Made:
        made = adapter(named["LogicalId"], cloudformation_json.get("Properties", {}), None)
        made.type = kind
        return made

    return type(
        kind.replace("::", ""),
        (CloudFormationModel,),
        {
            "cloudformation_type": staticmethod(lambda: kind),
            "cloudformation_name_type": staticmethod(lambda: ""),
            "has_cfn_attr": classmethod(lambda _cls, _name: True),
            "create_from_cloudformation_json": classmethod(create),
            "update_from_cloudformation_json": classmethod(_updating(adapter)),
            "delete_from_cloudformation_json": classmethod(lambda *_: None),
        },
    )
