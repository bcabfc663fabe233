"""The main region, part by part. One stack, whose parts keep their logical ids from phase to phase."""

from typing import cast

from aws_cdk import aws_s3 as s3
from constructs import Construct

from anb.planning.phases import MAIN_REGION
from infra import firewall
from infra.profiles import Profile
from infra.stacks.application import Application
from infra.stacks.backup import add_snapshots
from infra.stacks.balancing import Balancer, add_balancer, listen, listen_in_the_clear
from infra.stacks.buckets import add_policy, written_by_aws
from infra.stacks.database import add_database
from infra.stacks.edge import (
    EVERYBODY,
    add_certificate,
    add_content_network,
    add_firewall,
    add_name,
    media_host,
    readable_by,
)
from infra.stacks.hosts import Placement
from infra.stacks.kubernetes import add_cluster
from infra.stacks.logs import add_log_bucket, add_logs
from infra.stacks.media import add_bucket, add_file_server
from infra.stacks.network import add_network
from infra.stacks.peering import route_to
from infra.stacks.phase import PhaseStack
from infra.stacks.queue import add_queue, queue_of
from infra.stacks.replication import replicate, replicate_images
from infra.stacks.roles import Statement, add_host_role
from infra.stacks.secrets import add_production_secrets, add_secrets
from infra.stacks.security_groups import add_security_groups
from infra.stacks.staging import add_staging
from infra.stacks.watching import watch
from infra.stacks.web import add_web_servers
from infra.stacks.worker import add_workers


class MainRegion(PhaseStack):
    def __init__(self, scope: Construct, name: str, profile: Profile) -> None:
        super().__init__(scope, name, MAIN_REGION, profile)
        self.network = add_network(self)
        self.groups = add_security_groups(self, self.network.vpc)
        self.secrets = add_secrets(self)
        self.logs = add_logs(self, self.network.vpc)
        self.database = add_database(self, self.network, self.groups[firewall.DATABASE], self.secrets)
        self.bucket: s3.CfnBucket | None = None
        if profile.phase.cache:
            add_queue(self, self.network, self.groups[firewall.CACHE], self.secrets.redis)
        if profile.staging:
            add_staging(self, self.network, self.groups[firewall.STAGING])
        balancer = self._add_edge() if profile.bucket else None
        if not profile.kubernetes:
            self._add_hosts(balancer.target_group if balancer else "")
        if profile.kubernetes:
            self._add_cluster()
        watch(self, self.logs.get("web"), balancer)

    def _add_cluster(self) -> None:
        bucket = cast("s3.CfnBucket", self.bucket)
        rights = Application(self.profile, bucket.attr_arn).rights()
        add_cluster(self, self.network, self.groups[firewall.NODES], self.profile.nodes, rights)
        add_production_secrets(self, queue_of(self.profile))
        replicate(self, bucket)
        replicate_images(self)
        route_to(self, firewall.SECOND_NETWORK, self.asked.peering)

    def _add_edge(self) -> Balancer:
        """Buckets, balancer and what is before them."""
        logs = add_log_bucket(self)
        may_log = add_policy(self, "LogBucketPolicy", logs, *written_by_aws(self, logs))
        bucket = self.bucket = add_bucket(self, logs.ref)
        balancer = add_balancer(self, self.network, self.groups[firewall.BALANCER], may_log)
        if not self.profile.phase.private:
            listen_in_the_clear(self, balancer)
            add_policy(self, "MediaBucketPolicy", bucket)
            return balancer
        certificate = add_certificate(self)
        listen(self, balancer, certificate, media_host(self))
        distribution = add_content_network(self, bucket, logs, certificate)
        add_policy(self, "MediaBucketPolicy", bucket, readable_by(self, bucket, distribution))
        add_firewall(self, balancer)
        add_name(self, balancer, EVERYBODY)
        return balancer

    def _add_hosts(self, target_group: str) -> None:
        application = Application(self.profile, self.bucket.attr_arn if self.bucket else "")
        if self.profile.file_server:
            add_file_server(self, self._place(firewall.FILE_SERVER, secrets=[]))
            if self.profile.backup_days:
                add_snapshots(self)
        rights = application.rights()
        web = self._place(firewall.WEB, self.secrets.all, *rights)
        add_web_servers(self, application, web, target_group)
        add_workers(self, application, self._place(firewall.WORKER, self.secrets.all, *rights))

    def _place(self, kind: str, secrets: list[str], *more: Statement) -> Placement:
        """As whom, and in which subnets."""
        role = add_host_role(self, kind, secrets, *more)
        return Placement(self.network.private or self.network.public, self.groups[kind], role)
