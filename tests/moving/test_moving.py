"""`anb storage move`: what rows name arrives whole, whatever happens meanwhile, and nothing else is touched."""

import hashlib
import json
import multiprocessing
import random
import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from anb.cli import app as command
from anb.commands import move_media
from anb.commands.move_media import Refused
from anb.db import Database
from anb.moving.journal import BusyJournalError, Journal, Verified
from anb.moving.media import LostError, Move, Outcome, are_one_place
from anb.settings import Settings
from anb.storage import open_at
from anb.storage.base import ORIGINALS, RESULTS, Storage
from anb.storage.local import LocalStorage
from anb.videos.lifecycle import Status
from anb.videos.models import Video
from tests.cast import Cast
from tests.conftest import POSTGRES
from tests.storage.s3_server import S3Server
from tests.storage.stores import made

KILLS = 20
SEED = 11
MIB = 1024 * 1024


class Media:
    """Rows with their bytes, and what each object must be."""

    def __init__(self, cast: Cast, storage: Storage, seed: int) -> None:
        self.cast, self.storage = cast, storage
        self.dice = random.Random(seed)
        self.expected: dict[str, str] = {}

    def add(self, size: int | None = None, status: Status = Status.COMPLETED) -> uuid.UUID:
        """As the application does it: bytes, then the row."""
        video_id = uuid.uuid4()
        original = self._store(f"{ORIGINALS}/{video_id}.mp4", self.dice.randrange(1, 200_000) if size is None else size)
        if status == Status.COMPLETED:
            for extension in ("mp4", "jpg"):
                self._store(f"{RESULTS}/{video_id}.1.{extension}", self.dice.randrange(1, 100_000))
        self.cast.video(self.cast.ana, status=status, id=video_id)
        with self.cast.database.write() as session:
            session.execute(update(Video).where(Video.id == video_id).values(original_sha256=original))
        return video_id

    def _store(self, key: str, size: int) -> str:
        data = self.dice.randbytes(size)
        writer = self.storage.create(key)
        writer.write(data)
        writer.commit()
        self.expected[key] = hashlib.sha256(data).hexdigest()
        return self.expected[key]

    def remove(self, video_id: uuid.UUID) -> list[str]:
        with self.cast.database.write() as session:
            session.delete(session.get_one(Video, video_id))
        keys = [key for key in self.expected if str(video_id) in key]
        for key in keys:
            self.storage.delete(key)
            del self.expected[key]
        return keys


@pytest.fixture
def source(settings: Settings) -> LocalStorage:
    return LocalStorage(Path(settings.media))


@pytest.fixture
def media(cast: Cast, source: LocalStorage) -> Media:
    return Media(cast, source, seed=3)


@pytest.fixture
def target(tmp_path: Path) -> LocalStorage:
    return made(tmp_path / "target")


@contextmanager
def moving(settings: Settings, database: Database, source: Storage, target: Storage, tmp_path: Path) -> Iterator[Move]:
    with Journal.open(tmp_path / "journals", "source", "target") as journal:
        yield Move(database, source, target, journal, tmp_path / "scratch-of-move")


def digests(storage: Storage, into: Path) -> dict[str, str]:
    found = {}
    for folder in (ORIGINALS, RESULTS):
        for stored in storage.objects(folder):
            with storage.local(stored.key, into) as path:
                found[stored.key] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def test_what_rows_name_is_moved_and_only_that(
    settings: Settings, database: Database, media: Media, source: LocalStorage, target: LocalStorage, tmp_path: Path
) -> None:
    for status in (Status.COMPLETED, Status.PENDING, Status.FAILED):
        media.add(status=status)
    named = dict(media.expected)
    media._store(f"{ORIGINALS}/{uuid.uuid4()}.mp4", 10)  # nobody's
    with moving(settings, database, source, target, tmp_path) as move:
        outcome = move.run()
        assert digests(target, tmp_path) == named
        assert (outcome.complete, outcome.copied, outcome.in_target) == (True, len(named), len(named))
        assert move.run().copied == 0
        move.delete_source(outcome)
    assert outcome.deleted == len(named)
    assert digests(source, tmp_path).keys() == media.expected.keys() - named.keys()
    assert not (tmp_path / "scratch-of-move").exists()


def test_uploads_that_arrive_meanwhile_are_caught_by_the_next_pass(
    settings: Settings, database: Database, media: Media, source: LocalStorage, target: LocalStorage, tmp_path: Path
) -> None:
    media.add()
    arrivals = [1, 1, 0]

    def arrive(_: Outcome) -> None:
        for _video in range(arrivals.pop(0) if arrivals else 0):
            media.add()

    with Journal.open(tmp_path, "a", "b") as journal:
        outcome = Move(database, source, target, journal, tmp_path / "scratch", arrive).run()
    assert outcome.complete
    assert digests(target, tmp_path) == media.expected
    assert len(media.expected) == 9


class Vanishing(LocalStorage):
    """Between a row that was read and its objects, the video is deleted."""

    vanish: Callable[[], object]
    lock = threading.Lock()

    def local(self, key: str, into: Path, alive: Callable[[], None] = lambda: None) -> Any:
        with self.lock:
            self.vanish()
            self.vanish = lambda: None
        return super().local(key, into, alive)


def test_a_video_that_is_deleted_meanwhile_is_no_loss(
    settings: Settings, database: Database, media: Media, source: LocalStorage, target: LocalStorage, tmp_path: Path
) -> None:
    video_id = media.add()
    vanishing = Vanishing(source.root)
    vanishing.vanish = partial(media.remove, video_id)
    with moving(settings, database, vanishing, target, tmp_path) as move:
        outcome = move.run()
    assert (outcome.complete, outcome.missing, outcome.in_target) == (True, [], 0)


def test_what_is_in_neither_place_is_named_and_forbids_to_delete(
    settings: Settings, database: Database, media: Media, source: LocalStorage, target: LocalStorage, tmp_path: Path
) -> None:
    lost = f"{ORIGINALS}/{media.add()}.mp4"
    source.delete(lost)
    with moving(settings, database, source, target, tmp_path) as move:
        outcome = move.run()
        assert (outcome.complete, outcome.missing) == (False, [lost])
        with pytest.raises(ValueError, match="complete"):
            move.delete_source(outcome)


def test_an_original_that_is_not_what_was_uploaded_is_not_passed_on(
    settings: Settings, database: Database, media: Media, source: LocalStorage, target: LocalStorage, tmp_path: Path
) -> None:
    key = f"{ORIGINALS}/{media.add()}.mp4"
    source.path(key).write_bytes(b"rotten")
    with moving(settings, database, source, target, tmp_path) as move:
        outcome = move.run()
    assert (outcome.complete, outcome.damaged) == (False, [key])
    assert not target.exists(key)


class Rotting(LocalStorage):
    """Keeps something else than it is given."""

    def create(self, key: str) -> Any:
        writer = super().create(key)
        writer.write(b"rot")
        return writer


def test_a_target_that_keeps_other_bytes_is_found_out(
    settings: Settings, database: Database, media: Media, source: LocalStorage, tmp_path: Path
) -> None:
    media.add()
    target = Rotting(tmp_path / "target")
    target.make()
    with moving(settings, database, source, target, tmp_path) as move:
        outcome = move.run()
    assert sorted(outcome.damaged) == sorted(media.expected)
    assert list((tmp_path / "target").rglob("*.mp4")) == []


def test_an_object_that_cannot_be_read_is_named_and_all_else_is_moved(
    settings: Settings, database: Database, media: Media, source: LocalStorage, target: LocalStorage, tmp_path: Path
) -> None:
    media.add()
    key = min(media.expected)
    source.path(key).unlink()
    source.path(key).symlink_to("/proc/self/mem")  # opens, and fails to be read as a bad sector does
    with moving(settings, database, source, target, tmp_path) as move:
        outcome = move.run()
    assert (outcome.damaged, outcome.missing, outcome.complete) == ([key], [], False)
    del media.expected[key]
    assert all(target.exists(other) for other in media.expected)
    assert not target.exists(key)


def test_a_target_that_was_emptied_is_filled_again(
    settings: Settings, database: Database, media: Media, source: LocalStorage, target: LocalStorage, tmp_path: Path
) -> None:
    media.add()
    with moving(settings, database, source, target, tmp_path) as move:
        move.run()
        for key in media.expected:
            target.delete(key)
        outcome = move.run()
        assert outcome.copied == 3
        target.delete(next(iter(media.expected)))
        move.delete_source(outcome)  # what is not there at this moment is not deleted here either
    assert len(digests(source, tmp_path)) == 1


def test_what_the_application_wrote_into_the_target_counts(
    settings: Settings, database: Database, cast: Cast, source: LocalStorage, target: LocalStorage, tmp_path: Path
) -> None:
    switched = Media(cast, target, seed=5)
    switched.add()
    with moving(settings, database, source, target, tmp_path) as move:
        outcome = move.run()
    assert (outcome.complete, outcome.copied, outcome.in_target) == (True, 0, 3)


def test_a_journal_outlives_a_torn_line_and_has_one_writer(tmp_path: Path) -> None:
    with Journal.open(tmp_path, "a", "b") as journal:
        journal.add(Verified("one", 1, "x"))
        with pytest.raises(BusyJournalError), Journal.open(tmp_path, "a", "b"):
            pass
    (path,) = tmp_path.iterdir()
    with path.open("ab") as file:
        file.write(b'{"key": "two", "si')
    with Journal.open(tmp_path, "a", "b") as journal:
        journal.add(Verified("three", 3, "z"))
    with Journal.open(tmp_path, "a", "b") as journal:
        assert [journal.has(key, size) for key, size in (("one", 1), ("one", 2), ("two", 1), ("three", 3))] == [
            True, False, False, True,
        ]  # fmt: skip
    with Journal.open(tmp_path, "b", "a") as other:
        assert not other.has("one", 1)


def run_move(settings: Settings, source: str, target: str, delete: bool) -> None:
    """What the command does, in a process of its own."""
    database = Database(settings.database, pool_size=1)
    try:
        move_media.move(settings, database, source, target, delete_source=delete)
    finally:
        database.dispose()


@pytest.mark.slow
def test_killed_twenty_times_at_random_moments_it_ends_exact(
    settings: Settings, database: Database, media: Media, source: LocalStorage, s3_server: S3Server, tmp_path: Path
) -> None:
    if not database.engine.url.drivername.startswith("postgresql") and POSTGRES:
        pytest.skip("one database is enough")
    place = f"s3://{s3_server.bucket}/{uuid.uuid4()}"
    settings = settings.model_copy(update={"s3_endpoint_url": s3_server.endpoint})
    switched = settings.model_copy(update={"media_root": place, "media_fallback": settings.media})
    target = open_at(place, settings)
    dice = random.Random(SEED)
    doomed = [media.add() for _ in range(40)]
    media.add(size=20 * MIB)
    kills = 0
    while kills < KILLS:
        kills += _killed(settings, settings.media, place, delete=False, dice=dice)
        media.add(status=dice.choice([Status.COMPLETED, Status.PENDING]))
        if dice.random() < 0.3:
            media.remove(doomed.pop(dice.randrange(len(doomed))))
    run_move(settings, settings.media, place, False)
    seen = digests(target, tmp_path)
    assert {key: seen[key] for key in media.expected} == media.expected
    assert digests(source, tmp_path) == media.expected, "the source was touched"
    for _ in range(3):
        _killed(switched, settings.media, place, delete=True, dice=dice)
        held = digests(source, tmp_path) | digests(target, tmp_path)
        assert held.items() >= media.expected.items()
    run_move(switched, settings.media, place, True)
    assert digests(source, tmp_path) == {}
    seen = digests(target, tmp_path)
    assert {key: seen[key] for key in media.expected} == media.expected


def _killed(settings: Settings, source: str, target: str, *, delete: bool, dice: random.Random) -> bool:
    """Whether it was killed before its end. The moment: some objects after its start, and a little later."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.moving.test_moving"])
    journal = next(Path(settings.data_dir).glob("storage-move-*.jsonl"), None)
    written = journal.stat().st_size if journal else 0
    process = context.Process(target=run_move, args=(settings, source, target, delete))
    process.start()
    awaited = written + dice.randrange(4) * 200  # a line has some 200 bytes
    while process.is_alive() and not delete:
        journal = journal or next(Path(settings.data_dir).glob("storage-move-*.jsonl"), None)
        if journal and journal.stat().st_size >= awaited:
            break
        process.join(0.005)
    process.join(dice.random() * (0.5 if delete else 0.1))
    process.kill()
    process.join()
    code = process.exitcode
    process.close()
    assert code in {0, -signal.SIGKILL}
    return code != 0


def test_the_command_says_what_to_do_next_and_refuses_what_cannot_be_meant(
    settings: Settings, media: Media, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if settings.database.startswith("postgresql"):
        pytest.skip("one database is enough")
    media.add()
    old, new = settings.media, str(tmp_path / "new")
    for name, value in {
        "DATABASE_URL": settings.database, "CELERY_BROKER_URL": "memory://", "ANB_DATA_DIR": str(settings.data_dir),
        "SECRET_KEY": settings.secret_key.get_secret_value(),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)

    def call(*more: str) -> tuple[int, str]:
        done = CliRunner().invoke(command, ["storage", "move", "--from", old, "--to", new, *more])
        return done.exit_code, done.output

    monkeypatch.setenv("ANB_ACCEL_PREFIX", "/stored")
    code, text = call()
    assert code == 0
    assert f"ANB_MEDIA_FALLBACK={new} for every process, leave MEDIA_ROOT={old}, unset ANB_ACCEL_PREFIX" in text
    monkeypatch.delenv("ANB_ACCEL_PREFIX")
    monkeypatch.setenv("ANB_MEDIA_FALLBACK", new)
    code, text = call()
    assert f"MEDIA_ROOT={new} and ANB_MEDIA_FALLBACK={old}" in text
    assert f"ANB_STAGING_DIR={old}/incoming" in text
    code, text = call("--delete-source")
    assert (code, "only after the switch" in text.replace("\n", " ")) == (2, True)
    monkeypatch.setenv("MEDIA_ROOT", new)
    monkeypatch.setenv("ANB_MEDIA_FALLBACK", old)
    code, text = call()
    assert "--delete-source" in text
    code, text = call("--delete-source", "--json")
    report = json.loads(text.splitlines()[-1])
    assert (code, report["complete"], report["deleted_from_source"]) == (0, True, 3)
    assert f"its ANB_MEDIA is {new} now" in report["next"][0]
    assert "Unset ANB_MEDIA_FALLBACK" in report["next"][1]


@pytest.mark.parametrize(
    ("source", "target", "why"),
    [
        ("/nowhere", "/tmp/x", "no such folder"),
        ("/tmp", "/tmp/", "same place"),
        ("/tmp", "s3://B", "s3://BUCKET"),
        ("gs://x", "/tmp", "use a folder"),
        ("s3:/x", "/tmp", "use a folder or s3://BUCKET/PREFIX"),
    ],
)
def test_a_call_that_cannot_be_meant_is_refused(
    settings: Settings, database: Database, source: str, target: str, why: str
) -> None:
    with pytest.raises(Refused, match=why):
        move_media.move(settings, database, source, target, delete_source=False)


def _linked(source: Path, target: Path) -> None:
    target.mkdir()
    for folder in (ORIGINALS, RESULTS):
        (target / folder).symlink_to(source / folder)


def _linked_in_part(source: Path, target: Path) -> None:
    target.mkdir()
    (target / RESULTS).symlink_to(source / RESULTS)


def _whole(source: Path, target: Path) -> None:
    target.symlink_to(source)


@pytest.mark.parametrize("link", [_linked, _linked_in_part, _whole])
def test_one_place_by_two_names_is_never_moved_nor_deleted(
    settings: Settings,
    database: Database,
    media: Media,
    source: LocalStorage,
    tmp_path: Path,
    link: Callable[[Path, Path], None],
) -> None:
    media.add()
    link(source.root, tmp_path / "other")
    switched = settings.model_copy(update={"media_root": str(tmp_path / "other"), "media_fallback": settings.media})
    with pytest.raises(Refused, match="are the same place"):
        move_media.move(switched, database, settings.media, str(tmp_path / "other"), delete_source=True)
    assert digests(source, tmp_path) == media.expected


def test_one_bucket_by_two_names_is_never_moved(settings: Settings, s3_server: S3Server) -> None:
    by_name = settings.model_copy(update={"s3_endpoint_url": s3_server.endpoint})
    by_alias = settings.model_copy(update={"s3_endpoint_url": s3_server.endpoint.replace("127.0.0.1", "localhost")})
    place = f"s3://{s3_server.bucket}/{uuid.uuid4()}"
    assert are_one_place(open_at(place, by_name), open_at(f"{place}/", by_alias))
    assert not are_one_place(open_at(place, by_name), open_at(f"{place}x", by_name))
    assert list(open_at(place, by_name).objects(ORIGINALS)) == []


class Forgetful(LocalStorage):
    """Linked with the source after it was asked: what is deleted there is gone here."""

    source: LocalStorage

    def exists(self, key: str) -> bool:
        return self.source.exists(key) and super().exists(key)


def test_deleting_stops_at_the_first_object_that_leaves_the_target_too(
    settings: Settings, database: Database, media: Media, source: LocalStorage, tmp_path: Path
) -> None:
    media.add()
    target = Forgetful(tmp_path / "target")
    target.make()
    target.source = source
    with moving(settings, database, source, target, tmp_path) as move:
        outcome = move.run()
        with pytest.raises(LostError, match="left the target"):
            move.delete_source(outcome)
    assert len(digests(source, tmp_path)) == len(media.expected) - 1


class Emptying(LocalStorage):
    """A player's deletion comes through, of both places, just before an object is deleted here."""

    remove: Callable[[], object]

    def delete(self, key: str) -> None:
        self.remove()
        super().delete(key)


def test_a_video_that_is_deleted_while_its_source_is_emptied_is_no_loss(
    settings: Settings, database: Database, media: Media, source: LocalStorage, target: LocalStorage, tmp_path: Path
) -> None:
    video_id = media.add()
    emptying = Emptying(source.root)

    def remove() -> None:
        emptying.remove = lambda: None
        for key in media.remove(video_id):
            target.delete(key)

    emptying.remove = remove
    with moving(settings, database, emptying, target, tmp_path) as move:
        move.delete_source(move.run())
    assert digests(source, tmp_path) == digests(target, tmp_path) == {}


def test_a_video_that_is_deleted_before_it_is_read_back_is_no_loss(
    settings: Settings, database: Database, media: Media, source: LocalStorage, tmp_path: Path
) -> None:
    video_id = media.add()
    target = Vanishing(tmp_path / "target")
    target.vanish = lambda: None
    target.make()
    with moving(settings, database, source, target, tmp_path) as move:
        outcome = move.run()

    def remove() -> None:
        for key in media.remove(video_id):
            target.delete(key)

    target.vanish = remove
    with moving(settings, database, source, target, tmp_path) as move:  # another process: it reads again
        move.delete_source(outcome)
    assert digests(source, tmp_path) == {}


def test_what_an_earlier_run_has_deleted_is_not_counted_again(
    settings: Settings, database: Database, media: Media, source: LocalStorage, target: LocalStorage, tmp_path: Path
) -> None:
    media.add()
    counts = []
    for _ in range(2):
        with moving(settings, database, source, target, tmp_path) as move:
            outcome = move.run()
            move.delete_source(outcome)
            counts.append(outcome.deleted)
    assert counts == [3, 0]


def test_what_changed_in_the_target_since_it_was_read_back_is_not_deleted_from_the_source(
    settings: Settings, database: Database, media: Media, source: LocalStorage, target: LocalStorage, tmp_path: Path
) -> None:
    media.add()
    with moving(settings, database, source, target, tmp_path) as move:
        move.run()
    key = next(iter(media.expected))
    whole = target.path(key).read_bytes()
    target.path(key).write_bytes(bytes(len(whole)))
    with moving(settings, database, source, target, tmp_path) as move:  # another process, with the same journal
        move.delete_source(move.run())
    assert digests(source, tmp_path) == {key: media.expected[key]}


def test_a_source_that_is_not_in_use_is_a_slip(settings: Settings, database: Database, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"neither MEDIA_ROOT .* nor ANB_MEDIA_FALLBACK"):
        move_media.move(settings, database, str(tmp_path), str(tmp_path / "x"), delete_source=False)
