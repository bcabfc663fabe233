"""A web process dies in the middle of a piece, and another one goes on."""

import hashlib
import random
import socket
from pathlib import Path

import pytest
from sqlalchemy import select

from anb.db import Database
from anb.settings import Settings
from anb.videos.models import Video
from tests.cast import MP4_HEAD, Cast
from tests.server import answer_on
from tests.uploads.processes import WebServer
from tests.uploads.speaker import Tus
from tests.uploads.test_connections import patch
from tests.waiting import until

pytestmark = pytest.mark.slow

DATA = MP4_HEAD + random.Random(3).randbytes(4_000_000)


@pytest.fixture
def ana(cast: Cast) -> Tus:
    return Tus(cast.client, cast.ana)


def server(settings: Settings, tmp_path: Path) -> WebServer:
    return WebServer(tmp_path, settings.database, settings.broker)


def test_after_kill_9_another_server_goes_on_where_the_first_one_was(
    settings: Settings, tmp_path: Path, ana: Tus, database: Database
) -> None:
    """The test's own application is the other server: same database, same folder."""
    url = ana.url(len(DATA))
    with server(settings, tmp_path) as first, socket.create_connection(("127.0.0.1", first.port)) as phone:
        phone.sendall(patch(ana, url, 0, len(DATA)) + DATA[:2_000_000])
        until(lambda: ana.offset(url) >= 1_500_000)
        assert ana.append(url, 0, b"").status_code == 409  # there are bytes already
        first.kill()
    offset = ana.offset(url)
    assert 1_500_000 <= offset <= 2_000_000
    assert ana.append(url, offset, DATA[offset:]).headers["Anb-Video-Id"]
    with database.read() as session:
        video = session.scalars(select(Video)).one()
    assert video.original_sha256 == hashlib.sha256(DATA).hexdigest()
    assert (tmp_path / "media" / video.original_key).read_bytes() == DATA


def test_a_phone_that_comes_back_to_another_process_need_not_wait_for_its_silent_connection(
    settings: Settings, tmp_path: Path, ana: Tus
) -> None:
    url = ana.url(len(DATA))
    with server(settings, tmp_path) as first, socket.create_connection(("127.0.0.1", first.port)) as phone:
        phone.sendall(patch(ana, url, 0, len(DATA)) + DATA[:1_000_000])
        until(lambda: ana.offset(url) == 1_000_000)
        assert ana.append(url, 1_000_000, DATA[1_000_000:]).status_code == 204
        assert answer_on(phone).startswith(b"HTTP/1.1 423")


def test_a_server_that_is_stopped_does_not_wait_for_the_end_of_a_long_piece(
    settings: Settings, tmp_path: Path, ana: Tus
) -> None:
    url = ana.url(len(DATA))
    with server(settings, tmp_path) as first, socket.create_connection(("127.0.0.1", first.port)) as phone:
        phone.sendall(patch(ana, url, 0, len(DATA)) + DATA[:1_000_000])
        until(lambda: ana.offset(url) > 0)
        assert first.stop(20) == 0
        answer = answer_on(phone)
    offset = ana.offset(url)
    assert 0 < offset <= 1_000_000
    assert b"upload-offset: %d\r\n" % offset in answer.lower()
    assert ana.append(url, offset, DATA[offset:]).status_code == 204
