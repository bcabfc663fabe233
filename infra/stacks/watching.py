"""Who is told."""

from typing import Any

from aws_cdk import aws_sns as sns

from infra.stacks.phase import PhaseStack
from infra.stacks.roles import policy


def add_topic(stack: PhaseStack) -> str:
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
