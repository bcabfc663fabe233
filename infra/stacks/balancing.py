"""What the public reaches first: the load balancer."""

from dataclasses import dataclass
from typing import cast

from aws_cdk import CfnResource, Fn, Stack
from aws_cdk import aws_elasticloadbalancingv2 as balancing
from aws_cdk import aws_s3 as s3

from infra.stacks.network import Network
from infra.stacks.phase import PhaseStack

TLS = "ELBSecurityPolicy-TLS13-1-2-2021-06"
_MEDIA = "/media/processed/*"

_POD_LEAVES_S = 15 + 120
"""A pod of deployment/kubernetes/base/web.yaml is taken out for its preStop, then ends what it has begun."""

_Action = balancing.CfnListener.ActionProperty
_Attribute = balancing.CfnLoadBalancer.LoadBalancerAttributeProperty
_GroupAttribute = balancing.CfnTargetGroup.TargetGroupAttributeProperty


@dataclass(frozen=True)
class Balancer:
    arn: str
    dns: str
    zone: str
    target_group: str


def add_balancer(stack: PhaseStack, network: Network, group: str, logs: s3.CfnBucketPolicy) -> Balancer:
    """In two zones; it logs where `logs` lets it. Sticky for later WebSockets, as the document asks."""
    balancer = balancing.CfnLoadBalancer(
        stack, "LoadBalancer", type="application", scheme="internet-facing", subnets=list(network.public),
        security_groups=[group],
        load_balancer_attributes=[
            _Attribute(key="access_logs.s3.enabled", value="true"),
            _Attribute(key="access_logs.s3.bucket", value=logs.bucket),
            _Attribute(key="access_logs.s3.prefix", value="balancer"),
            _Attribute(key="routing.http.drop_invalid_header_fields.enabled", value="true"),
            _Attribute(key="idle_timeout.timeout_seconds", value="75"),  # less than servers do
        ],
    )  # fmt: skip
    balancer.add_resource_dependency(logs)
    return Balancer(
        balancer.ref, balancer.attr_dns_name, balancer.attr_canonical_hosted_zone_id, _target_group(stack, network).ref
    )


def _target_group(stack: PhaseStack, network: Network) -> balancing.CfnTargetGroup:
    """Health is /health: while the database is away every host still refuses in words, and none is torn down for it."""
    pods = bool(stack.profile.kubernetes)
    port = 8000 if pods else 8080
    hosts = "WebTargets" if stack.profile.web_hosts else "GroupTargets"  # another: see send_the_public_to
    return balancing.CfnTargetGroup(
        stack, "PodTargets" if pods else hosts, vpc_id=network.vpc, protocol="HTTP", port=port,
        target_type="ip" if pods else "instance",
        targets=[balancing.CfnTargetGroup.TargetDescriptionProperty(id=Fn.ref(host.name), port=port)
                 for host in stack.profile.web_hosts] or None,
        health_check_path="/health", health_check_interval_seconds=10, health_check_timeout_seconds=5,
        healthy_threshold_count=2, unhealthy_threshold_count=3, matcher=balancing.CfnTargetGroup.MatcherProperty(
            http_code="200"),
        target_group_attributes=[
            _GroupAttribute(key="stickiness.enabled", value="true"),
            _GroupAttribute(key="stickiness.type", value="lb_cookie"),
            _GroupAttribute(key="stickiness.lb_cookie.duration_seconds", value="86400"),
            _GroupAttribute(key="deregistration_delay.timeout_seconds", value=str(_POD_LEAVES_S if pods else 60)),
        ],
    )  # fmt: skip


def listen_in_the_clear(stack: Stack, balancer: Balancer) -> None:
    """Until there is a name to have a certificate for."""
    balancing.CfnListener(
        stack, "Http", load_balancer_arn=balancer.arn, port=80, protocol="HTTP",
        default_actions=[_Action(type="forward", target_group_arn=balancer.target_group)],
    )  # fmt: skip


def listen(stack: PhaseStack, balancer: Balancer, certificate: str, media_host: str) -> None:
    """HTTPS only. Whoever asks for a result is sent to CloudFront, under the same path."""
    to_https = balancing.CfnListener.RedirectConfigProperty(protocol="HTTPS", port="443", status_code="HTTP_301")
    http = balancing.CfnListener(
        stack, "Http", load_balancer_arn=balancer.arn, port=80, protocol="HTTP",
        default_actions=[_Action(type="redirect", redirect_config=to_https)],
    )  # fmt: skip
    https = balancing.CfnListener(
        stack, "Https", load_balancer_arn=balancer.arn, port=443, protocol="HTTPS", ssl_policy=TLS,
        certificates=[balancing.CfnListener.CertificateProperty(certificate_arn=certificate)],
        default_actions=[_Action(type="forward", target_group_arn=balancer.target_group)],
    )  # fmt: skip
    http.add_resource_dependency(https)
    to_media = balancing.CfnListenerRule.RedirectConfigProperty(host=media_host, status_code="HTTP_301")
    balancing.CfnListenerRule(
        stack, "MediaFromCloudFront", listener_arn=https.ref, priority=1,
        conditions=[balancing.CfnListenerRule.RuleConditionProperty(field="path-pattern", values=[_MEDIA])],
        actions=[balancing.CfnListenerRule.ActionProperty(type="redirect", redirect_config=to_media)],
    )  # fmt: skip
    if stack.profile.kubernetes:
        _hide_metrics(stack, https)


def send_the_public_to(stack: Stack, group: str) -> None:
    """The public is sent to a group of machines when they serve; until then phase 1's hosts do, behind `Http`."""
    https, machines = (cast("CfnResource", stack.node.find_child(name)) for name in ("Https", group))
    https.add_resource_dependency(machines)


def _hide_metrics(stack: Stack, https: balancing.CfnListener) -> None:
    """On hosts nginx does it; in a pod the application answers itself."""
    nothing = balancing.CfnListenerRule.FixedResponseConfigProperty(status_code="404")
    balancing.CfnListenerRule(
        stack, "MetricsAreInside", listener_arn=https.ref, priority=2,
        conditions=[balancing.CfnListenerRule.RuleConditionProperty(field="path-pattern", values=["/metrics"])],
        actions=[balancing.CfnListenerRule.ActionProperty(type="fixed-response", fixed_response_config=nothing)],
    )  # fmt: skip
