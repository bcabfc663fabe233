"""What only the whole shows: bodies, caches, files and refusals on their way through nginx."""

import contextlib
import os
import socket

import httpx2
import pytest
from deployment.stack.servers import Stack

from tests.cast import MP4_HEAD, problem
from tests.stack.asking import Headers, until, upload


def test_thirty_megabytes_pass_and_are_not_kept_in_between(stack: Stack, http: httpx2.Client, ana: Headers) -> None:
    data = MP4_HEAD + os.urandom(1024) * 30 * 1024
    answer = upload(http, ana, data)
    assert answer.status_code == 202, answer.text
    assert (stack.plan.media / "uploads" / f"{answer.json()['id']}.mp4").read_bytes() == data
    assert not any((stack.plan.run / "body").rglob("*.*"))


def test_a_link_to_an_original_is_checked_here_and_sent_by_nginx(http: httpx2.Client, ana: Headers) -> None:
    data = MP4_HEAD + bytes(range(256)) * 40
    video = upload(http, ana, data).json()
    url = http.get(f"/api/videos/{video['id']}", headers=ana).json()["original_url"]
    whole = http.get(url)
    assert (whole.content, whole.headers["cache-control"]) == (data, "private, no-store")
    part = http.get(url, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, data[100:200])
    problem(http.get(url.partition("?")[0]), 403, "media_link_expired")
    assert http.get(f"/stored/uploads/{video['id']}.mp4").status_code == 404


def test_a_result_comes_from_the_disk_with_ranges_and_a_lost_one_is_a_problem(
    stack: Stack, http: httpx2.Client
) -> None:
    name = "0198c0de-0000-7000-8000-000000000001.1.mp4"
    (stack.plan.media / "processed" / name).write_bytes(b"0123456789")
    answer = http.get(f"/media/processed/{name}", headers={"Range": "bytes=2-4"})
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (206, b"234", "video/mp4")
    assert "immutable" in answer.headers["cache-control"]
    problem(http.get("/media/processed/0198c0de-0000-7000-8000-000000000002.1.mp4"), 404, "media_not_found")


@pytest.mark.parametrize(
    "path", ["/media/processed/../uploads/", "/media/processed/%2e%2e/%2e%2e/run/secret_key", "/media/processed../run/"]
)
def test_nothing_outside_the_results_is_served(stack: Stack, path: str) -> None:
    answer = raw(stack, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.split()[1] in {b"400", b"403", b"404"}


def test_public_pages_are_kept_for_all_and_renewed_for_whom_it_matters(http: httpx2.Client, ana: Headers) -> None:
    page = "/api/public/videos?city=nowhere"
    assert http.get(page).headers["x-cache"] == "MISS"
    assert http.get(page, headers=ana).headers["x-cache"] == "HIT"
    assert http.get(page, headers={"Cache-Control": "no-cache"}).headers["x-cache"] == "BYPASS"
    assert http.get("/api/videos", headers=ana).headers.get("x-cache") is None


def test_a_vote_passes_with_its_voters_name(http: httpx2.Client, ana: Headers) -> None:
    vote = "/api/public/videos/0198c0de-0000-7000-8000-000000000001/vote"
    problem(http.post(vote), 401, "not_authenticated")
    problem(http.post(vote, headers=ana), 404, "video_not_found")


def test_nginxs_own_refusals_speak_like_the_applications(http: httpx2.Client) -> None:
    problem(http.post("/api/auth/login", content=bytes(1_100_000)), 413, "body_too_large")


def test_while_the_application_is_away_the_answer_says_when_to_come_back(stack: Stack, http: httpx2.Client) -> None:
    assert http.get("/api/public/rankings").status_code == 200
    stack.control("stopProcess", "web")
    try:
        answer = http.post("/api/auth/login", json={})
        problem(answer, 503, "temporarily_unavailable")
        assert answer.headers["retry-after"] == "2"
        assert http.get("/api/public/rankings").status_code == 200  # what is kept is still shown
    finally:
        stack.control("startProcess", "web")
    until(stack.is_ready)


def test_what_is_killed_comes_back(stack: Stack, http: httpx2.Client) -> None:
    for name in ("web", "nginx", "redis", "worker", "beat"):
        before = stack.pid(name)
        assert before is not None
        os.kill(before, 9)
        until(lambda name=name, before=before: stack.pid(name) not in {None, before})  # type: ignore[misc]
    until(stack.is_ready)
    # Workers that a killed master left behind would hold the port against it.
    until(lambda: stack.control("getProcessInfo", "nginx")["statename"] == "RUNNING")


def test_a_client_that_never_ends_its_head_is_let_go(stack: Stack) -> None:
    with socket.create_connection(("127.0.0.1", stack.plan.ports.nginx), timeout=60) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(100) == b""


def raw(stack: Stack, request: str) -> bytes:
    with socket.create_connection(("127.0.0.1", stack.plan.ports.nginx), timeout=20) as connection:
        connection.sendall(request.encode())
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return answer
