"""Redis of ElastiCache: the queue's bell and the rate limits. Losing it loses nothing, so it keeps no backups."""

from aws_cdk import aws_elasticache as elasticache

from infra.profiles import Profile
from infra.stacks.network import Network
from infra.stacks.phase import PhaseStack
from infra.stacks.secrets import password_of


def queue_of(profile: Profile) -> str:
    """Its logical id. Two nodes are another resource than the one before, not a change of it.

    ElastiCache refuses failover for a group that has no replica yet, and CloudFormation asks for both in one update
    (https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/383). So the pair comes first, the
    hosts of before keep theirs until they go, and it goes with them.
    """
    return "QueuePair" if profile.phase.cache_nodes > 1 else "Queue"


def add_queue(stack: PhaseStack, network: Network, group: str, secret: str) -> None:
    """TLS and password from the beginning: to add them later would replace it. No name of its own: two are there at
    once while one takes over from the other."""
    several = stack.profile.phase.cache_nodes > 1
    subnets = elasticache.CfnSubnetGroup(
        stack, "QueueSubnets", description="ANB Redis", subnet_ids=list(network.public)
    )
    elasticache.CfnReplicationGroup(
        stack, queue_of(stack.profile), replication_group_description="ANB queue and rate limits",
        engine="redis", engine_version="7.1",
        cache_node_type=stack.profile.phase.cache, num_cache_clusters=stack.profile.phase.cache_nodes, port=6379,
        automatic_failover_enabled=several, multi_az_enabled=several,
        at_rest_encryption_enabled=True, transit_encryption_enabled=True, auth_token=password_of(secret),
        cache_subnet_group_name=subnets.ref, security_group_ids=[group], auto_minor_version_upgrade=True,
        preferred_maintenance_window="tue:10:00-tue:11:00",
    )  # fmt: skip
