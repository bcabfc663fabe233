import uuid
from pathlib import Path

import pytest

from anb.embedded import only_process
from anb.settings import SettingsError
from tests.cast import Cast
from tests.cli.conftest import Anb
from tests.closed import close
from tests.conftest import SECRET


@pytest.fixture
def contest(cast: Cast, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cast:
    """In a database and a storage that the command is told of."""
    for name, value in (("DATABASE_URL", database_url), ("SECRET_KEY", SECRET), ("ANB_DATA_DIR", str(tmp_path))):
        monkeypatch.setenv(name, value)
    assert cast.upload(cast.ana).status_code == 202
    return cast


def into_a_new_one(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    for name in ("DATABASE_URL", "SECRET_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("ANB_DATA_DIR", str(folder / "new"))


def test_backup_check_and_restore_tell_people_and_programs(
    anb: Anb, contest: Cast, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = anb("backup", "kept", "--verify")
    assert first.exit_code == 0, first.out + first.err
    assert "1 player, 0 samples, 0 uploads, 1 video, 0 votes, 1 file of" in first.out
    assert "Verified: 1 file read and right" in first.out
    again = anb("backup", "kept", "--json")
    assert (again.exit_code, again.json["copied"], again.json["reused"], again.json["rows"]["videos"]) == (0, 0, 1, 1)
    into_a_new_one(monkeypatch, folder)
    checked = anb("restore", "kept", "--check", "--json")
    assert (checked.exit_code, checked.json["whole"], checked.json["moment"]) == (0, True, again.json["moment"])
    restored = anb("restore", "kept", "--at", again.json["moment"], "--verify", "--json")
    assert (restored.exit_code, restored.json["whole"], restored.json["verified"]["objects_read"]) == (0, True, 1)
    assert restored.json["rpo_s"] >= 0
    refused = anb("restore", "kept")
    assert (refused.exit_code, "not empty" in refused.err) == (1, True)


def test_what_is_not_whole_ends_with_1_and_names_it(
    anb: Anb, contest: Cast, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = anb("backup", "kept", "--json").json
    file = next((folder / "kept" / "files" / "uploads").iterdir())
    file.write_bytes(b"!" * file.stat().st_size)
    checked = anb("restore", "kept", "--check")
    assert checked.exit_code == 1
    assert f"damaged: uploads/{file.name}" in checked.out
    into_a_new_one(monkeypatch, folder)
    restored = anb("restore", "kept", "--verify")
    assert restored.exit_code == 1
    assert f"damaged: uploads/{file.name}" in restored.out
    assert "NOT whole" in restored.out
    assert kept["whole"]


def test_wrong_calls_are_sentences(anb: Anb, contest: Cast) -> None:
    missing = anb("restore", "nowhere", "--check", "--json")
    assert (missing.exit_code, missing.json["whole"]) == (1, False)
    assert "no finished backup" in missing.json["detail"]
    assert anb("restore", "nowhere", "--check", "--verify").exit_code == 2


def test_a_running_server_is_not_restored_into(
    anb: Anb, contest: Cast, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    anb("backup", "kept")
    into_a_new_one(monkeypatch, folder)
    with only_process(folder / "new"), pytest.raises(SettingsError, match="in use") as refused:
        anb("restore", "kept")
    assert "--data-dir" not in str(refused.value), "which `anb restore` does not have"


def test_a_mistyped_data_folder_is_not_backed_up_and_not_made(
    anb: Anb, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANB_DATA_DIR", str(folder / "anb-dtaa"))
    for command in (("backup", "kept"), ("recount", "--check"), ("retry", str(uuid.uuid4()))):
        answer = anb(*command)
        assert answer.exit_code == 1
        assert answer.err == (
            f"There is no database {folder / 'anb-dtaa' / 'anb.db'}: is ANB_DATA_DIR right? Ask `anb doctor`.\n"
        )
    (folder / "anb-dtaa").mkdir()  # what a mount point is without its disk
    assert anb("backup", "kept").exit_code == 1
    assert [path.name for path in folder.rglob("*")] == ["anb-dtaa"]


@pytest.mark.parametrize("place", ["anb-data", "anb-data/backups", "anb-data/media/backups", "link"])
def test_a_backup_inside_of_what_it_protects_is_refused(anb: Anb, folder: Path, place: str) -> None:
    anb("migrate")
    (folder / "link").symlink_to("anb-data")
    before = sorted(folder.rglob("*"))
    answer = anb("backup", place)
    assert answer.exit_code == 1
    assert (
        answer.err.startswith(f"{place} is inside of what is backed up (ANB_DATA_DIR, ")
        or "(MEDIA_ROOT, " in answer.err
    )
    assert [
        path for path in sorted(folder.rglob("*")) if path not in before and not path.name.startswith("anb.db")
    ] == []


def test_a_backup_inside_of_the_medias_bucket_is_refused(
    anb: Anb, contest: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDIA_ROOT", "s3://anb-media/cup")
    answer = anb("backup", "s3://anb-media/cup/backups")
    assert (answer.exit_code, "MEDIA_ROOT, s3://anb-media/cup)" in answer.err) == (1, True)


def test_trouble_names_its_file_and_not_its_number(anb: Anb, folder: Path) -> None:
    anb("migrate")
    (folder / "file").touch()
    answer = anb("backup", "file/kept")
    assert (answer.exit_code, answer.err.splitlines()[-1]) == (
        1, "file: Not a directory. A file is where a folder is wanted: move it away, or name another place.",
    )  # fmt: skip
    answer = anb("restore", "nowhere", "--check")
    assert answer.err == "There is no finished backup in nowhere: no folder of it has a manifest.json.\n"


def test_backups_that_may_not_be_read_are_not_called_none(
    anb: Anb, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    anb("migrate")
    anb("backup", "kept")
    close(monkeypatch, folder / "kept")
    for more in ((), ("--check",)):
        answer = anb("restore", "kept", *more)
        assert answer.exit_code == 1
        assert answer.err.splitlines()[-1].startswith("kept: Permission denied. This user may not do that: run it as")


def test_only_the_answer_is_printed(real_anb: Anb, folder: Path) -> None:
    """No line of Alembic's for every step."""
    migrated = real_anb("migrate")
    assert (migrated.exit_code, migrated.err) == (0, "")
    real_anb("backup", "kept")
    restored = real_anb("restore", "kept", "--json", ANB_DATA_DIR="new")
    assert (restored.exit_code, restored.err) == (0, "")
