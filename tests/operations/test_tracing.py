"""Against a server on this machine that takes what an OTLP collector takes."""

import sys
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from anb.operations.tracing import trace
from anb.settings import SettingsError, load_settings
from tests.e2e.test_shapes import Deployment, clip, deployment, log_lines

pytestmark = pytest.mark.slow

__all__ = ["clip", "deployment"]  # the fixtures


@pytest.fixture
def collector() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Its address, and the spans that it was sent."""
    spans: list[dict[str, Any]] = []

    class Inbox(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    spans.extend(map(_plain, scope.spans))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Inbox) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", spans
        server.shutdown()
        thread.join()


def _plain(span: Any) -> dict[str, Any]:
    told = {one.key: one.value.string_value for one in span.attributes}
    return {"name": span.name, "trace": span.trace_id.hex(), "id": span.span_id, "parent": span.parent_span_id} | told


def test_a_request_and_its_job_are_one_trace(
    deployment: Deployment, clip: bytes, collector: tuple[str, list[dict[str, Any]]]
) -> None:
    address, spans = collector
    # No second ring from the sweep: the job that is seen is the request's own.
    deployment.environment |= {
        "ANB_TRACING": "1", "OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_SERVICE_NAME": "anb",
        "OTEL_BSP_SCHEDULE_DELAY": "200", "ANB_RING_AGAIN_AFTER_S": "600",
    }  # fmt: skip
    deployment.start()
    ana = deployment.sign_up("Ana")
    request_id = uuid.uuid4().hex
    video_id = deployment.upload(ana | {"X-Request-Id": request_id, "User-Agent": "Ana's phone"}, clip)
    deployment.client.get("/api/public/videos?city=bogota")
    deployment.until(lambda: deployment.video(ana, video_id)["status"] == "completed")
    assert set(deployment.stop().values()) == {0}
    ours = {span["name"]: span for span in spans if span.get("request_id") == request_id}
    request, job = ours["POST /api/videos/upload"], ours["anb.process_video"]
    assert (job["trace"], job["parent"], job["video_id"]) == (request["trace"], request["id"], video_id)
    traced = {
        line["event"]: line.get("trace_id")
        for line in log_lines(deployment.folder)
        if line.get("request_id") == request_id
    }
    assert traced["video_accepted"] == traced["video_processed"] == request["trace"]
    assert not [span for span in spans if "/ready" in span["name"]]
    told = str(spans)
    assert "GET /api/public/videos" in told
    for private in ("Ana's phone", "city=bogota", ana["Authorization"].split()[1]):
        assert private not in told
    assert {span["net.peer.ip"] for span in spans if "net.peer.ip" in span} == {""}


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.instrumentation.fastapi", None)
    with pytest.raises(SettingsError, match=r"\[otel\]"):
        trace(load_settings(tracing=True))
