"""A disk that is really full, or really read-only: a small tmpfs in the place of a folder."""

import errno
import os
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from anb import migrations
from anb.api import create_app
from anb.db import Database
from anb.processing.service import Workshop
from anb.processing.sweep import ByteSweeper
from anb.settings import Settings
from anb.storage.base import ORIGINALS
from anb.storage.local import LocalStorage
from anb.uploads.service import open_uploads
from anb.uploads.sweep import UploadSweeper
from anb.worker import Shutdown, make_workshop
from tests.cast import MP4_HEAD, Cast, problem, wish
from tests.hostile.sender import FORM_TYPE, form
from tests.media.factory import Samples
from tests.processing.conftest import Converter, change, files, pending, row

pytestmark = pytest.mark.slow

Mount = Callable[[Path, int], None]


def _as_root(*command: str) -> bool:
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    try:
        subprocess.run([*sudo, *command], check=True, capture_output=True, timeout=20)
    except (FileNotFoundError, subprocess.CalledProcessError):
        return False
    return True


@pytest.fixture
def small_disk() -> Iterator[Mount]:
    """Puts a new disk of so many KiB over a folder, until the end of the test."""
    with ExitStack() as mounted:

        def mount(folder: Path, kib: int) -> None:
            folder.mkdir(parents=True, exist_ok=True)
            if not _as_root("mount", "-t", "tmpfs", "-o", f"size={kib}k,mode=0777", "tmpfs", str(folder)):
                if os.environ.get("CI") == "true":
                    pytest.fail("mounting must work in CI: as root, or by sudo without a password")
                pytest.skip("nobody may mount here")
            mounted.callback(_as_root, "umount", "--lazy", str(folder))

        yield mount


def test_a_disk_that_fills_up_in_the_middle_of_an_upload_is_507_and_empty_again(
    small_disk: Mount, client: TestClient, cast: Cast, storage: LocalStorage
) -> None:
    small_disk(storage.root / ORIGINALS, 1024)
    body = form("clip.mp4", MP4_HEAD + bytes(3_000_000))
    answer = client.post(
        "/api/videos/upload",
        headers=cast.ana.headers | {"Content-Type": FORM_TYPE},
        content=iter([body]),  # without a declared length, so that only the disk itself can say no
    )
    problem(answer, 507, "no_room")
    assert files(storage) == set()
    assert cast.upload(cast.ana).status_code == 202  # a small one still fits


def test_a_scratch_disk_that_fills_up_costs_an_attempt_and_leaves_nothing(
    small_disk: Mount, settings: Settings, database: Database, cast: Cast, storage: LocalStorage, samples: Samples
) -> None:
    """With the real FFmpeg, which must be understood when it says so."""
    workshop = make_workshop(settings, database, Shutdown(), lambda: None)
    video_id = pending(cast, storage, samples["landscape.mp4"].read_bytes())
    small_disk(settings.scratch, 16)
    assert workshop.process(video_id) == "to_be_retried"
    assert list(settings.scratch.iterdir()) == []
    change(database, video_id, not_before=None, failures=2)
    assert workshop.process(video_id) == "failed"
    assert row(database, video_id).failure_code == "disk_full"
    assert files(storage) == {f"uploads/{video_id}.mp4"}


def test_a_disk_that_has_room_for_the_video_but_not_for_its_poster_keeps_neither(
    small_disk: Mount, workshop: Workshop, converter: Converter, database: Database, cast: Cast, storage: LocalStorage
) -> None:
    video_id = pending(cast, storage, bytes(600_000))  # the stand-in copies it for both
    small_disk(storage.root / "processed", 1024)
    assert workshop.process(video_id) == "to_be_retried"
    assert files(storage) == {f"uploads/{video_id}.mp4"}
    change(database, video_id, not_before=None)
    small_disk(storage.root / "processed", 2048)
    assert workshop.process(video_id) == "completed"


def test_a_storage_that_became_read_only_loses_nothing_and_goes_on_when_it_is_back(
    small_disk: Mount, workshop: Workshop, converter: Converter, database: Database, cast: Cast, storage: LocalStorage
) -> None:
    media = storage.root
    small_disk(media, 4096)
    for folder in (ORIGINALS, "processed"):
        (media / folder).mkdir()
    video_id = pending(cast, storage, b"original")
    assert _as_root("mount", "-o", "remount,ro", str(media))
    assert cast.upload(cast.ana).status_code == 503
    assert workshop.process(video_id) == "storage_away"
    assert row(database, video_id).failures == 0
    assert _as_root("mount", "-o", "remount,rw", str(media))
    change(database, video_id, not_before=None)
    assert workshop.process(video_id) == "completed"
    assert cast.upload(cast.ana).status_code == 202


def _fill(folder: Path) -> Path:
    """To the last byte."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    return ballast


def test_a_staging_disk_that_fills_up_in_the_middle_of_a_piece_keeps_what_is_there_and_goes_on_with_room(
    small_disk: Mount, settings: Settings, database: Database
) -> None:
    small_disk(settings.staging, 2048)
    with TestClient(create_app(settings), headers={"Accept-Language": "en"}) as client:
        cast = Cast(client, database)
        video = MP4_HEAD + bytes(800_000)
        headers = cast.ana.headers | {"Tus-Resumable": "1.0.0"}
        told = {"Upload-Length": str(len(video)), "Upload-Metadata": "title VHJpcGxl"}
        url = client.post("/api/uploads", headers=headers | told).headers["location"]

        def offset() -> int:
            return int(client.head(url, headers=headers).headers["upload-offset"])

        def append(data: bytes) -> Response:
            piece = {"Upload-Offset": str(offset()), "Content-Type": "application/offset+octet-stream"}
            # Without a declared length, so that only the disk itself can say no.
            return client.patch(url, headers=headers | piece, content=iter([data]))

        os.truncate(_fill(settings.staging), 1_500_000)
        problem(append(video), 507, "no_room")
        assert 0 < offset() < len(video)
        UploadSweeper(client.app.state.uploads, lambda _: True, 3600).sweep()  # type: ignore[attr-defined]
        (settings.staging / "ballast").unlink()
        assert append(video[offset() :]).status_code == 204
        done = client.get(url, headers=headers).json()
        assert done["video_id"] is not None
        stored = Path(settings.media) / ORIGINALS / f"{done['video_id']}.mp4"
        assert stored.read_bytes() == video


def test_the_sweep_frees_a_disk_that_is_full_to_the_last_byte(
    small_disk: Mount,
    settings: Settings,
    database: Database,
    byte_sweeper: ByteSweeper,
    storage: LocalStorage,
    cast: Cast,
) -> None:
    assert cast.ana.id  # whose account is older than the strays
    uploads = open_uploads(settings, database, storage)
    for folder in (storage.root / ORIGINALS, settings.staging):
        small_disk(folder, 256)
    strays = [storage.path(f"{ORIGINALS}/{uuid.uuid4()}.mp4"), settings.staging / str(uuid.uuid4())]
    old = time.time() - 2 * byte_sweeper.orphan_age_s
    for stray in strays:
        stray.write_bytes(bytes(100_000))
        os.utime(stray, (old, old))
        _fill(stray.parent)
    assert byte_sweeper.sweep() == 1
    UploadSweeper(uploads, lambda _: True, 3600).sweep()
    assert [stray.exists() for stray in strays] == [False, False]


def test_while_the_database_s_disk_is_full_nothing_is_acknowledged_and_afterwards_all_goes_on(
    small_disk: Mount, tmp_path: Path, settings: Settings
) -> None:
    folder = tmp_path / "database"
    small_disk(folder, 8192)
    own = settings.model_copy(update={"database_url": f"sqlite:///{folder}/anb.db", "celery_broker_url": "memory://"})
    database = Database(own.database)
    migrations.upgrade(database)
    with TestClient(create_app(own), headers={"Accept-Language": "en"}) as client:
        cast = Cast(client, database)
        video_id, voters = cast.video(cast.ana), [cast.person(f"Voter{number}") for number in range(300)]
        beto = cast.beto
        ballast = _fill(folder)
        heard = [cast.vote(voter, video_id) for voter in voters]
        refused = [answer for answer in heard if answer.status_code != 201]
        assert refused
        for answer in [*refused, client.post("/api/auth/signup", json=wish("Dora")), cast.upload(beto)]:
            problem(answer, 503, "temporarily_unavailable")
            assert answer.headers["retry-after"]
        assert client.get("/health").status_code == 200
        assert client.get("/api/public/videos").status_code == 200
        before = len(voters) - len(refused)
        assert cast.votes_in_rows() == before
        ballast.unlink()
        again = [cast.vote(voter, video_id).status_code for voter in voters]
        assert (again.count(201), again.count(409)) == (len(refused), before)
        assert client.post("/api/auth/signup", json=wish("Dora")).status_code == 201
        assert cast.upload(beto).status_code == 202
    database.dispose()


def test_a_full_disk_is_full(small_disk: Mount, tmp_path: Path) -> None:
    """Else the tests above would prove nothing."""
    small_disk(tmp_path / "small", 64)
    with pytest.raises(OSError, match="No space left") as full:
        (tmp_path / "small" / "file").write_bytes(bytes(100_000))
    assert full.value.errno == errno.ENOSPC
