import contextlib
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import update

from anb.db import Database
from anb.players.models import Player
from anb.settings import SettingsError
from anb.videos.lifecycle import Status
from anb.videos.models import Video
from tests.cast import Cast
from tests.cli.conftest import Anb
from tests.conftest import SECRET


@pytest.fixture
def counted(cast: Cast, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Cast:
    """A contest in a database that the command is told of."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("SECRET_KEY", SECRET)
    cast.vote(cast.beto, cast.video(cast.ana))
    return cast


def _falsify(database: Database) -> None:
    with database.write() as session:
        session.execute(update(Video).values(votes=7))
        session.execute(update(Player).where(Player.votes > 0).values(votes=9))


def test_a_recount_of_an_honest_contest_agrees(anb: Anb, counted: Cast) -> None:
    answer = anb("recount", "--check")
    assert (answer.exit_code, answer.out) == (0, "All totals agree with the votes.\n")


def test_a_falsified_total_is_found_and_left_alone_by_check(anb: Anb, counted: Cast) -> None:
    _falsify(counted.database)
    for _ in range(2):
        answer = anb("recount", "--check", "--json")
        assert answer.exit_code == 1
        found = {(one["kind"], one["total"], one["votes"]) for one in answer.json["differences"]}
        assert found == {("video", 7, 1), ("player", 9, 1)}
    assert "7 is, but should be 1" in anb("recount", "--check").out


def test_repair_sets_totals_to_what_the_votes_say(anb: Anb, counted: Cast) -> None:
    _falsify(counted.database)
    answer = anb("recount", "--repair")
    assert answer.exit_code == 0
    assert "7 was, and is now 1" in answer.out
    assert anb("recount", "--check", "--json").json["agrees"]


def test_a_recount_without_a_schema_is_a_sentence(anb: Anb, folder: Path) -> None:
    (folder / "anb-data").mkdir()
    answer = anb("recount", "--check")
    assert answer.exit_code == 1
    assert "anb doctor" in answer.err


def test_retry_puts_only_a_failed_video_back(anb: Anb, counted: Cast) -> None:
    failed = counted.video(counted.ana, status=Status.FAILED)
    assert anb("retry", failed, "--json").json == {"video_id": str(failed), "retried": True}
    again = anb("retry", failed)
    assert (again.exit_code, again.err) == (1, "No failed video has this id.\n")
    assert anb("retry", "no-id").exit_code == 2


def test_a_video_is_taken_down_once_with_its_votes(anb: Anb, counted: Cast) -> None:
    (video,) = counted.client.get("/api/public/videos").json()
    assert anb("take-down", video["video_id"], "--json").json == {
        "video_id": video["video_id"], "taken_down": True, "votes": 1,
    }  # fmt: skip
    assert anb("recount", "--check").exit_code == 0
    again = anb("take-down", video["video_id"])
    assert (again.exit_code, again.err) == (1, "No video has this id.\n")


def test_migrate_makes_a_database_and_may_be_repeated(anb: Anb, folder: Path) -> None:
    first, again = anb("migrate"), anb("migrate", "--json")
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert again.json["revision"] in first.out
    assert (folder / "anb-data" / "anb.db").exists()
    assert anb("recount", "--check").exit_code == 0


def test_the_release_before_starts_on_a_newer_schema_and_says_what_it_cannot(anb: Anb, folder: Path) -> None:
    anb("migrate")
    with contextlib.closing(sqlite3.connect(folder / "anb-data" / "anb.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    migrated = anb("migrate")
    assert (migrated.exit_code, "9999, which a newer release made" in migrated.out) == (0, True)
    found = {finding["part"]: finding["state"] for finding in anb("doctor", "--json").json["findings"]}
    assert found["database"] == "warn"
    kept = anb("backup", "kept")
    assert (kept.exit_code, "9999, which a newer version made" in kept.err) == (1, True)


def test_migrate_makes_no_second_place_for_media_that_are_elsewhere(
    anb: Anb, counted: Cast, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A share that is not mounted, or a slip in the path."""
    monkeypatch.setenv("MEDIA_ROOT", str(folder / "media"))
    with pytest.raises(SettingsError, match=r"MEDIA_ROOT.*mounted"):
        anb("migrate")
    assert not (folder / "media").exists()
    monkeypatch.setenv("ANB_MEDIA_FALLBACK", str(folder / "old"))  # media on their way to a new place
    assert anb("migrate").exit_code == 0
    assert (folder / "media" / "uploads").is_dir()
