import dataclasses
import errno
import gzip
import hashlib
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select, text
from tests.backups.conftest import Contest, content
from tests.closed import close

import anb.backups.copy_in as copy_in_module
from anb import migrations
from anb.backups.check import check_backup, check_system
from anb.backups.copy_in import Restored
from anb.backups.copy_in import restore as copy_in
from anb.backups.copy_out import Made, make
from anb.backups.finished import choose
from anb.backups.manifest import MANIFEST, BackupError, decode
from anb.backups.place import Folder, open_place
from anb.db import Database, now
from anb.players.models import Player
from anb.schema import metadata
from anb.settings import load_settings
from anb.storage.base import Storage
from anb.storage.local import LocalStorage
from anb.storage.trouble import StorageError
from anb.uploads.models import Upload
from anb.videos.models import Video
from anb.voting.models import Vote
from anb.voting.taking_down import take_down


def ignore(_: float) -> None: ...


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "backups" / "anb"


def back_up(contest: Contest, to: Path, storage: Storage | None = None) -> Made:
    return make(contest.cast.database, storage or contest.storage, Folder(to), ignore)


def restore(made: Made, database: Database, storage: Storage) -> Restored:
    return copy_in(made.backup, database, storage, ignore)


def rows(database: Database) -> dict[str, list[Any]]:
    with database.read() as session:
        return {
            table.name: [tuple(row) for row in session.execute(select(table).order_by(*table.primary_key))]
            for table in metadata.sorted_tables
        }


def test_rows_and_bytes_come_back_exactly(contest: Contest, to: Path, new: Database, new_storage: LocalStorage) -> None:
    before = rows(contest.cast.database)
    made = back_up(contest, to)
    assert made.manifest.whole
    restored = restore(made, new, new_storage)
    assert restored.whole
    assert restored.handed_back == 1
    after = rows(new)
    assert (after["players"], after["votes"]) == (before["players"], before["votes"])
    assert len(after["votes"]) == 2
    changed = {was[0] for was, now in zip(before["videos"], after["videos"], strict=True) if was != now}
    assert changed == {contest.running}
    assert content(new_storage) == contest.content()
    assert check_system(made.backup, new, new_storage, ignore).whole
    assert migrations.revision(new) == migrations.head()


def test_a_backup_of_one_database_is_restored_into_the_other(
    contest: Contest, to: Path, tmp_path: Path, new_storage: LocalStorage
) -> None:
    sqlite = Database(f"sqlite:///{tmp_path}/other.db")
    assert restore(back_up(contest, to), sqlite, new_storage).whole
    assert rows(sqlite)["votes"] == rows(contest.cast.database)["votes"]
    sqlite.dispose()


def test_what_was_being_processed_waits_again(
    contest: Contest, to: Path, new: Database, new_storage: LocalStorage
) -> None:
    restore(back_up(contest, to), new, new_storage)
    with new.read() as session:
        video = session.get_one(Video, contest.running)
        assert (video.status, video.lease_until, video.failures, video.progress) == ("pending", None, 0, 0)


def test_of_resumable_uploads_only_the_finished_are_kept(
    contest: Contest, to: Path, new: Database, new_storage: LocalStorage
) -> None:
    now = datetime.now(UTC)
    begun, finished = (
        Upload(
            id=uuid.uuid4(),
            player_id=contest.cast.ana.id,
            length=10,
            title="Triple",
            description="",
            sent_metadata="",
            created_at=now,
            expires_at=now,
            finished_at=finished_at,
            request_id="request",
        )
        for finished_at in (None, now)
    )
    with contest.cast.database.write() as session:
        session.add_all([begun, finished])
    assert restore(back_up(contest, to), new, new_storage).whole
    assert [row[0] for row in rows(new)["uploads"]] == [finished.id]


def test_a_snapshot_sees_one_moment_and_holds_nobody_up(contest: Contest) -> None:
    database = contest.cast.database
    count = select(Vote)
    with database.snapshot() as (connection, _):
        before = len(connection.execute(count).all())
        assert contest.cast.vote(contest.cast.person("Dora"), contest.published).status_code == 201
        assert len(connection.execute(count).all()) == before
    with database.read() as session:
        assert len(session.execute(count).all()) == before + 1


class InterruptedStorage(LocalStorage):
    """Something happens between the copy of a video's first object and that of its others."""

    video_id: uuid.UUID
    happens: Callable[[], None]

    def local(self, key: str, into: Path, alive: Any = None) -> Any:
        if key == f"processed/{self.video_id}.1.mp4":
            self.happens()
        return super().local(key, into, alive)


def back_up_while(contest: Contest, to: Path, video_id: uuid.UUID, happens: Callable[[], None]) -> Made:
    """The rows are copied by then, and the backup leaves this video out, whose rest is not there to be copied."""
    storage = InterruptedStorage(contest.storage.root)
    storage.video_id, storage.happens = video_id, happens
    made = back_up(contest, to, storage)
    assert made.manifest.deleted_since == [video_id]
    assert made.manifest.whole
    return made


def test_a_video_deleted_meanwhile_is_not_brought_back(
    contest: Contest, to: Path, new: Database, new_storage: LocalStorage
) -> None:
    def carla_deletes_hers() -> None:
        cast = contest.cast
        assert cast.client.delete(f"/api/videos/{contest.unloved}", headers=cast.carla.headers).status_code == 204

    made = back_up_while(contest, to, contest.unloved, carla_deletes_hers)
    assert check_backup(made.backup, ignore).whole
    assert restore(made, new, new_storage).whole
    with new.read() as session:
        assert session.get(Video, contest.unloved) is None
        assert session.get_one(Player, contest.cast.carla.id).first_published_at is None
    assert check_system(made.backup, new, new_storage, ignore).whole


def test_a_video_taken_down_meanwhile_is_not_brought_back_nor_its_votes(
    contest: Contest, to: Path, new: Database, new_storage: LocalStorage
) -> None:
    def the_organiser_takes_it_down() -> None:
        assert take_down(contest.cast.database, contest.storage, contest.published) == 2

    made = back_up_while(contest, to, contest.published, the_organiser_takes_it_down)
    assert check_backup(made.backup, ignore).whole
    assert restore(made, new, new_storage).whole
    with new.read() as session:
        assert session.get(Video, contest.published) is None
        assert session.get_one(Player, contest.cast.ana.id).votes == 0
    assert check_system(made.backup, new, new_storage, ignore).whole


def test_bytes_that_are_lost_or_damaged_already_are_told(contest: Contest, to: Path) -> None:
    lost, damaged = f"processed/{contest.published}.1.jpg", f"uploads/{contest.published}.mp4"
    contest.storage.delete(lost)
    contest.storage.path(damaged).write_bytes(b"something else")
    made = back_up(contest, to)
    assert (made.manifest.missing, made.manifest.damaged, made.manifest.whole) == ([lost], [damaged], False)
    assert not check_backup(made.backup, ignore).whole


def test_files_are_copied_once_and_again_when_the_copy_is_not_what_it_was(contest: Contest, to: Path) -> None:
    objects = len(contest.content())
    first = back_up(contest, to)
    assert (first.copied, first.reused) == (objects, 0)
    again = back_up(contest, to)
    assert (again.copied, again.reused) == (0, objects)
    (to / "files" / f"processed/{contest.published}.1.mp4").write_bytes(b"cut")
    contest.accepted()
    third = back_up(contest, to)
    assert (third.copied, third.reused) == (2, objects - 1)
    assert check_backup(third.backup, ignore).whole
    assert [choose(Folder(to), None).moment, len(Folder(to).moments())] == [third.backup.moment, 3]


def test_a_backup_that_was_cut_off_is_none_and_saves_the_next_one_work(contest: Contest, to: Path) -> None:
    made = back_up(contest, to)
    (to / made.backup.moment / MANIFEST).unlink()
    with pytest.raises(BackupError, match="no finished backup"):
        choose(Folder(to), None)
    again = back_up(contest, to)
    assert (again.copied, again.reused) == (4, 4), "originals are known by their rows, results are copied again"


def test_a_damaged_object_is_told_and_the_rest_restored(
    contest: Contest, to: Path, new: Database, new_storage: LocalStorage
) -> None:
    made = back_up(contest, to)
    bad, gone = f"processed/{contest.published}.1.mp4", f"uploads/{contest.waiting}.mp4"
    copy = to / "files" / bad
    copy.write_bytes(copy.read_bytes()[:-1] + b"!")
    (to / "files" / gone).unlink()
    checked = check_backup(made.backup, ignore)
    assert (checked.damaged, checked.missing) == ([bad], [gone])
    restored = restore(made, new, new_storage)
    assert (sorted(restored.damaged), restored.whole) == (sorted([bad, gone]), False)
    assert set(content(new_storage)) == set(contest.content()) - {bad, gone}
    assert set(check_system(made.backup, new, new_storage, ignore).missing) == {bad, gone}


@pytest.mark.parametrize("part", ["tables/votes.jsonl.gz", "files.jsonl.gz"])
def test_damaged_rows_are_refused_before_anything_is_done(
    contest: Contest, to: Path, new: Database, new_storage: LocalStorage, part: str
) -> None:
    made = back_up(contest, to)
    file = to / made.backup.moment / part
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(BackupError, match="missing or damaged"):
        restore(made, new, new_storage)
    assert migrations.revision(new) is None
    assert content(new_storage) == {}


def test_only_an_empty_system_is_restored_into(
    contest: Contest, to: Path, new: Database, new_storage: LocalStorage, storage: LocalStorage
) -> None:
    made = back_up(contest, to)
    with pytest.raises(BackupError, match="database is not empty"):
        restore(made, contest.cast.database, new_storage)
    writer = new_storage.create(f"uploads/{uuid.uuid4()}.mp4")
    writer.commit()
    with pytest.raises(BackupError, match="Storage is not empty"):
        restore(made, new, new_storage)


def test_a_migrated_empty_database_will_do_but_not_one_of_another_step(
    contest: Contest, to: Path, new: Database, new_storage: LocalStorage
) -> None:
    made = back_up(contest, to)
    migrations.upgrade(new)
    with new.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'other'"))
    with pytest.raises(BackupError, match="step other"):
        restore(made, new, new_storage)
    with new.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": migrations.head()})
    assert restore(made, new, new_storage).whole


def test_of_two_restores_at_once_the_second_hears_that_it_is_not_empty(
    contest: Contest, to: Path, new: Database, new_storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first ends while the second copies files, and has looked already."""
    made = back_up(contest, to)
    copy_objects = copy_in_module._copy_objects

    def meanwhile(*arguments: Any) -> None:
        monkeypatch.setattr(copy_in_module, "_copy_objects", copy_objects)
        assert restore(made, new, new_storage).whole
        copy_objects(*arguments)

    monkeypatch.setattr(copy_in_module, "_copy_objects", meanwhile)
    with pytest.raises(BackupError, match="database is not empty"):
        restore(made, new, new_storage)
    assert check_system(made.backup, new, new_storage, ignore).whole


def test_moments_are_told_in_utc_whatever_the_servers_zone(new: Database) -> None:
    """A backup is named by it; in the hour that autumn repeats a local time has two meanings."""
    if new.engine.dialect.name == "postgresql":
        with new.write() as session:
            name = session.scalar(text("SELECT current_database()"))
            session.execute(text(f"ALTER DATABASE {name} SET timezone = 'Europe/Madrid'"))
        new.dispose()
    with new.snapshot() as (_, moment):
        assert moment.tzinfo is UTC
    with new.write() as session:
        assert now(session).tzinfo is UTC


class _Cut(Exception):  # noqa: N818
    pass


def test_a_restore_that_was_cut_off_goes_on_where_it_was(
    contest: Contest, to: Path, new: Database, new_storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = back_up(contest, to)

    def cut(*_: object) -> int:
        raise _Cut

    with monkeypatch.context() as during:
        during.setattr("anb.processing.repository.hand_back_all", cut)
        with pytest.raises(_Cut):
            restore(made, new, new_storage)
    assert migrations.revision(new) is None, "rows and schema come in one transaction"
    restored = restore(made, new, new_storage)
    assert (restored.stored, restored.found, restored.whole) == (0, len(contest.content()), True)


def test_a_backup_of_a_newer_version_is_refused(
    contest: Contest, to: Path, new: Database, new_storage: LocalStorage
) -> None:
    made = back_up(contest, to)
    file = to / made.backup.moment / MANIFEST
    file.write_bytes(dataclasses.replace(made.manifest, schema_revision="9999").encode())
    with pytest.raises(BackupError, match="does not know"):
        restore(made, new, new_storage)
    file.write_bytes(orjson.dumps({"format": 2}))
    with pytest.raises(BackupError, match="another format"):
        restore(made, new, new_storage)
    file.write_bytes(b"{")
    with pytest.raises(BackupError, match="damaged and cannot be read"):
        made.backup.manifest()


def test_a_schema_that_waits_for_a_step_is_not_copied(new: Database, new_storage: LocalStorage, to: Path) -> None:
    with pytest.raises(BackupError, match="anb migrate"):
        make(new, new_storage, Folder(to), ignore)


def test_the_backup_is_for_its_owner_and_holds_no_key_of_the_server(contest: Contest, to: Path) -> None:
    made = back_up(contest, to)
    assert [path.stat().st_mode & 0o077 for path in (to, to / "files", to / made.backup.moment)] == [0, 0, 0]
    secret = contest.cast.client.app.state.settings.signing_key().encode()  # type: ignore[attr-defined]
    for file in to.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            assert secret not in (gzip.decompress(data) if file.suffix == ".gz" else data)


def test_a_place_that_is_not_known_is_a_sentence() -> None:
    with pytest.raises(BackupError, match="ftp://"):
        open_place("ftp://somewhere", load_settings())


def test_a_backup_that_is_not_there_is_a_sentence(contest: Contest, to: Path) -> None:
    made = back_up(contest, to)
    assert choose(Folder(to), made.backup.moment).moment == made.backup.moment
    with pytest.raises(BackupError, match="There is no backup 1999"):
        choose(Folder(to), "1999")


def test_a_backup_without_a_sum_of_its_own_is_from_before_and_is_read(contest: Contest, to: Path) -> None:
    made = back_up(contest, to)
    file = to / made.backup.moment / MANIFEST
    told = orjson.loads(file.read_bytes())
    del told["sha256"]
    file.write_bytes(orjson.dumps(told))
    assert made.backup.manifest() == made.manifest


def test_no_flipped_bit_of_a_manifest_passes(contest: Contest, to: Path) -> None:
    made = back_up(contest, to)
    whole = (to / made.backup.moment / MANIFEST).read_bytes()
    for at in range(len(whole)):
        for bit in (1, 4, 32):
            damaged = bytearray(whole)
            damaged[at] ^= bit
            try:
                told = decode(bytes(damaged))
            except BackupError:
                continue
            assert told == made.manifest, f"byte {at}, bit {bit}"


def seal(folder: Path, change: Any) -> None:
    """As somebody would who alters a backup and mends its sums."""
    told = orjson.loads((folder / MANIFEST).read_bytes())
    told.pop("sha256", None)
    change(told)
    (folder / MANIFEST).write_bytes(orjson.dumps(told))


def repack(folder: Path, name: str, lines: list[bytes]) -> None:
    packed = gzip.compress(b"".join(lines))
    (folder / name).write_bytes(packed)

    def change(told: dict[str, Any]) -> None:
        table = name.removeprefix("tables/").removesuffix(".jsonl.gz")
        part = told["files"] if name == "files.jsonl.gz" else told["tables"][table]
        part |= {"bytes": len(packed), "sha256": hashlib.sha256(packed).hexdigest()}

    seal(folder, change)


def test_a_wrong_id_in_a_manifest_is_a_sentence(contest: Contest, to: Path) -> None:
    made = back_up(contest, to)
    seal(to / made.backup.moment, lambda told: told["deleted_since"].append("no-id"))
    with pytest.raises(BackupError, match=r"the manifest is damaged and cannot be read .* Use another one \(--at\)"):
        made.backup.manifest()


@pytest.mark.parametrize("key", ["../../etc/cron.d/anb", "uploads/../../x.mp4", "/etc/passwd", "uploads/x"])
def test_a_key_that_leads_out_of_storage_is_refused_in_a_sentence(
    contest: Contest, to: Path, new: Database, new_storage: LocalStorage, key: str
) -> None:
    made = back_up(contest, to)
    repack(to / made.backup.moment, "files.jsonl.gz", [orjson.dumps([key, 1, "0" * 64]) + b"\n"])
    with pytest.raises(BackupError, match=rf"Backup {made.backup.moment} in .* names '{key}', which"):
        restore(made, new, new_storage)
    with pytest.raises(BackupError, match="which `anb backup` never writes"):
        check_backup(made.backup, ignore)
    assert (content(new_storage), migrations.revision(new)) == ({}, None)


@pytest.mark.parametrize("name", ["files.jsonl.gz", "tables/players.jsonl.gz"])
@pytest.mark.parametrize("lines", [[b"{\n"], [b"[1]\n"], [b'["a"\n']])
def test_lines_that_mean_nothing_are_refused_in_a_sentence(
    contest: Contest, to: Path, new: Database, new_storage: LocalStorage, name: str, lines: list[bytes]
) -> None:
    made = back_up(contest, to)
    repack(to / made.backup.moment, name, lines)
    with pytest.raises(BackupError, match=f"{name} cannot be read"):
        restore(made, new, new_storage)
    assert migrations.revision(new) is None


def test_a_damaged_backup_does_not_keep_the_next_one_from_being_made(contest: Contest, to: Path) -> None:
    for damage in ("files.jsonl.gz", MANIFEST):
        newest = to / back_up(contest, to).backup.moment / damage
        newest.write_bytes(newest.read_bytes()[:-20])
    made = back_up(contest, to)
    assert check_backup(made.backup, ignore).whole


@pytest.mark.parametrize("damage", ["files.jsonl.gz", MANIFEST])
def test_an_unreadable_backup_costs_the_earlier_ones_no_file(contest: Contest, to: Path, damage: str) -> None:
    """No row knows what a result holds: only an earlier backup can tell that its copy is the good one."""
    first = back_up(contest, to)
    newest = to / back_up(contest, to).backup.moment / damage
    newest.write_bytes(newest.read_bytes()[:-20])
    rotten = contest.storage.path(f"processed/{contest.published}.1.mp4")
    rotten.write_bytes(b"!" + rotten.read_bytes()[1:])
    third = back_up(contest, to)
    assert (third.copied, third.reused) == (0, first.copied)
    assert check_backup(first.backup, ignore).whole
    assert check_backup(third.backup, ignore).whole


def test_damaged_rows_do_not_hide_which_files_are_there(contest: Contest, to: Path) -> None:
    made = back_up(contest, to)
    (to / made.backup.moment / "tables" / "votes.jsonl.gz").unlink()
    again = back_up(contest, to)
    assert (again.copied, again.reused) == (0, made.copied)


def _left_by_a_killed_backup(to: Path) -> list[Path]:
    moment = "20261124T193947.430864Z"
    names = ("files/uploads/.a.mp4.1.part", f"{moment}/tables/players.jsonl.gz", f"{moment}/tables/.a.gz.1.part")
    parts = [to / name for name in names]
    for part in parts:
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(b"half of it")
    return parts


def test_what_a_killed_backup_left_goes_with_the_next_one(contest: Contest, to: Path) -> None:
    """But not what was finished, or is none of ours."""
    finished, other = back_up(contest, to).backup, to / "lost+found"
    other.mkdir()
    _left_by_a_killed_backup(to)
    last = back_up(contest, to).backup
    assert {path.name for path in to.iterdir()} == {".lock", "files", other.name, finished.moment, last.moment}
    assert not list(to.rglob("*.part"))


def test_what_another_backup_is_writing_stays(contest: Contest, to: Path) -> None:
    with Folder(to).held():
        parts = _left_by_a_killed_backup(to)
        assert back_up(contest, to).manifest.whole
        assert [part.exists() for part in parts] == [True] * 3
    back_up(contest, to)
    assert [part.exists() for part in parts] == [False] * 3


def test_a_disk_without_locks_is_backed_up_to_and_not_tidied(
    contest: Contest, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("anb.backups.place.fcntl.flock", refuse)
    parts = _left_by_a_killed_backup(to)
    assert back_up(contest, to).manifest.whole
    assert all(part.exists() for part in parts)


def test_names_of_new_folders_are_on_disk_before_a_backup_is_finished(
    contest: Contest, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr("anb.backups.place.sync_folder", synced.append)
    made = back_up(contest, to)
    assert {to.parent.parent, to.parent, to, to / "files", to / made.backup.moment} <= set(synced)


def test_a_copy_that_cannot_be_read_is_named(contest: Contest, to: Path) -> None:
    made = back_up(contest, to)
    copy = to / "files" / f"uploads/{contest.waiting}.mp4"
    copy.unlink()
    copy.symlink_to("/proc/self/mem")  # opens, and fails to be read as a bad sector does
    with pytest.raises(OSError, match="Input/output error") as failed:
        check_backup(made.backup, ignore)
    assert failed.value.filename == str(copy)


def test_an_original_that_cannot_be_read_is_named_and_all_else_is_backed_up(
    contest: Contest, to: Path, new: Database, new_storage: LocalStorage
) -> None:
    """Else one bad sector would end each backup, the votes' too."""
    before = contest.content()
    key = f"uploads/{contest.waiting}.mp4"
    path = contest.storage.path(key)
    path.unlink()
    path.symlink_to("/proc/self/mem")  # opens, and fails to be read as a bad sector does
    made = back_up(contest, to)
    assert (made.manifest.damaged, made.manifest.missing, made.manifest.whole) == ([key], [], False)
    restored = restore(made, new, new_storage)
    assert not restored.whole
    del before[key]
    assert content(new_storage) == before


def test_a_storage_that_goes_away_ends_the_backup(contest: Contest, to: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it would be called unreadable, one object after the other."""

    def away(*_: object) -> None:
        raise StorageError(errno.EIO, "the share is away")

    monkeypatch.setattr(LocalStorage, "_present", away)
    monkeypatch.setattr(LocalStorage, "check", away)
    with pytest.raises(StorageError, match="the share is away"):
        back_up(contest, to)


def test_a_place_that_goes_away_is_no_deletion(contest: Contest, to: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unmounted disk answers FileNotFoundError, as a video does that its owner deleted."""

    def gone(self: Folder, name: str) -> Any:
        if name.startswith("files/"):
            raise FileNotFoundError(2, "No such file or directory", f"{to}/{name}")
        return create(self, name)

    create = Folder.create
    monkeypatch.setattr(Folder, "create", gone)
    with pytest.raises(FileNotFoundError):
        back_up(contest, to)
    assert Folder(to).moments() == []


def test_a_newest_backup_of_another_user_is_told_of_and_no_older_one_taken(
    contest: Contest, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, newest = back_up(contest, to), back_up(contest, to)
    (to / "lost+found").mkdir()
    for name in ("lost+found", newest.backup.moment):
        close(monkeypatch, to / name)
    with pytest.raises(PermissionError) as refused:
        choose(Folder(to), None).manifest()
    assert refused.value.filename == str(to / newest.backup.moment / MANIFEST)
    assert choose(Folder(to), older.backup.moment).manifest().whole
    again = back_up(contest, to)  # by what it may read
    assert (again.copied, again.manifest.whole) == (0, True)


def test_backups_that_nobody_may_list_are_told_of(contest: Contest, to: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    back_up(contest, to)
    close(monkeypatch, to)
    with pytest.raises(PermissionError):
        choose(Folder(to), None)
