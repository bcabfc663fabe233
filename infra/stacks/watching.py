"""Who is told, and what is looked at: topic, health check, request times from the log, dashboard, the bill."""

from math import ceil
from typing import Any

from aws_cdk import Fn
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_sns as sns

from anb.operations.triggers import OF_THE_CLIENT
from infra.stacks.alarms import add_alarms
from infra.stacks.balancing import Balancer
from infra.stacks.measures import APPLICATION, OLDEST, PENDING, PUBLISHED, REQUEST_MS, Metric, application
from infra.stacks.phase import PhaseStack
from infra.stacks.roles import policy
from infra.stacks.web import ADDRESS

_REQUESTS = " && ".join(('{ ($.event = "request")', *(f'($.path != "{route}")' for route in OF_THE_CLIENT))) + " }"
"""Without those whose time is that of the client's link."""


def watch(stack: PhaseStack, web_log: logs.CfnLogGroup | None, balancer: Balancer | None) -> None:
    topic = _topic(stack)
    if web_log:
        _time_requests(stack, web_log)
    _dashboard(stack, add_alarms(stack, topic, _health_check(stack, balancer)))
    _budget(stack)


def _time_requests(stack: PhaseStack, web_log: logs.CfnLogGroup) -> None:
    logs.CfnMetricFilter(
        stack, "RequestTimes", log_group_name=web_log.ref, filter_pattern=_REQUESTS,
        metric_transformations=[logs.CfnMetricFilter.MetricTransformationProperty(
            metric_namespace=APPLICATION, metric_name=REQUEST_MS, metric_value="$.ms", unit="Milliseconds")],
    )  # fmt: skip


def _topic(stack: PhaseStack) -> str:
    """Alarms may publish, over TLS only; one address reads."""
    topic = sns.CfnTopic(
        stack, "Alarms", display_name="ANB",
        subscription=[sns.CfnTopic.SubscriptionProperty(protocol="email", endpoint=stack.asked.alarms_to)],
    ).ref  # fmt: skip
    alarms: dict[str, Any] = {
        "Effect": "Allow", "Principal": {"Service": "cloudwatch.amazonaws.com"}, "Action": "sns:Publish",
        "Resource": topic, "Condition": {"StringEquals": {"aws:SourceAccount": stack.account}},
    }  # fmt: skip
    in_the_clear: dict[str, Any] = {
        "Effect": "Deny", "Principal": "*", "Action": "sns:Publish", "Resource": topic,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }  # fmt: skip
    sns.CfnTopicPolicy(stack, "AlarmsPolicy", topics=[topic], policy_document=policy(alarms, in_the_clear))
    return topic


def _health_check(stack: PhaseStack, balancer: Balancer | None) -> str:
    """From outside, every 30 s: the only measure of what people find."""
    config = route53.CfnHealthCheck.HealthCheckConfigProperty
    every: dict[str, Any] = {"resource_path": "/health", "request_interval": 30, "failure_threshold": 3}
    if stack.profile.phase.private:
        how = config(type="HTTPS", fully_qualified_domain_name=stack.asked.domain, port=443, enable_sni=True, **every)
    elif balancer:
        how = config(type="HTTP", fully_qualified_domain_name=balancer.dns, port=80, **every)
    else:
        how = config(type="HTTP", ip_address=Fn.ref(ADDRESS), port=8080, **every)
    return route53.CfnHealthCheck(stack, "Reached", health_check_config=how).ref


def _budget(stack: PhaseStack) -> None:
    """A mail when the month will cost more than `anb plan` says for what the document has the phase carry. Of the whole
    account: of one tag AWS counts nothing until somebody has activated that in the console."""
    limit = budgets.CfnBudget.SpendProperty(amount=ceil(stack.profile.claimed.usd), unit="USD")
    subscriber = budgets.CfnBudget.SubscriberProperty(subscription_type="EMAIL", address=stack.asked.alarms_to)
    notification = budgets.CfnBudget.NotificationProperty(
        notification_type="FORECASTED", comparison_operator="GREATER_THAN", threshold=100
    )
    budgets.CfnBudget(
        stack, "Budget",
        budget=budgets.CfnBudget.BudgetDataProperty(budget_type="COST", time_unit="MONTHLY", budget_limit=limit),
        notifications_with_subscribers=[budgets.CfnBudget.NotificationWithSubscribersProperty(
            notification=notification, subscribers=[subscriber])],
    )  # fmt: skip


def _dashboard(stack: PhaseStack, alarms: list[str]) -> None:
    arn = f"arn:aws:cloudwatch:{stack.region}:{stack.account}:alarm:anb-"
    graphs = {
        "Requests by status": [
            application("anb_http_requests_total", "Sum", **{"class": f"{n}xx"}) for n in range(2, 6)
        ],
        "Answers, ms, p95": [Metric(APPLICATION, REQUEST_MS, "p95")],
        "Videos that wait": [PENDING],
        "The oldest waits, s": [OLDEST],
        "Videos made": [PUBLISHED],
        "People at once": [application("anb_active_people", "Sum")],
        "Connections of the database": [
            Metric("AWS/RDS", "DatabaseConnections", "Average", {"DBInstanceIdentifier": "anb"})
        ],
    }
    widgets: list[dict[str, Any]] = [
        {"type": "alarm", "width": 24, "height": 6, "properties": {
            "title": "Alarms", "alarms": [arn + name for name in alarms]}},
        *({"type": "metric", "width": 8, "height": 6, "properties": {
            "title": title, "region": stack.region, "period": 60,
            "metrics": [_line(one) for one in metrics]}} for title, metrics in graphs.items()),
    ]  # fmt: skip
    cloudwatch.CfnDashboard(
        stack, "Dashboard", dashboard_name="anb", dashboard_body=stack.to_json_string({"widgets": widgets})
    )


def _line(metric: Metric) -> list[Any]:
    pairs = [part for pair in metric.dimensions.items() for part in pair]
    return [metric.namespace, metric.name, *pairs, {"stat": metric.statistic}]
