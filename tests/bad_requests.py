"""Requests that no honest client sends, as bytes: what they are, and which statuses are a fit answer.

0 stands for a connection that is closed without one. Nothing here knows which server it is sent to.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any


@dataclass(frozen=True)
class Target:
    """A server, somebody who may log in there, and a video of somebody else."""

    host: str
    port: int
    token: str
    video_id: str
    original: str
    """Path and query of the caller's own original."""


@dataclass(frozen=True)
class Bad:
    name: str
    make: Callable[[Target], bytes]
    fits: frozenset[int]
    ends: bool = False
    """The client ends its side when it has sent this much."""
    until_closed: bool = False
    """A second answer may come, to what was hidden in the first request."""


def request(
    target: Target, method: str, path: str, *headers: str, body: bytes | None = None, login: bool = False
) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {target.host}", "Connection: close", *headers]
    if login:
        lines.append(f"Authorization: Bearer {target.token}")
    if body is not None and not any(line.lower().startswith(("content-length", "transfer-")) for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def bad(name: str, fits: set[int], method: str, path: str, *headers: str, **more: Any) -> Bad:
    ends = more.pop("ends", False)
    return Bad(
        name,
        lambda target: request(target, method, path.format(target=target), *headers, **more),
        frozenset(fits),
        ends,
    )


def raw(name: str, fits: set[int], text: bytes, *, ends: bool = False) -> Bad:
    return Bad(
        name, lambda target: text.replace(b"HOST", target.host.encode()), frozenset(fits), ends, until_closed=True
    )


# --- tokens ---------------------------------------------------------------------------------------------------------


def _b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _part(token: str, number: int) -> dict[str, Any]:
    text = token.split(".")[number]
    part: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return part


def _with_header(token: str, **changes: Any) -> str:
    header = {name: value for name, value in (_part(token, 0) | changes).items() if value is not ...}
    return ".".join([_b64(json.dumps(header).encode()), *token.split(".")[1:]])


def _with_claim(token: str, **changes: Any) -> str:
    head, _, signature = token.split(".")
    return ".".join([head, _b64(json.dumps(_part(token, 1) | changes).encode()), signature])


def _signed_with(token: str, key: bytes) -> str:
    signed = ".".join(token.split(".")[:2])
    return f"{signed}.{_b64(hmac.new(key, signed.encode(), hashlib.sha256).digest())}"


FORGERIES: dict[str, Callable[[str], str]] = {
    "algorithm none": lambda token: _with_header(token, alg="none").rpartition(".")[0] + ".",
    "algorithm nOnE": lambda token: _with_header(token, alg="nOnE").rpartition(".")[0] + ".",
    "algorithm HS512": lambda token: _with_header(token, alg="HS512"),
    "algorithm RS256": lambda token: _with_header(token, alg="RS256"),
    "algorithm of another type": lambda token: _with_header(token, alg=256),
    "no algorithm": lambda token: _with_header(token, alg=...),
    "key id of a file": lambda token: _signed_with(_with_header(token, kid="../../../../dev/null"), b""),
    "key id with SQL": lambda token: _with_header(token, kid="' UNION SELECT 'x"),
    "key id of another type": lambda token: _with_header(token, kid=["x"]),
    "no key id": lambda token: _with_header(token, kid=...),
    "key by URL": lambda token: _with_header(token, jku="http://127.0.0.1:1/keys", x5u="http://127.0.0.1:1/cert"),
    "key inside": lambda token: _signed_with(_with_header(token, jwk={"kty": "oct", "k": "AAAA"}), b"\0\0\0"),
    "critical extension": lambda token: _with_header(token, crit=["anb"]),
    "another player": lambda token: _with_claim(token, sub="01900000-0000-7000-8000-000000000000"),
    "for ever": lambda token: _with_claim(token, exp=99999999999),
    "audience media": lambda token: _with_claim(token, aud="media"),
    "empty key": lambda token: _signed_with(token, b""),
    "well-known key": lambda token: _signed_with(token, b"secret"),
    "no signature": lambda token: token.rpartition(".")[0],
    "empty signature": lambda token: token.rpartition(".")[0] + ".",
    "short signature": lambda token: token[:-4],
    "long signature": lambda token: token + "AAAA",
    "not base64": lambda token: "*." + token.partition(".")[2],
    "not JSON": lambda token: _b64(b"{") + "." + token.partition(".")[2],
    "header is a list": lambda token: _b64(b"[]") + "." + token.partition(".")[2],
    "deep header": lambda token: _b64(b"[" * 5000) + "." + token.partition(".")[2],
    "five parts": lambda token: token + ".a.b",
    "only dots": lambda _: "..",
    "8 kB of it": lambda _: "a" * 8000,
}


def _tokens() -> Iterator[Bad]:
    for name, forge in FORGERIES.items():
        yield Bad(
            f"token: {name}",
            lambda target, forge=forge: request(
                target, "GET", "/api/videos", f"Authorization: Bearer {forge(target.token)}"
            ),  # type: ignore[misc]
            frozenset({401}),
        )
    for name, header in {
        "no scheme": "Authorization: {0}",
        "Basic": "Authorization: Basic {0}",
        "twice": "Authorization: Bearer Bearer {0}",
        "nothing": "Authorization:",
        "only Bearer": "Authorization: Bearer",
        "cookie": "Cookie: access_token={0}",
        "Latin": "Authorization: Bearer \xf1\xff",
        "another header": "X-Authorization: Bearer {0}",
    }.items():
        yield Bad(
            f"token: {name}",
            lambda target, header=header: request(target, "GET", "/api/videos", header.format(target.token)),  # type: ignore[misc]
            frozenset({401}),
        )
    yield bad("token: in the query", {401}, "GET", "/api/videos?token={target.token}&access_token={target.token}")
    yield Bad(
        "token: of a link",
        lambda target: request(
            target, "GET", "/api/videos", f"Authorization: Bearer {target.original.partition('token=')[2]}"
        ),
        frozenset({401}),
    )


# --- places ---------------------------------------------------------------------------------------------------------

_NOT_THERE = {400, 401, 403, 404, 405}
PATHS = [
    "/media/../../../etc/passwd",
    "/media/%2e%2e/%2e%2e/etc/passwd",
    "/media/..%2f..%2f..%2fetc%2fpasswd",
    "/media/..%5c..%5cetc%5cpasswd",
    "/media/....//....//etc/passwd",
    "/media/%252e%252e%252fetc%252fpasswd",
    "/media/%c0%ae%c0%ae/etc/passwd",
    "/media//etc/passwd",
    "/media/processed/../../anb.db",
    "/media/processed/%2e%2e/uploads/{target.video_id}.mp4",
    "/media/uploads/{target.video_id}.mp4",
    "/media/uploads/{target.video_id}.mp4?token=",
    "/media/uploads/{target.video_id}.mp4?token={target.token}",
    "/media/%00",
    "/media/processed/a%00.mp4",
    "/media/" + "a" * 5000,
    "/media/" + "a/" * 2000,
    "/media/",
    "/media/.",
    "/docs/..%2f..%2fsettings.py",
    "/docs/%2e%2e/page.html",
    "/api/videos/../../../etc/passwd",
    "/api/videos/%2e%2e%2f",
    "/api/videos/%00",
    "/api/videos/1",
    "/api/videos/-1",
    "/api/videos/' OR 1=1--".replace(" ", "%20"),
    "/api/videos/{{{target.video_id}}}",
    "/api/videos/" + "9" * 4000,
    "/api/videos/%F0%9F%8F%80",
    "/api/public/videos/%ff%fe",
    "/api/public/videos/../videos/x",
    "/api/uploads/..%2f..%2fetc",
    "/api/uploads/%00",
    "/api/uploads/" + "a" * 300,
    "/nowhere%0d%0aSet-Cookie:%20a=b",
    "/%",
    "/%zz",
    "//evil.example/%2f..",
    "/.git/config",
    "/.env",
]


def _paths() -> Iterator[Bad]:
    for path in PATHS:
        yield bad(f"path: {path[:60]}", _NOT_THERE, "GET", path, login=True)


QUERIES = [
    "page=-1",
    "page=0",
    "page=1e99",
    "page=" + "9" * 400,
    "page_size=101",
    "page_size=999999999999999999999",
    "page=%00",
    "page=1&page=x",
    "order_by=votes;drop%20table%20videos",
    "order_by=password_hash",
    "order=up",
    "page=NaN",
]
HARMLESS = [
    "page[]=1",
    "city=%00",
    "city=%ff%fe",
    "city=" + "x" * 7000,
    "city=%27%20OR%201=1--",
    "&".join(f"a{n}=b" for n in range(800)),
    "%zz",
    "city=%F0%9F%8F%80",
    "=&=&=",
    "city=%25%5f",
    "q=" + "%41" * 2000,
]


def _queries() -> Iterator[Bad]:
    for query in QUERIES:
        yield bad(f"query: {query[:60]}", {422}, "GET", f"/api/public/videos?{query}")
    for query in HARMLESS:
        yield bad(f"query: {query[:60]}", {200, 422, 400}, "GET", f"/api/public/rankings?{query}")


# --- bodies ---------------------------------------------------------------------------------------------------------

_LOGIN = b'{"email": "a@example.com", "password": "x"}'
JSON = "Content-Type: application/json"
BODIES: list[tuple[str, set[int], str, bytes]] = [
    ("no type", {400, 422}, "X-Nothing: 1", _LOGIN),
    ("plain text", {400, 422}, "Content-Type: text/plain", _LOGIN),
    ("a form", {400, 422}, "Content-Type: application/x-www-form-urlencoded", b"email=a@example.com&password=x"),
    (
        "XML with an entity",
        {400, 422},
        "Content-Type: application/xml",
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    ),
    ("a charset that is none", {400, 401, 415, 422}, "Content-Type: application/json; charset=klingon", _LOGIN),
    ("UTF-16", {400, 422}, JSON, '{"email": "a"}'.encode("utf-16")),
    ("UTF-8 cut in a letter", {400, 422}, JSON, b'{"email": "\xc3'),
    ("a lone surrogate", {400, 401, 422}, JSON, b'{"email": "\\ud800@example.com", "password": "\\udfff"}'),
    ("null bytes in fields", {400, 401, 422}, JSON, b'{"email": "a\\u0000@example.com", "password": "\\u0000"}'),
    ("a null byte outside", {400, 422}, JSON, b'\x00{"email": "a"}'),
    ("nothing", {400, 422}, JSON, b""),
    ("null", {400, 422}, JSON, b"null"),
    ("a list", {400, 422}, JSON, b'[{"email": "a@example.com"}]'),
    ("a number without end", {400, 422}, JSON, b"9" * 50_000),
    ("NaN", {400, 422}, JSON, b'{"email": NaN, "password": Infinity}'),
    ("deep lists", {400, 422}, JSON, b"[" * 60_000),
    ("deep objects", {400, 422}, JSON, b'{"a":' * 10_000 + b"1" + b"}" * 10_000),
    ("objects for texts", {400, 422}, JSON, b'{"email": {"$ne": null}, "password": {"$gt": ""}}'),
    ("an endless password", {400, 422}, JSON, b'{"email": "a@example.com", "password": "' + b"x" * 5000 + b'"}'),
    (
        "the same field twice",
        {401, 422},
        JSON,
        b'{"email": "a@example.com", "email": "b@example.com", "password": "x"}',
    ),
    ("more after the end", {400, 422}, JSON, b'{"email": "a@example.com", "password": "x"} {"email": "b"}'),
    ("gzip that is none", {400, 401, 415, 422}, f"{JSON}\r\nContent-Encoding: gzip", _LOGIN),
    ("70 kB", {413}, JSON, b'{"email": "' + b"x" * 70_000 + b'"}'),
]


def _bodies() -> Iterator[Bad]:
    for name, fits, header, body in BODIES:
        yield bad(f"body: {name}", fits, "POST", "/api/auth/login", header, body=body)
    yield bad(
        "body: cut off",
        {400, 422, 0},
        "POST",
        "/api/auth/login",
        JSON,
        "Content-Length: 500",
        body=b'{"email":',
        ends=True,
    )


FORM = "Content-Type: multipart/form-data; boundary=b"
_FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n%s\r\n'
_TITLE = b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\n%s\r\n'
FORMS: list[tuple[str, set[int], str, bytes]] = [
    ("no form", {400}, JSON, b"{}"),
    ("no boundary", {400}, "Content-Type: multipart/form-data", b"--b--"),
    ("an endless boundary", {400}, "Content-Type: multipart/form-data; boundary=" + "b" * 3000, b"x"),
    ("nothing inside", {400, 422}, FORM, b"--b--\r\n"),
    ("another boundary", {400, 422}, FORM, b"--c\r\n\r\nx\r\n--c--\r\n"),
    ("no end", {400}, FORM, _TITLE % b"t" + b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nabc'),
    (
        "a page as the video",
        {415},
        FORM,
        _TITLE % b"t" + _FILE % (b"../../etc/passwd", b"<html><script>alert(1)</script>") + b"--b--\r\n",
    ),
    ("an empty file", {422}, FORM, _TITLE % b"t" + _FILE % (b"a.mp4", b"") + b"--b--\r\n"),
    ("a null byte in the title", {415, 422}, FORM, _TITLE % b"a\x00b" + _FILE % (b"a.mp4", b"x") + b"--b--\r\n"),
    ("a title that is no UTF-8", {415, 422}, FORM, _TITLE % b"\xff\xfe" + _FILE % (b"a.mp4", b"x") + b"--b--\r\n"),
    ("a thousand parts", {400}, FORM, _TITLE % b"t" * 1000 + b"--b--\r\n"),
    ("two files", {415, 422}, FORM, _TITLE % b"t" + (_FILE % (b"a", b"x")) * 2 + b"--b--\r\n"),
    ("a part's head without end", {400}, FORM, b"--b\r\nX: " + b"a" * 60_000 + b"\r\n\r\n"),
]


def _forms() -> Iterator[Bad]:
    for name, fits, header, body in FORMS:
        yield bad(f"form: {name}", fits, "POST", "/api/videos/upload", header, body=body, login=True)
    upload = ("POST", "/api/videos/upload", FORM)
    yield bad(
        "form: more than the limit is announced", {413}, *upload, "Content-Length: 999999999999", body=b"", login=True
    )
    yield bad("form: cut off", {400, 0}, *upload, "Content-Length: 90000", body=_TITLE % b"t", login=True, ends=True)
    yield bad(
        "form: chunks cut off",
        {400, 0},
        *upload,
        "Transfer-Encoding: chunked",
        body=b"5\r\n--b\r\n",
        login=True,
        ends=True,
    )
    yield bad(
        "form: a chunk cut off",
        {400, 0},
        *upload,
        "Transfer-Encoding: chunked",
        body=b"ff\r\n--b\r\n",
        login=True,
        ends=True,
    )
    yield bad("form: a stranger's", {401}, *upload, body=_TITLE % b"t" + b"--b--\r\n")
    yield bad("form: a key of lines", {400, 422}, *upload, "Idempotency-Key: \x01\x02", body=b"--b--\r\n", login=True)


# --- the protocol itself --------------------------------------------------------------------------------------------

_POST = b"POST /api/auth/login HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nContent-Type: application/json\r\n"
_GET = b"GET /health HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n"
_HIDDEN = b"GET /api/hidden HTTP/1.1\r\nHost: HOST\r\n\r\n"
_UNREADABLE = {200, 400, 411, 413, 414, 422, 431, 0}
"""200 where a server can read more than it must, such as a very long head; never what hides behind it."""


def _protocol() -> Iterator[Bad]:
    chunked = b"Transfer-Encoding: chunked\r\n"
    for name, text in {
        "a length and chunks": _POST + b"Content-Length: 4\r\n" + chunked + b"\r\n0\r\n\r\n" + _HIDDEN,
        "chunks and a length": _POST + chunked + b"Content-Length: 60\r\n\r\n0\r\n\r\n" + _HIDDEN,
        "two lengths": _POST + b"Content-Length: 0\r\nContent-Length: 40\r\n\r\n" + _HIDDEN,
        "lengths in a list": _POST + b"Content-Length: 0, 40\r\n\r\n" + _HIDDEN,
        "a negative length": _POST + b"Content-Length: -1\r\n\r\n" + _HIDDEN,
        "a length with a sign": _POST + b"Content-Length: +2\r\n\r\n{}",
        "a length in hex": _POST + b"Content-Length: 0x2\r\n\r\n{}",
        "a length beyond 64 bits": _POST + b"Content-Length: 99999999999999999999999\r\n\r\n{}",
        "a length before its colon": _POST + b"Content-Length : 2\r\n\r\n{}",
        "a folded header": _GET + b"X: a\r\n b\r\n" + b"Content-Length: 1\r\n 2\r\n\r\n",
        "an unknown encoding": _POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + _HIDDEN,
        "chunked not last": _POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "a chunk beyond 64 bits": _POST + chunked + b"\r\nfffffffffffffffff\r\nx\r\n0\r\n\r\n",
        "a negative chunk": _POST + chunked + b"\r\n-1\r\nx\r\n0\r\n\r\n",
        "a chunk that is no number": _POST + chunked + b"\r\nzz\r\nx\r\n0\r\n\r\n",
        "a chunk that is longer than it says": _POST + chunked + b"\r\n2\r\n{}}}}}\r\n0\r\n\r\n",
        "a carriage return alone": _GET + b"X: a\rContent-Length: 5\r\n\r\n",
        "a null byte in a header": _GET + b"X: a\x00b\r\n\r\n",
        "a header without a name": _GET + b": a\r\n\r\n",
        "a header without a colon": _GET + b"nonsense\r\n\r\n",
        "a name with a space": _GET + b"A b: c\r\n\r\n",
        "a null byte in the path": b"GET /he\x00lth HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n",
        "no version": b"GET /health\r\n\r\n",
        "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "an endless target": b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: HOST\r\n\r\n",
        "an endless header": _GET + b"X: " + b"a" * 100_000 + b"\r\n\r\n",
        "ten thousand headers": _GET + b"X: a\r\n" * 12_000 + b"\r\n",
    }.items():
        yield raw(f"protocol: {name}", _UNREADABLE, text, ends=True)
    fine = {200, 400, 404, 405, 0}
    yield raw("protocol: 1.0", fine, b"GET /health HTTP/1.0\r\n\r\n")
    yield raw("protocol: no host", fine, b"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n")
    yield raw("protocol: two hosts", fine, _GET + b"Host: evil.example\r\n\r\n")
    yield raw("protocol: lines without CR", fine, _GET.replace(b"\r", b"") + b"\n")
    yield raw("protocol: absolute form", fine, _GET.replace(b"/health", b"http://evil.example/health") + b"\r\n")
    yield raw("protocol: a body with GET", fine, _GET + b"Content-Length: 5\r\n\r\nhello")
    yield raw("protocol: upgrade", fine, _GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    yield raw("protocol: upgrade to HTTP/2", fine, _GET + b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n\r\n")
    for method in ("TRACE", "CONNECT", "PROPFIND", "get", "FOO", "DELETE", "PATCH", "M" * 300):
        yield bad(f"method: {method[:20]}", {400, 404, 405, 0}, method, "/health", ends=True)
    yield raw(
        "method: OPTIONS *", {200, 204, 400, 404, 405}, b"OPTIONS * HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n"
    )
    override = "X-HTTP-Method-Override: DELETE"
    yield bad("method: overridden", {403}, "GET", "/api/videos/{target.video_id}", override, login=True)


HEADERS = [
    "Accept-Language: " + "en;q=0." + "1" * 4000,
    "Accept-Language: " + "xx," * 2000,
    "X-Forwarded-For: ' OR 1=1--",
    "X-Forwarded-For: " + "1.1.1.1," * 500,
    "X-Forwarded-Proto: javascript",
    "Forwarded: for=unknown",
    "X-Request-Id: ${jndi:ldap://127.0.0.1/a}",
    "X-Original-URL: /metrics",
    "Cookie: " + "a=b; " * 1500,
    "Accept: " + "a/" * 2000,
    "Origin: null",
    "If-None-Match: " + '"a",' * 1500,
    "Cache-Control: no-cache, \xff",
    "Range: bytes=0-0",
    "Expect: 100-continue",
    "Expect: nonsense",
    "TE: trailers",
    "Host: evil.example:99999",
]
RANGES = [
    "bytes=" + ",".join(["0-"] * 1000),
    "bytes=" + ",".join(f"{n}-{n}" for n in range(800)),
    "bytes=-0",
    "bytes=99999999-",
    "bytes=5-2",
    "bytes=" + "9" * 4000 + "-",
    "lines=1-2",
    "bytes=a-b",
    "bytes=--1",
    "bytes=0-1,5000-",
]


def _headers() -> Iterator[Bad]:
    for header in HEADERS:
        yield bad(f"header: {header[:50]}", {200, 400, 417, 431}, "GET", "/api/public/rankings", header)
    for asked in RANGES:
        yield bad(f"range: {asked[:50]}", {200, 206, 400, 416, 431}, "GET", "{target.original}", f"Range: {asked}")
    for since in ("Sat, 31 Feb 99999 25:61:61 GMT", "-1", "\xff", "Thu, 01 Jan 1970 00:00:00 +99999999"):
        yield bad(f"date: {since!r}", {200}, "GET", "{target.original}", f"If-Modified-Since: {since}")


def _others_things() -> Iterator[Bad]:
    yield bad("a stranger's video: read", {403}, "GET", "/api/videos/{target.video_id}", login=True)
    yield bad("a stranger's video: deleted", {403}, "DELETE", "/api/videos/{target.video_id}", login=True)
    yield bad(
        "a video that is not public: vote", {404}, "POST", "/api/public/videos/{target.video_id}/vote", login=True
    )
    body = b'{"total_votes": 1000, "user_id": "01900000-0000-7000-8000-000000000000", "weight": 9}'
    yield bad(
        "a vote with a weight", {404}, "POST", "/api/public/videos/{target.video_id}/vote", JSON, body=body, login=True
    )
    yield bad("a vote without a name", {401}, "POST", "/api/public/videos/{target.video_id}/vote")
    body = b'{"status": "completed", "votes": 1000}'
    yield bad(
        "a video made public by hand", {405}, "PATCH", "/api/videos/{target.video_id}", JSON, body=body, login=True
    )
    yield bad(
        "a resumable upload of -1",
        {400, 413, 422},
        "POST",
        "/api/uploads",
        "Tus-Resumable: 1.0.0",
        "Upload-Length: -1",
        login=True,
    )
    yield bad(
        "a resumable upload of all disks",
        {400, 413},
        "POST",
        "/api/uploads",
        "Tus-Resumable: 1.0.0",
        "Upload-Length: " + "9" * 18,
        "Upload-Metadata: title YQ==",
        login=True,
    )
    yield bad(
        "a resumable upload of nonsense",
        {400, 422},
        "POST",
        "/api/uploads",
        "Tus-Resumable: 1.0.0",
        "Upload-Length: 9",
        "Upload-Metadata: title ***",
        login=True,
    )


BAD_REQUESTS = list(
    chain(_tokens(), _paths(), _queries(), _bodies(), _forms(), _protocol(), _headers(), _others_things())
)
