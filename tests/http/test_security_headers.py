import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from tests.cast import Cast
from tests.server import serving, talk

from anb.api import create_app
from anb.http.security_headers import missing
from anb.settings import Settings

STRICT = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def test_what_an_answer_says_of_itself_stays() -> None:
    own = [(b"content-security-policy", b"default-src 'self'"), (b"content-type", b"text/html")]
    names = [name for name, _ in missing(own, https=False)]
    assert names == [b"x-content-type-options", b"referrer-policy"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/health"),
        ("GET", "/nowhere"),
        ("PUT", "/health"),
        ("POST", "/api/auth/signup"),
        ("GET", "/api/videos"),
        ("GET", "/api/public/rankings"),
        ("GET", "/openapi.json"),
        ("GET", "/metrics"),
    ],
)
def test_every_answer_tells_browsers_to_trust_nothing(client: TestClient, method: str, path: str) -> None:
    headers = client.request(method, path).headers
    assert headers["content-security-policy"] == STRICT
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers
    assert "strict-transport-security" not in headers


@pytest.fixture
def behind_tls(settings: Settings) -> Iterator[TestClient]:
    fields = {"trusted_proxies": "198.51.100.2"}
    with TestClient(create_app(settings.model_copy(update=fields)), client=("198.51.100.2", 1)) as client:
        yield client


def test_browsers_stay_with_tls_only_where_a_named_proxy_says_there_is_some(
    behind_tls: TestClient, client: TestClient
) -> None:
    secure = {"X-Forwarded-Proto": "https"}
    assert behind_tls.get("/health", headers=secure).headers["strict-transport-security"] == "max-age=31536000"
    assert "strict-transport-security" not in behind_tls.get("/health").headers
    assert "strict-transport-security" not in client.get("/health", headers=secure).headers


def test_other_origins_are_not_let_in(cast: Cast) -> None:
    asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    answer = cast.client.options("/api/auth/login", headers=asked)
    assert (answer.status_code, answer.headers.get("access-control-allow-origin")) == (405, None)


def test_the_server_does_not_say_what_it_is_made_of(app: FastAPI) -> None:
    with serving(app) as port:
        head = talk(port, b"GET /health HTTP/1.1\r\nHost: anb\r\n\r\n").partition(b"\r\n\r\n")[0].lower()
    assert b"server:" not in head
    assert b"x-powered-by" not in head


def test_the_docs_need_no_other_server(client: TestClient) -> None:
    page = client.get("/docs")
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert not re.findall(r"https?:", page.text + policy)
    assert not re.findall(r"<script>|<style", page.text)  # nothing that the policy would forbid
    needed = re.findall(r'(?:src|href)="(/docs/[^"]+)"', page.text)
    assert len(needed) == 4
    for path in needed:
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert answer.content
    assert client.get("/docs/page.html").status_code == 404
    assert client.get("/docs/..%2Fpage.html").status_code == 404


def test_the_docs_are_packed_for_whom_takes_it(client: TestClient) -> None:
    plain = client.get("/docs/swagger-ui-bundle.js", headers={"Accept-Encoding": "identity"})
    packed = client.get("/docs/swagger-ui-bundle.js", headers={"Accept-Encoding": "br, gzip"})
    assert "content-encoding" not in plain.headers
    assert int(packed.headers["content-length"]) * 2 < len(plain.content)
    assert packed.content == plain.content
    assert packed.headers["content-type"] == plain.headers["content-type"]
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "path",
    [
        "/", "/docs", "/docs/page.css", "/health", "/ready", "/metrics",
        "/api/public/videos", "/api/public/videos/{}", "/api/public/rankings?page_size=1",
    ],
)  # fmt: skip
def test_watchers_may_ask_for_the_head_alone(client: TestClient, cast: Cast, path: str) -> None:
    path = path.format(cast.video(cast.ana))
    answer = client.head(path)
    assert (answer.status_code, answer.content) == (200, b"")
    whole = client.get(path)
    told = ("content-type", "etag", "x-total-count", "link", "cache-control")
    assert [answer.headers.get(name) for name in told] == [whole.headers.get(name) for name in told]


def test_the_head_of_what_is_not_there_is_404_as_well(client: TestClient) -> None:
    assert client.head("/api/public/videos/0198c0de-0000-7000-8000-000000000001").status_code == 404
