"""While media move: found in either place, written to the first, deleted in both."""

import uuid
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from anb.api import create_app
from anb.settings import Settings, SettingsError, load_settings
from anb.storage import open_storage
from anb.storage.base import ORIGINALS, RESULTS, Storage
from anb.storage.fallback import FallbackStorage
from tests.storage.stores import made

SECRET = "a secret that only tests know, long enough"
KEY = f"{ORIGINALS}/{uuid.UUID(int=7)}.mp4"


def put(storage: Storage, data: bytes) -> None:
    writer = storage.create(KEY)
    writer.write(data)
    writer.commit()


def test_two_places_are_one(tmp_path: Path) -> None:
    first, second = made(tmp_path / "first"), made(tmp_path / "second")
    both = FallbackStorage(first, second)
    put(second, b"old")
    assert both.exists(KEY)
    assert both.place(KEY, "GET") == second.path(KEY)
    with both.local(KEY, tmp_path) as path:
        assert path.read_bytes() == b"old"
    put(both, b"new")
    assert both.place(KEY, "GET") == first.path(KEY)
    both.delete(KEY)
    assert not first.exists(KEY)
    assert not second.exists(KEY)
    with pytest.raises(FileNotFoundError):
        both.place(KEY, "GET")


def test_the_settings_open_both(tmp_path: Path) -> None:
    settings = load_settings(media_root=str(tmp_path / "a"), media_fallback=str(tmp_path / "b"), secret_key=SECRET)
    made(tmp_path / "a")
    put(made(tmp_path / "b"), b"old")
    assert open_storage(settings).exists(KEY)


@pytest.mark.parametrize("place", ["gs://bucket", "s3://", "s3://Bucket", "s3://bucket/../x y", "s3://bucket//a"])
def test_a_place_that_cannot_be_is_refused_at_the_start(place: str) -> None:
    with pytest.raises(SettingsError, match=r"MEDIA_ROOT.*s3://BUCKET"):
        load_settings(media_root=place)


def test_with_s3_other_files_lie_in_the_data_folder(tmp_path: Path) -> None:
    settings = load_settings(media_root="s3://bucket/cup/", data_dir=tmp_path)
    assert settings.media == "s3://bucket/cup"
    assert (settings.scratch, settings.staging) == (tmp_path / "scratch", tmp_path / "incoming")


def test_nginx_is_not_asked_for_what_it_does_not_see(settings: Settings, tmp_path: Path) -> None:
    key = f"{RESULTS}/{uuid.UUID(int=7)}.1.mp4"
    for place in ("new", "old"):
        made(tmp_path / place).path(key).write_bytes(place.encode())
    new, old = str(tmp_path / "new"), str(tmp_path / "old")
    update = {"media_root": new, "media_fallback": old, "accel_prefix": "/stored"}
    with TestClient(create_app(settings.model_copy(update=update))) as client:
        assert client.get(f"/media/{key}").headers["x-accel-redirect"] == f"/stored/{key}"
        (tmp_path / "new" / key).unlink()
        assert client.get(f"/media/{key}").content == b"old"
