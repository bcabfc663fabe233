"""What only the whole shows: bodies, caches, files and refusals on their way through nginx."""

import contextlib
import json
import os
import select
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest
from deployment.stack.servers import Stack

from tests.cast import MP4_HEAD, problem
from tests.server import answer_on
from tests.stack.asking import Headers, connected, raw, status, upload
from tests.waiting import until


def test_an_uploads_beginning_reaches_the_application_before_its_end_is_sent(
    stack: Stack, http: httpx2.Client, ana: Headers
) -> None:
    """Held back in nginx, all of it would be lost with a phone that drops its link."""
    data = MP4_HEAD + os.urandom(1024) * 30 * 1024
    half = len(data) // 2
    with uploading(stack, ana, len(data)) as (connection, end):
        connection.sendall(data[:half])
        until(lambda: sum(part.stat().st_size for part in unfinished(stack)) > half - 2**20)
        assert [path for path in (stack.plan.run / "body").rglob("*") if path.is_file()] == []
        connection.sendall(data[half:] + end)
        answer = answer_on(connection)
    assert answer.startswith(b"HTTP/1.1 202"), answer
    video_id = json.loads(answer.partition(b"\r\n\r\n")[2])["id"]
    assert (stack.plan.media / "uploads" / f"{video_id}.mp4").read_bytes() == data


def test_of_an_upload_that_is_given_up_nothing_stays(stack: Stack, http: httpx2.Client, ana: Headers) -> None:
    """By the length that was told, and in chunks of which the last never comes."""
    for chunked in (False, True):
        with uploading(stack, ana, None if chunked else 5_000_000) as (connection, _):
            begun = MP4_HEAD + bytes(2_000_000)
            connection.sendall(b"%x\r\n%b\r\n" % (len(begun), begun) if chunked else begun)
            until(lambda: bool(unfinished(stack)))
        until(lambda: not unfinished(stack))
    assert http.get("/api/videos", headers=ana).json() == []


@contextlib.contextmanager
def uploading(stack: Stack, headers: Headers, size: int | None) -> Iterator[tuple[socket.socket, bytes]]:
    """A connection that awaits the file's bytes, and what has to follow them. Without a size: chunks."""
    fields = b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\nTriple\r\n'
    fields += b'--b\r\nContent-Disposition: form-data; name="file"; filename="c.mp4"\r\n\r\n'
    end = b"\r\n--b--\r\n"
    told = "Transfer-Encoding: chunked" if size is None else f"Content-Length: {len(fields) + size + len(end)}"
    head = f"POST /api/videos/upload HTTP/1.1\r\nHost: anb\r\nAuthorization: {headers['Authorization']}\r\n{told}\r\n"
    with connected(stack) as connection:
        connection.sendall(f"{head}Content-Type: multipart/form-data; boundary=b\r\n\r\n".encode())
        connection.sendall(b"%x\r\n%b\r\n" % (len(fields), fields) if size is None else fields)
        yield connection, end


def unfinished(stack: Stack) -> list[Path]:
    return list((stack.plan.media / "uploads").glob(".*.part"))


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


def test_files_that_the_application_sees_and_nginx_does_not_are_a_problem_of_the_servers(
    stack: Stack, http: httpx2.Client, ana: Headers
) -> None:
    """ANB_MEDIA is not MEDIA_ROOT: nobody's video is gone."""
    name = "0198c0de-0000-7000-8000-000000000004.1.mp4"
    (stack.plan.media / "processed" / name).write_bytes(b"0123456789")
    video = upload(http, ana, MP4_HEAD).json()
    original = http.get(f"/api/videos/{video['id']}", headers=ana).json()["original_url"]
    urls = [f"/media/processed/{name}", original]
    with elsewhere(stack):
        until(lambda: all(http.get(url).status_code != 200 for url in urls))
        for url in urls:
            answer = http.get(url)
            problem(answer, 503, "temporarily_unavailable")
            assert "no-store" in answer.headers.get_list("cache-control")
            assert answer.headers["retry-after"] == "2"
            assert http.head(url).status_code == 503
        lost = "/media/processed/0198c0de-0000-7000-8000-000000000005.1.mp4"
        problem(http.get(lost), 404, "media_not_found")
        stack.control("stopProcess", "web")
        try:
            problem(http.get(urls[0]), 503, "temporarily_unavailable")
        finally:
            stack.control("startProcess", "web")
    until(stack.is_ready)
    until(lambda: all(http.get(url).status_code == 200 for url in urls))


@contextlib.contextmanager
def elsewhere(stack: Stack) -> Iterator[None]:
    """nginx looks for the media where they are not."""
    site = stack.plan.run / "conf.d" / "anb.conf"
    right, master = site.read_text(), stack.pid("nginx")
    assert master is not None
    site.write_text(right.replace(f'alias "{stack.plan.media}/', f'alias "{stack.plan.folder}/elsewhere/'))
    os.kill(master, signal.SIGHUP)
    try:
        yield
    finally:
        site.write_text(right)
        os.kill(master, signal.SIGHUP)


def test_a_refused_poster_is_no_picture(stack: Stack, http: httpx2.Client) -> None:
    """nginx gives a type to names that end in .jpg where nobody says one."""
    poster = "/media/processed/0198c0de-0000-7000-8000-000000000003.1.jpg"
    (stack.plan.media / poster.removeprefix("/media/")).write_bytes(b"0123456789")
    problem(http.post(poster), 405, "method_not_allowed")
    problem(http.get(poster, headers={"Range": "bytes=10-"}), 416, "range_not_satisfiable")


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


def test_a_page_whose_video_is_deleted_is_shown_to_nobody_after_eleven_seconds(
    stack: Stack, http: httpx2.Client, ana: Headers, clip: bytes
) -> None:
    """Kept for one, and for ten more (its stale-while-revalidate) shown to those who ask while it is renewed."""
    video_id = upload(http, ana, clip).json()["id"]
    until(lambda: status(http, ana, video_id) == "completed")
    page = f"/api/public/videos/{video_id}"
    assert http.get(page).status_code == 200
    over = time.monotonic() + 12
    assert http.delete(f"/api/videos/{video_id}", headers=ana).status_code == 204
    time.sleep(over - time.monotonic())
    with connected(stack) as one, connected(stack) as other:
        with frozen(stack):
            for connection in (one, other):  # one of them has it renewed, which takes a while now
                connection.sendall(f"GET {page} HTTP/1.1\r\nHost: anb\r\n\r\n".encode())
            assert select.select([one, other], [], [], 2)[0] == []
        assert [answer_on(connection).split()[1] for connection in (one, other)] == [b"404", b"404"]


@contextlib.contextmanager
def frozen(stack: Stack) -> Iterator[None]:
    """gunicorn's workers take connections and answer nobody."""
    workers = psutil.Process(stack.pid("web")).children()
    for worker in workers:
        worker.suspend()
    try:
        yield
    finally:
        for worker in workers:
            worker.resume()


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
    with connected(stack) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(100) == b""
