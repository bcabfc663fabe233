"""By what the groups grow and shrink."""

from aws_cdk import Stack
from aws_cdk import aws_autoscaling as autoscaling

from infra.stacks.measures import HOSTS, OLDEST, PENDING, Metric

_CPU = 60.0
_MEMORY = 75.0
_WAITING_PER_WORKER = 4.0
"""Two are in process beside them: a video waits for some two minutes at most."""

_OLDEST_S = 120.0

_Policy = autoscaling.CfnScalingPolicy
_Tracking = _Policy.TargetTrackingConfigurationProperty
_Query = _Policy.TargetTrackingMetricDataQueryProperty


def follow_cpu_and_memory(stack: Stack, group: str) -> None:
    """The group grows as soon as one of the two asks for it, and shrinks only when both agree."""
    cpu = _Policy.PredefinedMetricSpecificationProperty(predefined_metric_type="ASGAverageCPUUtilization")
    memory = _Policy.CustomizedMetricSpecificationProperty(
        namespace=HOSTS, metric_name="mem_used_percent", statistic="Average",
        dimensions=[_Policy.MetricDimensionProperty(name="AutoScalingGroupName", value=group)],
    )  # fmt: skip
    _track(stack, "WebCpu", group, _Tracking(target_value=_CPU, predefined_metric_specification=cpu))
    _track(stack, "WebMemory", group, _Tracking(target_value=_MEMORY, customized_metric_specification=memory))


def follow_queue(stack: Stack, group: str) -> None:
    """Depth: so many videos wait for each worker. Age: none should wait for two minutes."""
    workers = Metric("AWS/AutoScaling", "GroupInServiceInstances", "Average", {"AutoScalingGroupName": group})
    each = _Query(id="each", expression="waiting / MAX([workers, 1])", return_data=True)
    depth = [_query("waiting", PENDING), _query("workers", workers), each]
    for name, target, queries in (
        ("WorkerQueueDepth", _WAITING_PER_WORKER, depth),
        ("WorkerQueueAge", _OLDEST_S, [_query("age", OLDEST, returned=True)]),
    ):
        what = _Policy.CustomizedMetricSpecificationProperty(metrics=queries)
        _track(stack, name, group, _Tracking(target_value=target, customized_metric_specification=what))


def _query(name: str, what: Metric, *, returned: bool = False) -> _Query:
    dimensions = [_Policy.MetricDimensionProperty(name=key, value=value) for key, value in what.dimensions.items()]
    asked = _Policy.MetricProperty(namespace=what.namespace, metric_name=what.name, dimensions=dimensions)
    stat = _Policy.TargetTrackingMetricStatProperty(stat=what.statistic, metric=asked)
    return _Query(id=name, return_data=returned, metric_stat=stat)


def _track(stack: Stack, name: str, group: str, how: _Tracking) -> None:
    autoscaling.CfnScalingPolicy(
        stack, name, auto_scaling_group_name=group, policy_type="TargetTrackingScaling",
        target_tracking_configuration=how,
    )  # fmt: skip
