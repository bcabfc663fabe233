"""What the folder of growing uploads says when it fails, and when it only has no such upload."""

import errno
import uuid
from pathlib import Path

import pytest

from anb.storage.trouble import StorageError
from anb.uploads.staging import Staging

ID = uuid.UUID(int=7)


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    staging = Staging(tmp_path / "incoming")
    staging.make()
    return staging


def test_an_upload_that_is_not_there_and_one_in_other_hands_are_answers(staging: Staging) -> None:
    with pytest.raises(FileNotFoundError):
        staging.size(ID)
    with pytest.raises(FileNotFoundError):
        staging.hold(ID)
    staging.create(ID)
    held = staging.hold(ID)
    with pytest.raises(BlockingIOError):
        staging.hold(ID)
    held.close()


def test_a_knock_at_an_upload_that_has_just_ended_leaves_nothing(staging: Staging) -> None:
    staging.create(ID)
    staging.remove(ID)
    staging.knock(ID)
    assert list(staging.folder.iterdir()) == []


def test_a_folder_that_is_gone_is_trouble(staging: Staging) -> None:
    staging.folder.rmdir()
    for attempt in (lambda: staging.create(ID), lambda: staging.knock(ID), staging.check, staging.free_bytes):
        with pytest.raises(StorageError):
            attempt()


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EDQUOT])
def test_a_disk_that_fails_under_a_piece_is_trouble_of_that_kind(
    staging: Staging, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, "the disk fails")

    staging.create(ID)
    held = staging.hold(ID)
    with monkeypatch.context() as during:
        for name in ("pwrite", "pread", "fsync"):
            during.setattr(f"anb.uploads.staging.os.{name}", fail)
        for attempt in (lambda: held.write(b"x"), held.head, held.sync):
            with pytest.raises(StorageError) as raised:
                attempt()
            assert raised.value.errno == number
    held.close()
