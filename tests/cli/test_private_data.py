"""In the embedded shape nobody else on the machine reads addresses, keys or originals."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from anb.embedded import keep_private
from anb.settings import load_settings
from tests.cli.conftest import Anb, Running


def open_to_others(folder: Path) -> set[str]:
    """What another user of the machine could read, reached from `folder` on."""
    return {path.name for path in [folder, *folder.iterdir()] if path.stat().st_mode & 0o077}


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_a_server_keeps_its_data_to_itself(running: Running) -> None:
    assert {"anb.db", "anb.db-wal", "secret_key", "media"} <= {path.name for path in running.data_dir.iterdir()}
    assert open_to_others(running.data_dir) == set()


def test_migrate_and_restore_make_a_private_folder(anb: Anb, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    anb("migrate")
    anb("backup", "kept")
    monkeypatch.setenv("ANB_DATA_DIR", str(folder / "new"))
    assert anb("restore", "kept").exit_code == 0
    for made in ("anb-data", "new"):
        assert open_to_others(folder / made) == set()


def test_a_folder_that_an_earlier_version_left_open_is_closed(anb: Anb, folder: Path) -> None:
    data = folder / "anb-data"
    data.mkdir(mode=0o755)
    (data / "media").mkdir(mode=0o755)
    (data / "anb.db").touch(mode=0o644)
    (data / "storage-move-0123456789ab.jsonl").touch(mode=0o644)
    assert anb("migrate").exit_code == 0
    assert open_to_others(data) == set()


def test_a_folder_with_other_things_stays_open_and_ours_in_it_is_closed(folder: Path) -> None:
    (folder / "public_html").mkdir(mode=0o755)
    (folder / "anb.db").touch(mode=0o644)
    keep_private(load_settings(data_dir=folder))
    assert open_to_others(folder) == {folder.name, "public_html"}


def test_media_elsewhere_may_be_shared(folder: Path) -> None:
    shared = folder / "shared"
    shared.mkdir(mode=0o775)
    keep_private(load_settings(data_dir=folder / "data", media_root=str(shared)))
    assert shared.stat().st_mode & 0o777 == 0o755  # as the umask made it
    assert not (folder / "data" / "media").exists()
