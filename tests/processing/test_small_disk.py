"""A disk that is really full, or really read-only: a small tmpfs in the place of a folder."""

import errno
import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from anb.db import Database
from anb.processing.service import Workshop
from anb.settings import Settings
from anb.storage.base import ORIGINALS
from anb.storage.local import LocalStorage
from anb.videos.lifecycle import Status
from anb.worker import Shutdown, make_workshop
from tests.cast import MP4_HEAD, Cast, problem
from tests.hostile.sender import FORM_TYPE, form
from tests.media.factory import Samples
from tests.processing.conftest import Converter, change, files, row

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


def _pending(cast: Cast, storage: LocalStorage, original: bytes) -> uuid.UUID:
    video_id = cast.video(cast.ana, status=Status.PENDING)
    storage.path(f"{ORIGINALS}/{video_id}.mp4").write_bytes(original)
    return video_id


def test_a_scratch_disk_that_fills_up_costs_an_attempt_and_leaves_nothing(
    small_disk: Mount, settings: Settings, database: Database, cast: Cast, storage: LocalStorage, samples: Samples
) -> None:
    """With the real FFmpeg, which must be understood when it says so."""
    workshop = make_workshop(settings, database, Shutdown(), lambda: None)
    video_id = _pending(cast, storage, samples["landscape.mp4"].read_bytes())
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
    video_id = _pending(cast, storage, bytes(600_000))  # the stand-in copies it for both
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
    video_id = _pending(cast, storage, b"original")
    assert _as_root("mount", "-o", "remount,ro", str(media))
    assert cast.upload(cast.ana).status_code == 503
    assert workshop.process(video_id) == "storage_away"
    assert row(database, video_id).failures == 0
    assert _as_root("mount", "-o", "remount,rw", str(media))
    change(database, video_id, not_before=None)
    assert workshop.process(video_id) == "completed"
    assert cast.upload(cast.ana).status_code == 202


def test_a_full_disk_is_full(small_disk: Mount, tmp_path: Path) -> None:
    """Else the tests above would prove nothing."""
    small_disk(tmp_path / "small", 64)
    with pytest.raises(OSError, match="No space left") as full:
        (tmp_path / "small" / "file").write_bytes(bytes(100_000))
    assert full.value.errno == errno.ENOSPC
