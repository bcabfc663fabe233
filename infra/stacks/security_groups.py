"""`infra.firewall`'s table as security groups. What it does not list is closed."""

from aws_cdk import CfnTag
from aws_cdk import aws_ec2 as ec2

from anb.planning.phases import MAIN_REGION
from infra import firewall
from infra.stacks.phase import PhaseStack

_DESCRIPTIONS = {
    firewall.WEB: "ANB web servers",
    firewall.WORKER: "ANB workers",
    firewall.FILE_SERVER: "ANB file server",
    firewall.STAGING: "ANB uploads under way",
    firewall.DATABASE: "ANB database",
    firewall.BALANCER: "ANB load balancer",
    firewall.CACHE: "ANB Redis",
    firewall.NODES: "ANB Kubernetes nodes and pods",
}
_SILENT = (firewall.STAGING, firewall.DATABASE, firewall.CACHE)
"""Managed services that open no connection of their own: nothing goes out."""

_NOTHING = ec2.CfnSecurityGroup.EgressProperty(
    ip_protocol="icmp", from_port=252, to_port=86, cidr_ip="255.255.255.255/32", description="nothing"
)
_ALL = ec2.CfnSecurityGroup.EgressProperty(ip_protocol="-1", cidr_ip="0.0.0.0/0", description="updates, AWS, peers")


def add_security_groups(stack: PhaseStack, vpc: str) -> dict[str, str]:
    table = firewall.rules(stack.profile, main_region=stack.region == MAIN_REGION)
    ids = {name: _group(stack, name, table, vpc) for name in firewall.groups(stack.profile)}
    for rule in table:
        if rule.source in ids:  # a resource of its own, since two groups may name each other
            ec2.CfnSecurityGroupIngress(
                stack, f"{rule.group}{rule.port}From{rule.source}", group_id=ids[rule.group], ip_protocol="tcp",
                from_port=rule.port, to_port=rule.port, source_security_group_id=ids[rule.source], description=rule.why,
            )  # fmt: skip
    return ids


def _group(stack: PhaseStack, name: str, table: tuple[firewall.Rule, ...], vpc: str) -> str:
    addresses = [
        ec2.CfnSecurityGroup.IngressProperty(
            ip_protocol="tcp", from_port=rule.port, to_port=rule.port, description=rule.why,
            cidr_ip=stack.asked.administrator if rule.source == firewall.ADMINISTRATOR else rule.source,
        )
        for rule in table
        if rule.group == name and rule.source not in firewall.GROUPS
    ]  # fmt: skip
    return ec2.CfnSecurityGroup(
        stack, f"{name}SecurityGroup", vpc_id=vpc, group_description=_DESCRIPTIONS[name],
        security_group_ingress=addresses or None, security_group_egress=[_NOTHING if name in _SILENT else _ALL],
        tags=[CfnTag(key="Name", value=f"ANB-{name}-SG")],
    ).attr_group_id  # fmt: skip
