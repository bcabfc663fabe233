"""A bucket as the place of backups, and a bucket as the storage that is backed up."""

import uuid
from pathlib import Path

import pytest
from tests.backups.conftest import Contest, content
from tests.backups.test_backup_and_restore import ignore, restore, rows
from tests.storage.s3_server import S3Server

from anb.backups.check import check_backup, check_system
from anb.backups.copy_out import make
from anb.backups.finished import choose
from anb.backups.manifest import MANIFEST, BackupError
from anb.backups.place import Folder, open_place
from anb.db import Database
from anb.settings import load_settings
from anb.storage.local import LocalStorage
from anb.storage.s3 import S3Storage


def test_to_a_bucket_and_back(contest: Contest, new: Database, new_storage: LocalStorage, s3_server: S3Server) -> None:
    settings = load_settings(s3_endpoint_url=s3_server.endpoint)
    folder = f"backups/{uuid.uuid4()}"
    place = open_place(f"s3://{s3_server.bucket}/{folder}", settings)
    with pytest.raises(BackupError, match="no finished backup"):
        choose(place, None)
    first = make(contest.cast.database, contest.storage, place, ignore)
    again = make(contest.cast.database, contest.storage, place, ignore)
    assert (first.copied, again.copied, again.reused) == (len(contest.content()), 0, first.copied)
    assert place.moments() == [first.backup.moment, again.backup.moment]
    for name in ("files/" + next(iter(contest.content())), f"{again.backup.moment}/{MANIFEST}"):
        found = s3_server.client().head_object(Bucket=s3_server.bucket, Key=f"{folder}/{name}")
        assert found["CacheControl"] == "private, no-store"
    assert check_backup(again.backup, ignore).whole
    assert restore(again, new, new_storage).whole
    assert rows(new)["votes"] == rows(contest.cast.database)["votes"]
    assert content(new_storage) == contest.content()


def test_media_of_a_bucket(contest: Contest, new: Database, s3_server: S3Server, tmp_path: Path) -> None:
    old, other = (S3Storage(f"s3://{s3_server.bucket}/{uuid.uuid4()}", endpoint=s3_server.endpoint) for _ in range(2))
    for key, data in contest.content().items():
        (tmp_path / "object").write_bytes(data)
        old.put_file(tmp_path / "object", key)
    made = make(contest.cast.database, old, Folder(tmp_path / "backups"), ignore)
    assert made.manifest.whole
    assert restore(made, new, other).whole
    assert check_system(made.backup, new, other, ignore).whole
