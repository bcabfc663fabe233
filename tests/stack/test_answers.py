"""What every answer that passes nginx has in common, whoever made it: its shape, its headers, its id."""

import json
import uuid

import httpx2
import pytest
from deployment.stack.servers import Stack

from tests.cast import problem
from tests.stack.asking import raw
from tests.waiting import until

RESULT = "0198c0de-0000-7000-8000-000000000003.1.mp4"
STRICT = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
SANDBOX = "default-src 'none'; sandbox"


@pytest.fixture
def result(stack: Stack) -> str:
    """The address of a file."""
    (stack.plan.media / "processed" / RESULT).write_bytes(b"0123456789")
    return f"/media/processed/{RESULT}"


@pytest.mark.parametrize(
    ("method", "headers", "status", "code"),
    [
        ("GET", {"Range": "bytes=50-60"}, 416, "range_not_satisfiable"),
        ("GET", {"If-Match": '"another"'}, 412, "precondition_failed"),
        ("GET", {"If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}, 412, "precondition_failed"),
        ("POST", {}, 405, "method_not_allowed"),
        ("TRACE", {}, 405, "method_not_allowed"),
    ],
)
def test_a_file_that_cannot_be_sent_as_asked_is_a_problem(
    http: httpx2.Client, result: str, method: str, headers: dict[str, str], status: int, code: str
) -> None:
    answer = http.request(method, result, headers=headers)
    assert problem(answer, status, code)["request_id"] == answer.headers["x-request-id"]
    assert "no-store" in answer.headers["cache-control"]
    assert answer.headers.get("content-range") == ("bytes */10" if status == 416 else None)
    assert answer.headers.get("allow") == ("GET, HEAD" if status == 405 else None)


@pytest.mark.parametrize("path", ["/api/public/rankings", f"/media/processed/{RESULT}"])
def test_a_connection_on_which_nginx_says_nothing_more_is_not_called_kept_alive(
    http: httpx2.Client, result: str, path: str
) -> None:
    """The next request on it, of a browser or of a proxy that holds it for many, would get no answer."""
    answer = http.get(path, headers={"If-Match": '"another"'})
    problem(answer, 412, "precondition_failed")
    assert answer.headers["connection"] == "close"
    assert http.get(result).status_code == 200


def test_what_is_nginxs_own_or_not_there_is_a_problem(http: httpx2.Client) -> None:
    problem(http.get("/stored/uploads/any.mp4"), 404, "not_found")
    problem(http.get("/media/processed/"), 404, "media_not_found")
    problem(http.post("/api/auth/login", content=bytes(1_100_000)), 413, "body_too_large")


@pytest.mark.parametrize(
    "request_line", ["GET / HTTP/9.9", "CONNECT anb:443 HTTP/1.1", "nonsense", f"GET /{'a' * 33_000} HTTP/1.1"]
)
def test_what_cannot_be_read_is_a_problem(stack: Stack, request_line: str) -> None:
    head, _, body = raw(stack, f"{request_line}\r\nHost: anb\r\nConnection: close\r\n\r\n").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400")
    assert b"Content-Type: application/problem+json" in head
    assert json.loads(body)["code"] == "malformed_request"


@pytest.mark.parametrize("path", ["/api/auth/login", "/api/videos/upload", "/stored/any"])
def test_what_can_neither_be_read_nor_is_allowed_is_a_problem(stack: Stack, result: str, path: str) -> None:
    """Beyond the address's limit; all in one go over one connection, so that it stays so."""
    many = f"HEAD {result} HTTP/1.1\r\nHost: anb\r\n\r\n" * 900
    head = f"POST {path} HTTP/1.1\r\nHost: anb\r\nTransfer-Encoding: chunked\r\nConnection: close"
    *_, before, last = raw(stack, f"{many}{head}\r\n\r\nno chunk\r\n", "127.0.0.9").split(b"HTTP/1.1 ")
    told, _, body = last.partition(b"\r\n\r\n")
    assert (before[:3], b"Content-Type: application/problem+json" in told) == (b"429", True)
    assert json.loads(body)["code"] in {"malformed_request", "too_many_requests"}


@pytest.mark.parametrize(
    ("method", "path", "policy"),
    [
        ("GET", "/health", STRICT),
        ("GET", "/nowhere", STRICT),
        ("GET", "/api/public/rankings", STRICT),
        ("GET", "/stored/any", STRICT),
        ("TRACE", "/health", STRICT),
        ("GET", f"/media/processed/{RESULT}", SANDBOX),
        ("GET", "/docs", None),
    ],
)
@pytest.mark.usefixtures("result")
def test_every_answer_tells_browsers_to_trust_nothing_and_says_it_once(
    http: httpx2.Client, method: str, path: str, policy: str | None
) -> None:
    headers = http.request(method, path).headers
    assert headers.get_list("x-content-type-options") == ["nosniff"]
    assert headers.get_list("referrer-policy") == ["same-origin"]
    assert len(headers.get_list("x-request-id")) == 1
    policies = headers.get_list("content-security-policy")
    assert policies == [policy] if policy else "script-src 'self'" in policies[0]
    assert "strict-transport-security" not in headers


def test_a_kept_page_carries_the_id_of_whom_it_is_shown_to_and_the_logs_know_it(
    stack: Stack, http: httpx2.Client
) -> None:
    page = f"/api/public/rankings?city={uuid.uuid4().hex}"
    first, second = uuid.uuid4().hex, uuid.uuid4().hex
    for request_id, kept in ((first, "MISS"), (second, "HIT")):
        headers = http.get(page, headers={"X-Request-ID": request_id}).headers
        assert (headers["x-cache"], headers.get_list("x-request-id")) == (kept, [request_id])
    by_nginx, by_application = stack.plan.logs / "nginx.log", stack.plan.logs / "web.log"
    lines = [f'"request_id":"{asked}"' for asked in (first, second)]
    until(lambda: all(line in by_nginx.read_text() for line in lines))  # which are written after the answer
    until(lambda: first in by_application.read_text())
    assert second not in by_application.read_text()


def test_a_public_page_is_kept_once_for_all_languages_and_its_refusals_speak_the_one_preferred(
    http: httpx2.Client,
) -> None:
    page = f"/api/public/rankings?city={uuid.uuid4().hex}"
    assert http.get(page, headers={"Accept-Language": "es"}).headers["x-cache"] == "MISS"
    assert http.get(page, headers={"Accept-Language": "en"}).headers["x-cache"] == "HIT"
    for asked, spoken in (("es;q=0.5, en", "en"), ("en;q=0.5, es", "es"), ("fr, en;q=0.9, es;q=0.8", "en")):
        refused = http.get("/api/public/rankings?page=0", headers={"Accept-Language": asked})
        assert (refused.status_code, refused.headers["content-language"]) == (422, spoken)


def test_what_can_be_smaller_is_compressed(http: httpx2.Client) -> None:
    answer = http.get("/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert "content-encoding" not in http.get("/openapi.json", headers={"Accept-Encoding": "identity"}).headers
