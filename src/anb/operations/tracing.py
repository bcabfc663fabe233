"""Traces by OpenTelemetry: the extra `anb[otel]`, off without ANB_TRACING. Where to is said by the standard OTEL_*
variables."""

from functools import cache
from typing import Any

import structlog
from celery import signals
from fastapi import FastAPI

from anb import __version__
from anb.settings import Settings, SettingsError

_MACHINES_ASK = "/health$,/ready$,/metrics$"
_OF_A_PERSON = (
    "http.url", "http.target", "url.full", "url.query", "net.peer.ip", "net.peer.port", "client.address",
    "client.port", "http.user_agent", "user_agent.original",
)  # fmt: skip
"""Addresses, devices, and queries, where signatures of links pass by. The span's name has the path's pattern."""


def trace(settings: Settings, app: FastAPI | None = None) -> None:
    """Spans of requests, and of the jobs that they ring for; both carry the log's `request_id` and `video_id`, and the
    log lines their `trace_id`. A job that the sweep rang for has a trace of its own, and the same ids."""
    if not settings.tracing:
        return
    try:
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor  # noqa: PLC0415 - an extra
    except ImportError:
        raise SettingsError("ANB_TRACING: needs the extra: pip install '.[otel]'") from None
    _switch_on()
    if app is not None:
        FastAPIInstrumentor.instrument_app(
            app, excluded_urls=_MACHINES_ASK, exclude_spans=["receive", "send"], server_request_hook=_forget_the_person
        )


@cache
def _switch_on() -> None:
    """Once a process. Exporting is another thread's, and begins again after a fork."""
    from opentelemetry import trace as api  # noqa: PLC0415
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(resource=Resource.create({"service.version": __version__}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    api.set_tracer_provider(provider)
    join_ids, *others = structlog.get_config()["processors"]
    structlog.configure(processors=[join_ids, _join, *others])
    signals.before_task_publish.connect(_send_along)
    signals.task_prerun.connect(_begin_job)
    signals.task_postrun.connect(_end_job)
    # A child of Celery ends without Python's own ways to the exit.
    signals.worker_process_shutdown.connect(lambda **_: provider.shutdown(), weak=False)


def _join(_logger: object, _method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """What is logged within a span names its trace, and tells it the ids."""
    from opentelemetry.trace import format_trace_id, get_current_span  # noqa: PLC0415

    span = get_current_span()
    if span.is_recording():
        line["trace_id"] = format_trace_id(span.get_span_context().trace_id)
        span.set_attributes({name: line[name] for name in ("request_id", "video_id") if name in line})
    return line


def _forget_the_person(span: Any, _scope: dict[str, Any]) -> None:
    for name in _OF_A_PERSON:
        if name in (span.attributes or {}):
            span.set_attribute(name, "")


# The package for Celery never ends the spans of tasks that are sent by name, as all of ours are from the web.


def _send_along(headers: dict[str, Any], **_: object) -> None:
    from opentelemetry.propagate import inject  # noqa: PLC0415

    inject(headers)


def _begin_job(task: Any, **_: object) -> None:
    from opentelemetry import trace as api  # noqa: PLC0415
    from opentelemetry.propagate import extract  # noqa: PLC0415

    sent = {name: value for name in ("traceparent", "tracestate") if (value := getattr(task.request, name, None))}
    tracer = api.get_tracer(__name__)
    span = tracer.start_as_current_span(task.name, context=extract(sent), kind=api.SpanKind.CONSUMER)
    span.__enter__()
    task.request.anb_span = span


def _end_job(task: Any, **_: object) -> None:
    task.request.anb_span.__exit__(None, None, None)
