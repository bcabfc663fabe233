"""The VPC, its subnets and their ways out."""

from dataclasses import dataclass
from typing import cast

from aws_cdk import CfnResource, CfnTag, Stack
from aws_cdk import aws_ec2 as ec2

from infra.stacks.phase import PhaseStack


@dataclass(frozen=True)
class Network:
    vpc: str
    public: tuple[str, ...]
    private: tuple[str, ...]
    """Of the hosts, from phase 2; before, they are in the public ones."""


def add_network(stack: PhaseStack, prefix: str = "10.0") -> Network:
    """`prefix` is the first half of its addresses: networks of two regions must not overlap."""
    vpc = ec2.CfnVPC(
        stack, "Network", cidr_block=f"{prefix}.0.0/16", enable_dns_support=True, enable_dns_hostnames=True,
        tags=[_name("ANB-VPC")],
    ).ref  # fmt: skip
    gateway = ec2.CfnInternetGateway(stack, "InternetGateway", tags=[_name("ANB-IGW")]).ref
    attached = ec2.CfnVPCGatewayAttachment(stack, "InternetAccess", vpc_id=vpc, internet_gateway_id=gateway)
    table = _routes(stack, "PublicRoutes", vpc)
    out = ec2.CfnRoute(
        stack, "PublicWayOut", route_table_id=table, destination_cidr_block="0.0.0.0/0", gateway_id=gateway
    )
    out.add_resource_dependency(attached)
    public = tuple(_subnet(stack, f"PublicSubnet{n}", vpc, f"{prefix}.{n}.0/24", table) for n in (1, 2))
    if not stack.profile.phase.private:
        return Network(vpc, public, ())
    return Network(vpc, public, _private(stack, vpc, prefix, public))


def _private(stack: PhaseStack, vpc: str, prefix: str, public: tuple[str, ...]) -> tuple[str, ...]:
    nats = [_nat(stack, f"Nat{n}", subnet) for n, subnet in enumerate(public[: stack.profile.nat_gateways], 1)]
    subnets, tables = [], []
    for n in (1, 2):
        table = _routes(stack, f"PrivateRoutes{n}", vpc)
        nat = nats[min(n, len(nats)) - 1]
        ec2.CfnRoute(
            stack, f"PrivateWayOut{n}", route_table_id=table, destination_cidr_block="0.0.0.0/0", nat_gateway_id=nat
        )
        subnets.append(_subnet(stack, f"PrivateSubnet{n}", vpc, f"{prefix}.1{n}.0/24", table))
        tables.append(table)
    ec2.CfnVPCEndpoint(  # videos go to S3 without paying the NAT for each byte
        stack, "WayToS3", vpc_id=vpc, service_name=f"com.amazonaws.{stack.region}.s3", route_table_ids=tables
    )
    return tuple(subnets)


def _subnet(stack: Stack, name: str, vpc: str, cidr: str, table: str) -> str:
    """PublicSubnet1 is in zone a, PrivateSubnet2 in zone b."""
    kind, n = name.removesuffix(name[-1]).removesuffix("Subnet"), int(name[-1])
    subnet = ec2.CfnSubnet(
        stack, name, vpc_id=vpc, cidr_block=cidr, availability_zone=stack.region + "-ab"[n],
        map_public_ip_on_launch=kind == "Public", tags=[_name(f"ANB-{kind}-Subnet-{n}")],
    ).ref  # fmt: skip
    ec2.CfnSubnetRouteTableAssociation(stack, f"{name}Routes", subnet_id=subnet, route_table_id=table)
    return subnet


def _nat(stack: Stack, name: str, subnet: str) -> str:
    address = ec2.CfnEIP(stack, f"{name}Address", domain="vpc")
    after_the_gateway(stack, address)
    return ec2.CfnNatGateway(stack, name, subnet_id=subnet, allocation_id=address.attr_allocation_id).ref


def after_the_gateway(stack: Stack, address: ec2.CfnEIP) -> None:
    """As CloudFormation's page of AWS::EC2::EIP asks: a network takes one when it has its gateway, and the gateway goes
    when it has none any more."""
    address.add_resource_dependency(cast("CfnResource", stack.node.find_child("InternetAccess")))


def _routes(stack: Stack, name: str, vpc: str) -> str:
    return ec2.CfnRouteTable(stack, name, vpc_id=vpc, tags=[_name(f"ANB-{name}")]).ref


def _name(name: str) -> CfnTag:
    return CfnTag(key="Name", value=name)
