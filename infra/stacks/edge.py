"""From phase 2: names, certificates, CloudFront before the bucket, a firewall before the load balancer."""

from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_wafv2 as waf

from anb.planning.phases import SECOND_REGION
from infra.stacks.balancing import Balancer
from infra.stacks.buckets import may
from infra.stacks.media import PREFIX, bucket_name
from infra.stacks.phase import PhaseStack
from infra.stacks.roles import Statement

_CLOUDFRONT_ZONE = "Z2FDTNDATAQYW2"  # the same for every distribution, as AWS documents
_CACHED_BY_ADDRESS = "658327ea-f89d-4fab-a63d-7e88639e58f6"  # AWS' policy CachingOptimized

_PER_ADDRESS = 30_000
"""Requests in five minutes: nginx' 100 a second, which a whole school behind one address may reach."""

EVERYBODY = route53.CfnRecordSet.GeoLocationProperty(country_code="*")
SOUTH_AMERICA = route53.CfnRecordSet.GeoLocationProperty(continent_code="SA")
"""By geography from phase 2 on: a name cannot have a plain record and one by geography at the same time."""

_ELSEWHERE = [403, 404, 500, 502, 503, 504]
"""Answers of the main region's bucket after which the second region's is asked; and when it gives none. 403 is what S3
says of a key that is not there to whoever may not list."""

_Distribution = cloudfront.CfnDistribution
_Rule = waf.CfnWebACL.RuleProperty
_Statement = waf.CfnWebACL.StatementProperty

_UPLOADS = ("/api/videos/upload", "/api/uploads")
"""Paths whose bodies are videos, whole or in pieces."""


def media_host(stack: PhaseStack) -> str:
    return f"media.{stack.asked.domain}"


def add_certificate(stack: PhaseStack) -> str:
    """Renewed by AWS as long as its record is in the zone."""
    domain, media = stack.asked.domain, media_host(stack)
    proofs = [
        acm.CfnCertificate.DomainValidationOptionProperty(domain_name=name, hosted_zone_id=stack.asked.zone)
        for name in (domain, media)
    ]
    return acm.CfnCertificate(
        stack, "Certificate", domain_name=domain, subject_alternative_names=[media], validation_method="DNS",
        domain_validation_options=proofs,
    ).ref  # fmt: skip


def add_content_network(stack: PhaseStack, bucket: s3.CfnBucket, logs: s3.CfnBucket, certificate: str) -> str:
    """Its id. Results are public, under the application's own path; originals go by signed links of S3 alone."""
    access = cloudfront.CfnOriginAccessControl(
        stack, "MediaAccess",
        origin_access_control_config=cloudfront.CfnOriginAccessControl.OriginAccessControlConfigProperty(
            name="anb-media", origin_access_control_origin_type="s3", signing_behavior="always",
            signing_protocol="sigv4",
        ),
    )  # fmt: skip
    origins = [_origin("media", bucket.attr_regional_domain_name, access)]
    if stack.profile.phase.second_region:
        copy = f"{bucket_name(stack, SECOND_REGION)}.s3.{SECOND_REGION}.{stack.url_suffix}"
        origins.append(_origin("media-copy", copy, access))
    behavior = _Distribution.DefaultCacheBehaviorProperty(
        target_origin_id="media" if len(origins) == 1 else "either", viewer_protocol_policy="redirect-to-https",
        cache_policy_id=_CACHED_BY_ADDRESS, response_headers_policy_id=_headers(stack),
        allowed_methods=["GET", "HEAD"], compress=False,
    )  # fmt: skip
    host = media_host(stack)
    distribution = _Distribution(
        stack, "MediaNetwork",
        distribution_config=_Distribution.DistributionConfigProperty(
            enabled=True, comment="ANB media", http_version="http2and3", ipv6_enabled=True, aliases=[host],
            origins=origins, origin_groups=_one_after_the_other(origins) if len(origins) > 1 else None,
            default_cache_behavior=behavior,
            viewer_certificate=_Distribution.ViewerCertificateProperty(
                acm_certificate_arn=certificate, ssl_support_method="sni-only",
                minimum_protocol_version="TLSv1.2_2021"),
            logging=_Distribution.LoggingProperty(bucket=logs.attr_regional_domain_name, prefix="cloudfront/"),
        ),
    )  # fmt: skip
    _alias(stack, "MediaName", host, distribution.attr_domain_name, _CLOUDFRONT_ZONE)
    return distribution.ref


def _origin(
    name: str, domain: str, access: cloudfront.CfnOriginAccessControl
) -> cloudfront.CfnDistribution.OriginProperty:
    """Asked twice for three seconds: by itself CloudFront waits for half a minute before it turns to another."""
    return _Distribution.OriginProperty(
        id=name, domain_name=domain, origin_access_control_id=access.attr_id, connection_attempts=2,
        connection_timeout=3, s3_origin_config=_Distribution.S3OriginConfigProperty(origin_access_identity=""),
    )  # fmt: skip


def _one_after_the_other(
    origins: list[cloudfront.CfnDistribution.OriginProperty],
) -> cloudfront.CfnDistribution.OriginGroupsProperty:
    members = [_Distribution.OriginGroupMemberProperty(origin_id=one.id) for one in origins]
    group = _Distribution.OriginGroupProperty(
        id="either", members=_Distribution.OriginGroupMembersProperty(quantity=len(members), items=members),
        failover_criteria=_Distribution.OriginGroupFailoverCriteriaProperty(
            status_codes=_Distribution.StatusCodesProperty(quantity=len(_ELSEWHERE), items=_ELSEWHERE)),
    )  # fmt: skip
    return _Distribution.OriginGroupsProperty(quantity=1, items=[group])


def readable_by(stack: Stack, bucket: s3.CfnBucket, distribution: str) -> Statement:
    """By folder: results, and nothing else, through this distribution, and nobody else."""
    source = f"arn:aws:cloudfront::{stack.account}:distribution/{distribution}"
    return _may_read(bucket, StringEquals={"AWS:SourceArn": source})


def readable_by_the_main_regions(stack: Stack, bucket: s3.CfnBucket) -> Statement:
    """The same of the copy, by any distribution of this account: which one is not known to this stack, the first made.
    By the ARN as well, for that is what AWS documents that CloudFront sends."""
    return _may_read(bucket, StringLike={"AWS:SourceArn": f"arn:aws:cloudfront::{stack.account}:distribution/*"})


def _may_read(bucket: s3.CfnBucket, **condition: Any) -> Statement:
    return may("cloudfront.amazonaws.com", ["s3:GetObject"], f"{bucket.attr_arn}/{PREFIX}/processed/*", **condition)


def _headers(stack: Stack) -> str:
    """As nginx sends them: a result never changes under its name, and is nothing that a browser should run."""
    policy = cloudfront.CfnResponseHeadersPolicy
    config = policy.ResponseHeadersPolicyConfigProperty(
        name="anb-media",
        custom_headers_config=policy.CustomHeadersConfigProperty(items=[policy.CustomHeaderProperty(
            header="Cache-Control", value="public, max-age=31536000, immutable", override=True)]),
        security_headers_config=policy.SecurityHeadersConfigProperty(
            content_security_policy=policy.ContentSecurityPolicyProperty(
                content_security_policy="default-src 'none'; sandbox", override=True),
            content_type_options=policy.ContentTypeOptionsProperty(override=True),
            strict_transport_security=policy.StrictTransportSecurityProperty(
                access_control_max_age_sec=31536000, override=True),
        ),
    )  # fmt: skip
    return cloudfront.CfnResponseHeadersPolicy(stack, "MediaHeaders", response_headers_policy_config=config).attr_id


def add_name(stack: PhaseStack, balancer: Balancer, who: route53.CfnRecordSet.GeoLocationProperty) -> None:
    """The site's own, for `who`. Where a region's servers are all ill, the record for everybody answers."""
    _alias(stack, "SiteName", stack.asked.domain, balancer.dns, balancer.zone, set_identifier=stack.region,
           geo_location=who)  # fmt: skip


def _alias(stack: PhaseStack, name: str, host: str, target: str, zone: str, **where: Any) -> None:
    route53.CfnRecordSet(
        stack, name, name=host, type="A", hosted_zone_id=stack.asked.zone, **where,
        alias_target=route53.CfnRecordSet.AliasTargetProperty(
            dns_name=target, hosted_zone_id=zone, evaluate_target_health=bool(where)),
    )  # fmt: skip


def add_firewall(stack: Stack, balancer: Balancer) -> None:
    """Rules that read bodies are not asked about uploads: in the bytes of a video anything may stand by chance."""
    wall = waf.CfnWebACL(
        stack, "Firewall", scope="REGIONAL", default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
        visibility_config=_seen("Firewall"),
        rules=[
            _managed(0, "AWSManagedRulesAmazonIpReputationList"),
            _managed(1, "AWSManagedRulesKnownBadInputsRuleSet", _no_upload()),
            _managed(2, "AWSManagedRulesCommonRuleSet", _no_upload()),
            _managed(3, "AWSManagedRulesSQLiRuleSet", _no_upload()),
            _Rule(
                name="TooMany", priority=4, visibility_config=_seen("TooMany"),
                action=waf.CfnWebACL.RuleActionProperty(block={}),
                statement=_Statement(
                    rate_based_statement=waf.CfnWebACL.RateBasedStatementProperty(
                        limit=_PER_ADDRESS, aggregate_key_type="IP")),
            ),
        ],
    )  # fmt: skip
    waf.CfnWebACLAssociation(stack, "FirewallBeforeBalancer", resource_arn=balancer.arn, web_acl_arn=wall.attr_arn)


def _begins_with(path: str) -> _Statement:
    """As the application reads it, or `/api/uploads/../auth` would be an upload too."""
    read = [waf.CfnWebACL.TextTransformationProperty(priority=place, type=kind)
            for place, kind in enumerate(("URL_DECODE", "NORMALIZE_PATH"))]  # fmt: skip
    match = waf.CfnWebACL.ByteMatchStatementProperty(
        field_to_match=waf.CfnWebACL.FieldToMatchProperty(uri_path={}), positional_constraint="STARTS_WITH",
        search_string=path, text_transformations=read,
    )  # fmt: skip
    return _Statement(byte_match_statement=match)


def _no_upload() -> _Statement:
    either = waf.CfnWebACL.OrStatementProperty(statements=[_begins_with(path) for path in _UPLOADS])
    return _Statement(not_statement=waf.CfnWebACL.NotStatementProperty(statement=_Statement(or_statement=either)))


def _managed(priority: int, name: str, where: _Statement | None = None) -> _Rule:
    group = waf.CfnWebACL.ManagedRuleGroupStatementProperty(vendor_name="AWS", name=name, scope_down_statement=where)
    return _Rule(
        name=name, priority=priority, visibility_config=_seen(name),
        override_action=waf.CfnWebACL.OverrideActionProperty(none={}),
        statement=_Statement(managed_rule_group_statement=group),
    )  # fmt: skip


def _seen(name: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=True
    )
