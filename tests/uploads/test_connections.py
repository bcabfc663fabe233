"""What only sockets show: cuts, silence, reconnects, and answers that come before the body's end."""

import fcntl
import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest
from fastapi import FastAPI

from anb.http.protocol import HalfOpenProtocol
from anb.uploads.receiving import BUFFER
from anb.videos.sniff import SNIFF_BYTES
from tests.cast import Cast
from tests.server import answer_on, server_of, serving, talk
from tests.uploads.speaker import STREAM, VIDEO, Tus, checksum, metadata, upload_id
from tests.waiting import until

LONG = VIDEO + bytes(3_000_000)
RESET_ON_CLOSE = b"\x01\x00\x00\x00\x00\x00\x00\x00"


@pytest.fixture
def ana(cast: Cast) -> Tus:
    return Tus(cast.client, cast.ana)


def head(method: str, url: str, length: int, token: str, **more: str) -> bytes:
    fields = {
        "Host": "anb", "Authorization": token, "Tus-Resumable": "1.0.0", "Content-Length": str(length),
        "Content-Type": STREAM, **{name.replace("_", "-"): text for name, text in more.items()},
    }  # fmt: skip
    return f"{method} {url} HTTP/1.1\r\n".encode() + b"".join(
        f"{name}: {text}\r\n".encode() for name, text in fields.items()
    ) + b"\r\n"  # fmt: skip


def patch(ana: Tus, url: str, offset: int, length: int, **more: str) -> bytes:
    return head("PATCH", url, length, ana.headers["Authorization"], Upload_Offset=str(offset), **more)


def staged(app: FastAPI) -> list[Path]:
    return [path for path in app.state.uploads.staging.folder.iterdir() if path.is_file()]


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        yield connection


def is_let_go(path: Path) -> bool:
    with path.open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_what_came_before_a_phone_vanished_stays(app: FastAPI, ana: Tus) -> None:
    url = ana.url(len(LONG))
    with serving(app) as port:
        with connected(port) as phone:
            phone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            phone.sendall(patch(ana, url, 0, len(LONG)) + LONG[:2_000_000])
            until(lambda: ana.offset(url) > 1_000_000)
        until(lambda: is_let_go(app.state.uploads.staging.path(uuid.UUID(upload_id(url)))))
    offset = ana.offset(url)
    assert offset <= 2_000_000
    assert ana.append(url, offset, LONG[offset:]).headers["Anb-Video-Id"]


def test_a_piece_that_is_cut_short_is_answered_with_what_is_here(app: FastAPI, ana: Tus) -> None:
    url = ana.url(len(LONG))
    with serving(app) as port:
        answer = talk(port, patch(ana, url, 0, len(LONG)) + LONG[:700_000])
    assert answer.startswith(b"HTTP/1.1 204")
    assert b"upload-offset: 700000\r\n" in answer.lower()
    assert ana.offset(url) == 700_000


def test_a_piece_that_a_stopping_server_breaks_off_is_answered_and_not_reset(app: FastAPI, ana: Tus) -> None:
    """A reset overtakes the answer: a proxy that is just sending then hears of a failure."""
    url = ana.url(len(LONG))
    with server_of(app, HalfOpenProtocol) as (server, port), connected(port) as phone:
        phone.sendall(patch(ana, url, 0, len(LONG)) + LONG[:700_000])
        until(lambda: ana.offset(url) > 0)
        server.should_exit = True
        answer = answer_on(phone).lower()
        phone.sendall(LONG[700_000:])
        assert phone.recv(1) == b""
    assert answer.startswith(b"http/1.1 204")
    assert b"connection: close" in answer
    assert b"upload-offset: %d\r\n" % ana.offset(url) in answer


def test_a_stopping_server_lets_a_piece_with_a_checksum_end(app: FastAPI, ana: Tus) -> None:
    """Broken off it would be called damaged, and count as discarded, though each byte of it came as it was sent."""
    url = ana.url(len(LONG))
    with server_of(app, HalfOpenProtocol) as (server, port), connected(port) as phone:
        phone.sendall(patch(ana, url, 0, len(LONG), Upload_Checksum=checksum(LONG)) + LONG[:700_000])
        until(lambda: any(path.suffix == ".unverified" and path.stat().st_size for path in staged(app)))
        server.should_exit = True
        until(lambda: not server.servers[0].is_serving())
        phone.sendall(LONG[700_000:])
        answer = answer_on(phone).lower()
    assert answer.startswith(b"http/1.1 204")
    assert b"anb-video-id" in answer


def test_a_piece_with_a_checksum_that_is_cut_short_leaves_nothing_of_itself(app: FastAPI, ana: Tus) -> None:
    url = ana.url(len(LONG))
    with serving(app) as port:
        answer = talk(port, patch(ana, url, 0, len(LONG), Upload_Checksum="sha1 AAEC") + LONG[:700_000])
    assert answer.startswith(b"HTTP/1.1 460")
    assert [path.stat().st_size for path in staged(app)] == [0]


def test_a_body_that_falls_silent_is_given_up_and_kept(app: FastAPI, ana: Tus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anb.uploads.receiving._GLANCE_S", 0.1)
    url = ana.url(len(LONG))
    with serving(app) as port, connected(port) as phone:
        phone.sendall(patch(ana, url, 0, len(LONG)) + LONG[:700_000])
        until(lambda: ana.offset(url) == 700_000)
        monkeypatch.setattr("anb.videos.upload_policy.LONGEST_SILENCE_S", 0.3)
        assert answer_on(phone).startswith(b"HTTP/1.1 204")
    assert ana.offset(url) == 700_000


def test_a_phone_that_comes_back_takes_the_place_of_its_own_silent_connection(
    app: FastAPI, ana: Tus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anb.uploads.receiving._GLANCE_S", 0.1)
    url = ana.url(len(LONG))
    with serving(app) as port, connected(port) as silent:
        silent.sendall(patch(ana, url, 0, len(LONG)) + LONG[:700_000])
        until(lambda: ana.offset(url) == 700_000)
        rest = patch(ana, url, 700_000, len(LONG) - 700_000, Connection="close") + LONG[700_000:]
        answer = talk(port, rest, half_close=False)
        assert answer.startswith(b"HTTP/1.1 204")
        assert b"anb-video-id" in answer.lower()
        assert answer_on(silent).startswith(b"HTTP/1.1 423")
    assert staged(app) == []


def test_a_link_that_dies_in_silence_again_and_again_makes_way_all_the_same(
    app: FastAPI, ana: Tus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time after less than is written at once."""
    monkeypatch.setattr("anb.uploads.receiving._GLANCE_S", 0.1)
    url, piece = ana.url(len(LONG)), 1000
    assert piece < SNIFF_BYTES < BUFFER
    with serving(app) as port, ExitStack() as dead:
        for offset in range(0, 10 * piece, piece):
            phone = dead.enter_context(connected(port))
            phone.sendall(patch(ana, url, offset, len(LONG) - offset) + LONG[offset : offset + piece])
            until(partial(lambda come: ana.offset(url) == come, offset + piece))
        rest = patch(ana, url, 10 * piece, len(LONG) - 10 * piece, Connection="close") + LONG[10 * piece :]
        assert b"anb-video-id" in talk(port, rest, half_close=False).lower()
    assert staged(app) == []


def test_a_place_that_another_process_holds_is_423(app: FastAPI, ana: Tus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anb.uploads.turn._LONGEST_WAIT_S", 0.3)
    url = ana.url()
    path = app.state.uploads.staging.path(uuid.UUID(upload_id(url)))
    descriptor = os.open(path, os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)  # a lock of another opening is a stranger's, as another process's is
    answer = ana.append(url, 0, VIDEO)
    assert (answer.status_code, answer.headers["Retry-After"]) == (423, "1")
    assert path.with_suffix(".knock").exists()
    os.close(descriptor)
    assert ana.append(url, 0, VIDEO).status_code == 204


def test_a_whole_upload_whose_process_is_still_at_it_is_not_called_done(
    app: FastAPI, ana: Tus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anb.uploads.turn._LONGEST_WAIT_S", 0.3)
    url = ana.url()
    path = app.state.uploads.staging.path(uuid.UUID(upload_id(url)))
    descriptor = os.open(path, os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.write(descriptor, VIDEO)
    assert ana.ask("HEAD", url).status_code == 423
    os.close(descriptor)
    assert ana.ask("HEAD", url).headers["Anb-Video-Id"]


def creation(ana: Tus, **more: str) -> bytes:
    wish = {"Upload_Length": str(len(LONG)), "Upload_Metadata": metadata(title="t"), **more}
    return head("POST", "/api/uploads", len(LONG), ana.headers["Authorization"], **wish)


def test_a_creation_with_upload_that_is_cut_short_goes_on_where_it_was_cut(app: FastAPI, ana: Tus) -> None:
    with serving(app) as port:
        answer = talk(port, creation(ana) + LONG[:700_000]).decode().lower()
    assert answer.startswith("http/1.1 201")
    assert "upload-offset: 700000\r\n" in answer
    url = answer.partition("location: ")[2].partition("\r\n")[0]
    assert ana.append(url, 700_000, LONG[700_000:]).headers["Anb-Video-Id"]


def test_a_creation_with_upload_whose_client_vanished_leaves_nothing(app: FastAPI, ana: Tus) -> None:
    with serving(app) as port:
        with connected(port) as phone:
            phone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            phone.sendall(creation(ana) + LONG[:2_000_000])
            until(lambda: any(path.stat().st_size for path in staged(app)))
        until(lambda: not staged(app))


def test_a_creation_with_upload_that_has_a_key_is_found_by_it_and_the_answer_is_heard(app: FastAPI, ana: Tus) -> None:
    request = creation(ana, Idempotency_Key="k1") + LONG
    with serving(app) as port:
        with connected(port) as phone:
            phone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            phone.sendall(request[:2_000_000])
            until(lambda: any(path.stat().st_size for path in staged(app)))
        answer = talk(port, request, half_close=False).decode().lower()
    assert answer.startswith("http/1.1 201")
    url = answer.partition("location: ")[2].partition("\r\n")[0]
    offset = ana.offset(url)
    assert 0 < offset < 2_000_000
    assert ana.append(url, offset, LONG[offset:]).headers["Anb-Video-Id"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"Tus_Resumable": "0.1"}, 412),
        ({"Authorization": "Bearer nonsense"}, 401),
        ({"Upload_Offset": "5"}, 409),
        ({"Content_Type": "video/mp4"}, 415),
    ],
)
def test_a_refusal_is_heard_by_a_client_that_is_still_sending(
    app: FastAPI, ana: Tus, changes: dict[str, str], status: int
) -> None:
    url = ana.url(len(LONG))
    named = {"Upload_Offset": "0"} | changes
    request = head("PATCH", url, len(LONG), named.pop("Authorization", ana.headers["Authorization"]), **named)
    with serving(app) as port:
        answer = talk(port, request + LONG, half_close=False)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b'"code"' in answer
    assert ana.offset(url) == 0
