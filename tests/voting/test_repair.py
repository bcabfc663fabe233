from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update
from tests.cast import Cast
from tests.waiting import somebody_waits, until

from anb import db
from anb.db import Database
from anb.players import repository as players
from anb.players.models import Player
from anb.settings import Settings
from anb.storage import open_storage
from anb.videos import repository as videos
from anb.videos.models import Video
from anb.videos.service import Received, Registration, pending_row
from anb.voting import repository
from anb.voting.ballot import Ballot
from anb.voting.recount import recount
from anb.voting.taking_down import take_down


def test_a_repair_and_a_ballot_that_cross_both_end(cast: Cast, database: Database) -> None:
    if database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    ana, beto, video_id = cast.ana, cast.beto, cast.video(cast.ana)
    with database.write() as session:
        session.execute(update(Video).values(votes=7))
        session.execute(update(Player).where(Player.id == ana.id).values(votes=3))
    with ThreadPoolExecutor(1) as pool:
        with database.write() as session:
            repository.candidates_locked(session, [video_id])
            repair = pool.submit(recount, database, repair=True)
            until(lambda: somebody_waits(database) or repair.done())
            assert len(repository.insert_votes(session, [Ballot(video_id, beto.id)])) == 1
            repository.add_to_totals(session, Counter({video_id: 1}), Counter({ana.id: 1}))
        assert [(wrong.kind, wrong.total, wrong.rows) for wrong in repair.result(20)] == [
            ("video", 8, 1),
            ("player", 4, 1),
        ]
    assert recount(database, repair=False) == []


def test_a_repair_and_an_upload_of_the_same_player_that_cross_both_end(cast: Cast, database: Database) -> None:
    if database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    ana = cast.ana
    with database.write() as session:
        session.execute(update(Player).where(Player.id == ana.id).values(votes=7))
    received = Received("uploads/some.mp4", 1, "0" * 64, "Triple", "")
    wish = Registration(db.new_id(), ana.id, received, None, "request")
    with ThreadPoolExecutor(1) as pool:
        with database.write() as session:
            assert players.lock(session, ana.id)
            repair = pool.submit(recount, database, repair=True)
            until(lambda: somebody_waits(database) or repair.done())
            assert videos.add(session, pending_row(wish, db.now(session)))
        assert [(wrong.kind, wrong.total, wrong.rows) for wrong in repair.result(20)] == [("player", 7, 0)]


def test_a_ballot_under_way_goes_with_the_video_that_is_taken_down(
    cast: Cast, database: Database, settings: Settings
) -> None:
    if database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    ana, beto, video_id = cast.ana, cast.beto, cast.video(cast.ana)
    with ThreadPoolExecutor(1) as pool:
        with database.write() as session:
            repository.candidates_locked(session, [video_id])
            taken = pool.submit(take_down, database, open_storage(settings), video_id)
            until(lambda: somebody_waits(database) or taken.done())
            repository.insert_votes(session, [Ballot(video_id, beto.id)])
            repository.add_to_totals(session, Counter({video_id: 1}), Counter({ana.id: 1}))
        assert taken.result(20) == 1
    assert cast.votes_in_rows() == 0
    assert recount(database, repair=False) == []
