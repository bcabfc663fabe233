"""`make promote` would see a loss."""

from dataclasses import replace

from anb.players.models import Player
from anb.videos.models import Video
from tests.prove.journal import Journal
from tests.prove.verdict import Truth
from tests.replica.__main__ import _losses
from tests.replica.promised import Promised

TOLD = Promised(
    1.0,
    frozenset({"video", "unsure"}),
    frozenset({("beto", "video")}),
    frozenset({"ana@example.com"}),
    frozenset({"old"}),
)
WHOLE = Truth(
    {"video": Video()}, [("beto", "video")], {"ana": Player(email="ana@example.com")}, frozenset(), frozenset()
)
ASKED_TO_GO = Journal(perhaps_deleted={"unsure"})


def lost(truth: Truth, before: Promised | None = None) -> list[tuple[int, tuple[str, ...]]]:
    return [(loss.promised, loss.lost) for loss in _losses("", TOLD, before, truth, ASKED_TO_GO)]


def test_nothing_is_lost_where_all_is_there() -> None:
    assert lost(WHOLE) == [(1, ()), (1, ()), (1, ()), (1, ())]


def test_each_kind_of_loss_is_seen() -> None:
    assert lost(replace(WHOLE, videos={"old": Video()}, votes=[], players={})) == [
        (1, ("video",)),
        (1, ("('beto', 'video')",)),
        (1, ("ana@example.com",)),
        (1, ("old",)),
    ]


def test_what_was_promised_before_is_not_counted_again() -> None:
    assert lost(WHOLE, TOLD) == [(0, ()), (0, ()), (0, ()), (0, ())]
