"""A video that the organiser takes down leaves neither votes nor files, and no total that its rows do not bear out."""

import pytest
from tests.cast import Cast

from anb.db import Database
from anb.players.models import Player
from anb.settings import Settings
from anb.storage import open_storage
from anb.storage.base import Storage
from anb.videos.lifecycle import Status
from anb.voting.recount import recount
from anb.voting.taking_down import take_down


@pytest.fixture
def storage(settings: Settings) -> Storage:
    return open_storage(settings)


def _store(storage: Storage, *keys: str) -> None:
    for key in keys:
        writer = storage.create(key)
        writer.write(b"bytes")
        writer.commit()


def test_its_votes_go_and_others_stay(cast: Cast, database: Database, storage: Storage) -> None:
    first, second, of_carla = cast.video(cast.ana), cast.video(cast.ana), cast.video(cast.carla)
    for voter, video_id in [(cast.beto, first), (cast.carla, first), (cast.beto, second), (cast.beto, of_carla)]:
        cast.vote(voter, video_id)
    assert take_down(database, storage, first) == 2
    assert recount(database, repair=False) == []
    rows = cast.client.get("/api/public/rankings").json()["rankings"]
    assert {(row["player_id"], row["votes"], row["video_id"]) for row in rows} == {
        (str(cast.ana.id), 1, str(second)),
        (str(cast.carla.id), 1, str(of_carla)),
    }
    assert cast.client.get(f"/api/public/videos/{first}").status_code == 404
    assert cast.vote(cast.carla, first).status_code == 404
    assert take_down(database, storage, first) is None


def test_a_player_without_another_video_leaves_the_ranking(cast: Cast, database: Database, storage: Storage) -> None:
    only = cast.video(cast.ana)
    cast.vote(cast.beto, only)
    take_down(database, storage, only)
    assert cast.client.get("/api/public/rankings").json()["rankings"] == []
    with database.read() as session:
        player = session.get_one(Player, cast.ana.id)
        assert (player.votes, player.first_published_at) == (0, None)


def test_its_files_go_and_others_stay(cast: Cast, database: Database, storage: Storage) -> None:
    gone, stays = cast.video(cast.ana), cast.video(cast.ana)
    files = {one: (f"uploads/{one}.mp4", f"processed/{one}.1.mp4", f"processed/{one}.1.jpg") for one in (gone, stays)}
    _store(storage, *files[gone], *files[stays])
    take_down(database, storage, gone)
    assert [storage.exists(key) for key in files[gone]] == [False] * 3
    assert [storage.exists(key) for key in files[stays]] == [True] * 3


@pytest.mark.parametrize("status", [Status.PENDING, Status.PROCESSING, Status.FAILED])
def test_one_that_is_not_published_goes_too(cast: Cast, database: Database, storage: Storage, status: Status) -> None:
    assert take_down(database, storage, cast.video(cast.ana, status=status)) == 0
    assert cast.client.get("/api/videos", headers=cast.ana.headers).json() == []
