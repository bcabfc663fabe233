"""The second region: it serves reads near the people from a replica, and can take over."""

from aws_cdk import CfnOutput
from constructs import Construct

from anb.planning.phases import MAIN_REGION, SECOND_REGION, SECOND_REGION_NODES
from infra import firewall
from infra.profiles import Profile
from infra.stacks.application import Application
from infra.stacks.balancing import add_balancer, listen
from infra.stacks.buckets import add_policy, written_by_aws
from infra.stacks.edge import (
    SOUTH_AMERICA,
    add_certificate,
    add_firewall,
    add_name,
    media_host,
    readable_by_the_main_regions,
)
from infra.stacks.kubernetes import add_cluster
from infra.stacks.logs import add_log_bucket, add_logs
from infra.stacks.media import add_bucket, bucket_name
from infra.stacks.network import add_network
from infra.stacks.peering import ask_for_peering, route_to
from infra.stacks.phase import PhaseStack
from infra.stacks.queue import add_queue
from infra.stacks.replication import add_replica
from infra.stacks.secrets import add_redis_secret
from infra.stacks.security_groups import add_security_groups
from infra.stacks.staging import add_staging


class SecondRegion(PhaseStack):
    def __init__(self, scope: Construct, name: str, profile: Profile) -> None:
        super().__init__(scope, name, SECOND_REGION, profile)
        network = add_network(self, "10.1")
        groups = add_security_groups(self, network.vpc)
        add_logs(self, network.vpc)
        logs = add_log_bucket(self)
        may_log = add_policy(self, "LogBucketPolicy", logs, *written_by_aws(self, logs))
        bucket = add_bucket(self, logs.ref)
        add_policy(self, "MediaBucketPolicy", bucket, readable_by_the_main_regions(self, bucket))
        replica = add_replica(self, network, groups[firewall.DATABASE])
        said = "Parameter Replica of the main region's stack"
        CfnOutput(self, "ReplicaAddress", value=replica.attr_endpoint_address, description=said)
        add_queue(self, network, groups[firewall.CACHE], add_redis_secret(self))
        add_staging(self, network, groups[firewall.STAGING])
        balancer = add_balancer(self, network, groups[firewall.BALANCER], may_log)
        listen(self, balancer, add_certificate(self), media_host(self))
        add_firewall(self, balancer)
        add_name(self, balancer, SOUTH_AMERICA)
        main_bucket = f"arn:aws:s3:::{bucket_name(self, MAIN_REGION)}"
        rights = Application(profile, main_bucket).rights() + Application(profile, bucket.attr_arn).rights()
        add_cluster(self, network, groups[firewall.NODES], SECOND_REGION_NODES, rights)
        route_to(self, "10.0.0.0/16", ask_for_peering(self, network.vpc))
