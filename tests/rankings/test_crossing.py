"""What happens to the ranking when two things happen to one player at once."""

from concurrent.futures import ThreadPoolExecutor

from tests.cast import Cast
from tests.waiting import somebody_waits, until

from anb.db import Database
from anb.processing import repository
from anb.videos.lifecycle import Status


def test_a_player_whose_other_video_is_published_during_a_delete_stays_in_the_ranking(
    cast: Cast, database: Database
) -> None:
    ana = cast.ana
    old, new = cast.video(ana), cast.video(ana, status=Status.PENDING)
    with database.write() as session:
        held = repository.claim(session, new, lease_s=60)
    assert held is not None
    with ThreadPoolExecutor(1) as pool:
        with database.write() as session:
            assert repository.publish(session, held, f"processed/{new}.1.mp4", f"processed/{new}.1.jpg", ())
            deleting = pool.submit(cast.client.delete, f"/api/videos/{old}", headers=ana.headers)
            if database.engine.dialect.name != "sqlite":  # which does not tell; its one writer is here
                until(lambda: somebody_waits(database) or deleting.done())
            assert not deleting.done()
        assert deleting.result(timeout=60).status_code == 204
    ranking = cast.client.get("/api/public/rankings", headers={"Cache-Control": "no-cache"}).json()
    assert [row["video_id"] for row in ranking["rankings"]] == [str(new)]
