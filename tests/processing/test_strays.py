from datetime import UTC, datetime, timedelta

import pytest

from anb.processing.strays import Possession, Verdict, are_ours, judge
from anb.storage.base import StoredObject

ID = "00000000-0000-0000-0000-000000000007"
BEGUN = datetime(2026, 3, 1, tzinfo=UTC)
BEFORE = BEGUN + timedelta(days=7)
OLD, YOUNG, OLDER_THAN_ALL = BEGUN + timedelta(days=1), BEFORE + timedelta(minutes=1), BEGUN - timedelta(days=1)
RUNNING = Possession(frozenset({f"processed/{ID}.1.mp4"}), running_attempt=3)

VERDICTS = {
    "an original with a row": (f"uploads/{ID}.mp4", OLD, RUNNING, Verdict.KEPT),
    "what is published": (f"processed/{ID}.1.mp4", OLD, RUNNING, Verdict.KEPT),
    "what is being stored": (f"processed/{ID}.3.jpg", OLD, RUNNING, Verdict.KEPT),
    "of an attempt that died": (f"processed/{ID}.2.mp4", OLD, RUNNING, Verdict.LEFT_OVER),
    "of one that died, from before the database": (f"processed/{ID}.2.mp4", OLDER_THAN_ALL, RUNNING, Verdict.LEFT_OVER),
    "an original without a row": (f"uploads/{ID}.mp4", OLD, None, Verdict.WITHOUT_ROW),
    "an original whose row may be on its way": (f"uploads/{ID}.mp4", YOUNG, None, Verdict.KEPT),
    "at the very moment": (f"uploads/{ID}.mp4", BEFORE, None, Verdict.KEPT),
    "a result without a row": (f"processed/{ID}.1.mp4", YOUNG, None, Verdict.WITHOUT_ROW),
    "older than the database": (f"uploads/{ID}.mp4", OLDER_THAN_ALL, None, Verdict.FOREIGN),
    "as old as the database": (f"uploads/{ID}.mp4", BEGUN, None, Verdict.WITHOUT_ROW),
}


@pytest.mark.parametrize(("key", "modified", "owner", "verdict"), VERDICTS.values(), ids=VERDICTS)
def test_what_belongs_to_no_video(key: str, modified: datetime, owner: Possession | None, verdict: Verdict) -> None:
    assert judge(StoredObject(key, 1, modified), owner, before=BEFORE, begun_at=BEGUN) is verdict


@pytest.mark.parametrize("key", [f"uploads/{ID}.mp4", f"processed/{ID}.1.mp4"])
def test_to_a_database_without_an_account_everything_is_foreign(key: str) -> None:
    assert judge(StoredObject(key, 1, YOUNG), None, before=BEFORE, begun_at=None) is Verdict.FOREIGN


@pytest.mark.parametrize(
    ("without_row", "with_row", "ours"),
    [(0, 0, True), (10, 0, True), (11, 0, False), (11, 10, False), (11, 11, True), (500, 500, True), (501, 500, False)],
)
def test_a_few_or_the_smaller_part_are_ours(without_row: int, with_row: int, ours: bool) -> None:
    assert are_ours(without_row, with_row) is ours
