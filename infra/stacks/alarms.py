"""CloudWatch's alarms, made from the one table of triggers (`anb.operations.triggers`): limits, durations and words are
the table's; here stands only where CloudWatch finds what a trigger looks at.
"""

from dataclasses import dataclass
from typing import cast

from aws_cdk import Fn
from aws_cdk import aws_cloudwatch as cloudwatch

from anb.operations.triggers import MACHINE_S_FAULTS, TRIGGERS, Limit, Measure, Trigger
from anb.planning.capacity import BUSIEST, CONNECTIONS
from infra.stacks.database import IDENTIFIER
from infra.stacks.measures import (
    APPLICATION,
    DATABASE_UP,
    OLDEST,
    PENDING,
    PROCESSING,
    PUBLISHED,
    REQUEST_MS,
    ROLES,
    Metric,
    application,
    host,
)
from infra.stacks.phase import PhaseStack

_DAY_S = 86400
_WEEK_S = 7 * _DAY_S
"""CloudWatch looks back no further. `anb advise` and Prometheus see the 30 days."""

_COMPARISONS = {">": "GreaterThanThreshold", "<": "LessThanThreshold", "==": "LessThanOrEqualToThreshold"}


_OUTSIDE = "the site does not answer when it is asked from outside"
"""One web server of several, or a worker, it does not see: those are the load balancer's and `WorkerSilent`'s."""


@dataclass(frozen=True)
class Question:
    """An expression over named metrics."""

    expression: str
    metrics: dict[str, Metric]
    period_s: int = 60
    silence: str = "notBreaching"
    """What no data means."""
    says: str = ""
    """Where it sees less than the trigger does."""


def add_alarms(stack: PhaseStack, topic: str, health_check: str) -> list[str]:
    """Names of all of them. Growth is asked for only beyond the phase that is there."""
    known = _questions(stack, health_check)
    for trigger in TRIGGERS:
        if trigger.name in known and (not trigger.phase or trigger.phase > stack.profile.number):
            _alarm(stack, trigger, known[trigger.name], topic)
    for phase in sorted({one.phase for one in TRIGGERS if one.phase > stack.profile.number}):
        _due(stack, phase, topic)
    _of_the_database(stack, topic)
    return [one.node.id for one in stack.node.children if isinstance(one, cloudwatch.CfnAlarm)]


def _questions(stack: PhaseStack, health_check: str) -> dict[str, Question]:
    by_measure = _growth(stack, health_check)
    found = {one.name: by_measure[one.when.measure] for one in TRIGGERS if isinstance(one.when, Limit)}
    if not stack.profile.kubernetes:  # there Prometheus watches, by its own rules of the same table
        found |= {**_trouble(stack), "DatabaseAway": Question("up", {"up": DATABASE_UP})}
    reached = Metric("AWS/Route53", "HealthCheckStatus", "Minimum", {"HealthCheckId": health_check})
    return found | {"ServerAway": Question("reached", {"reached": reached}, silence="breaching", says=_OUTSIDE)}


def _growth(stack: PhaseStack, health_check: str) -> dict[Measure, Question]:
    reached = Metric("AWS/Route53", "HealthCheckStatus", "Average", {"HealthCheckId": health_check})
    return {
        Measure.WEB_CPU: _cpu(stack),
        Measure.QUEUE: Question("waiting", {"waiting": PENDING}),
        # A sample a minute from each web server: their sum over five minutes, a minute.
        Measure.PEOPLE: Question("people / 5", {"people": application("anb_active_people", "Sum")}, 300),
        Measure.ANSWER_P95: Question("ms / 1000", {"ms": Metric(APPLICATION, REQUEST_MS, "p95")}, 300),
        Measure.DOWN_MINUTES: Question(f"(1 - up) * {_WEEK_S // 60}", {"up": reached}, _WEEK_S),
        Measure.VIDEOS_A_DAY: Question("made", {"made": PUBLISHED}, _DAY_S),
        Measure.VIDEOS_A_MONTH: Question("made * 30 / 7", {"made": PUBLISHED}, _WEEK_S),
    }


def _cpu(stack: PhaseStack) -> Question:
    if not stack.profile.web_hosts:
        group = Metric("AWS/EC2", "CPUUtilization", "Average", {"AutoScalingGroupName": "${WebGroup}"})
        return Question("MAX([web1])", {"web1": group}, 300)
    each = {
        f"web{n}": Metric("AWS/EC2", "CPUUtilization", "Average", {"InstanceId": f"${{{one.name}}}"})
        for n, one in enumerate(stack.profile.web_hosts, 1)
    }
    return Question(f"MAX([{', '.join(each)}])", each, 300)


def _trouble(stack: PhaseStack) -> dict[str, Question]:
    roles = [role for role in ROLES if role != "fileserver" or stack.profile.file_server]
    disks = {role: host("disk_used_percent", "Maximum", role) for role in roles}
    memory = {role: host("mem_available_percent", "Minimum", role) for role in roles}
    faults = {
        code: application("anb_processing_failures_total", "Sum", "anb-worker", code=code) for code in MACHINE_S_FAULTS
    }
    answers = {f"s{n}": application("anb_http_requests_total", "Sum", **{"class": f"{n}xx"}) for n in range(1, 6)}
    filled = [f"FILL({one}, 0)" for one in answers]
    pools = {
        f"{what}_{job}": application(f"anb_database_{name}", "Sum", f"anb-{job}")
        for job in ("web", "worker")
        for what, name in (("lent", "connections_in_use"), ("all", "pool_size"))
    }
    beat = application("anb_worker_heartbeat_timestamp_seconds", "Maximum", "anb-worker")
    return {
        "NobodyProcesses": Question("IF(processing == 0, oldest, 0)", {"processing": PROCESSING, "oldest": OLDEST}),
        "WorkerSilent": Question("EPOCH(beat) - beat", {"beat": beat}, silence="breaching"),
        "MachineFailsVideos": Question(" + ".join(f"FILL({one}, 0)" for one in faults), faults, 900),
        "ServerErrors": Question(f"{filled[-1]} / ({' + '.join(filled)})", answers),
        "PoolExhausted": Question("MAX([lent_web / all_web, lent_worker / all_worker])", pools),
        "DiskFilling": Question(f"1 - MAX([{', '.join(disks)}]) / 100", disks),
        "MemoryShort": Question(f"MIN([{', '.join(memory)}]) / 100", memory),
    }


def _limit_of(trigger: Trigger) -> tuple[str, float]:
    if isinstance(trigger.when, Limit):
        return ">", trigger.when.above
    if trigger.when is None:
        raise ValueError(f"people decide {trigger.name}")
    return trigger.when.comparison, trigger.when.number


def _alarm(stack: PhaseStack, trigger: Trigger, question: Question, topic: str) -> None:
    comparison, number = _limit_of(trigger)
    cloudwatch.CfnAlarm(
        stack, trigger.name, alarm_name=f"anb-{trigger.name}",
        alarm_description=f"{question.says or trigger.text}. {trigger.advice}",
        metrics=_queries(question), comparison_operator=_COMPARISONS[comparison], threshold=number,
        evaluation_periods=max(1, trigger.lasting_minutes * 60 // question.period_s),
        treat_missing_data=question.silence, alarm_actions=[topic], ok_actions=[topic],
    )  # fmt: skip


def _queries(question: Question) -> list[cloudwatch.CfnAlarm.MetricDataQueryProperty]:
    asked = [
        cloudwatch.CfnAlarm.MetricDataQueryProperty(
            id=name, return_data=False,
            metric_stat=cloudwatch.CfnAlarm.MetricStatProperty(
                period=question.period_s, stat=one.statistic,
                metric=cloudwatch.CfnAlarm.MetricProperty(
                    namespace=one.namespace, metric_name=one.name,
                    dimensions=[_dimension(*pair) for pair in one.dimensions.items()]),
            ),
        )
        for name, one in question.metrics.items()
    ]  # fmt: skip
    answer = cloudwatch.CfnAlarm.MetricDataQueryProperty(id="answer", expression=question.expression, return_data=True)
    return [*asked, answer]


def _dimension(name: str, value: str) -> cloudwatch.CfnAlarm.DimensionProperty:
    return cloudwatch.CfnAlarm.DimensionProperty(
        name=name, value=Fn.ref(value[2:-1]) if value.startswith("${") and value[2:-1].isalnum() else value
    )


def _due(stack: PhaseStack, phase: int, topic: str) -> None:
    """One that says the phase is due, whichever of its triggers fires. What people decide is told in its text."""
    watched = [one for one in TRIGGERS if one.phase == phase and isinstance(one.when, Limit)]
    decided = [one.says for one in TRIGGERS if one.phase == phase and one not in watched]
    says = f"phase {phase} is due: " + "; or ".join(one.says for one in watched)
    composite = cloudwatch.CfnCompositeAlarm(
        stack, f"Phase{phase}IsDue", alarm_name=f"anb-phase-{phase}-is-due", alarm_actions=[topic],
        alarm_description=says + (f". Decided by people: {'; '.join(decided)}" if decided else ""),
        alarm_rule=" OR ".join(f'ALARM("anb-{one.name}")' for one in watched),
    )  # fmt: skip
    for one in watched:
        composite.add_resource_dependency(cast("cloudwatch.CfnAlarm", stack.node.find_child(one.name)))


def _of_the_database(stack: PhaseStack, topic: str) -> None:
    """What RDS alone can tell."""
    most = CONNECTIONS[stack.profile.phase.database] * BUSIEST
    tenth = stack.profile.phase.database_gib * 1024**3 / 10
    for name, metric, comparison, limit, says in (
        ("DatabaseConnections", "DatabaseConnections", ">", most, "nearly all connections of the database are taken"),
        ("DatabaseStorage", "FreeStorageSpace", "<", tenth, "less than a tenth of the database's disk is free"),
        ("DatabaseCpu", "CPUUtilization", ">", 80, "the database's CPU has been above 80 % for a quarter of an hour"),
    ):
        cloudwatch.CfnAlarm(
            stack, name, alarm_name=f"anb-{name}", namespace="AWS/RDS",
            alarm_description=f"{says}. Runbook: docs/howto/database-trouble.md", metric_name=metric,
            dimensions=[_dimension("DBInstanceIdentifier", IDENTIFIER)], statistic="Average", period=300,
            evaluation_periods=3, comparison_operator=_COMPARISONS[comparison], threshold=limit,
            treat_missing_data="missing", alarm_actions=[topic], ok_actions=[topic],
        )  # fmt: skip
