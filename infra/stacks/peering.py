"""The two regions' networks as one: the second writes into the first's database, and is deployed first."""

from aws_cdk import CfnOutput, Fn
from aws_cdk import aws_ec2 as ec2

from anb.planning.phases import MAIN_REGION
from infra.stacks.phase import PhaseStack

_TABLES = ("PublicRoutes", "PrivateRoutes1", "PrivateRoutes2")
"""The database is in the subnets of the first."""


def ask_for_peering(stack: PhaseStack, vpc: str) -> str:
    """In one account AWS accepts it by itself. Its id is a parameter of the main region's stack."""
    peering = ec2.CfnVPCPeeringConnection(
        stack, "Peering", vpc_id=vpc, peer_vpc_id=stack.asked.main_network, peer_region=MAIN_REGION
    ).ref
    CfnOutput(stack, "PeeringId", value=peering, description="Parameter Peering of the main region's stack")
    return peering


def route_to(stack: PhaseStack, cidr: str, peering: str) -> None:
    for table in _TABLES:
        ec2.CfnRoute(
            stack, f"{table}ToPeer", route_table_id=Fn.ref(table), destination_cidr_block=cidr,
            vpc_peering_connection_id=peering,
        )  # fmt: skip
