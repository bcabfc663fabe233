"""A worker whose storage does not answer takes no video, and gives back the one over which it waited."""

import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from anb.db import Database
from anb.processing.failures import FailureCode, ProcessingFailed
from anb.processing.service import Workshop
from anb.storage.local import LocalStorage
from anb.storage.patience import Patience
from tests.processing.conftest import Converter, change, row


@pytest.fixture
def share(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Set while it answers."""
    answers = threading.Event()
    answers.set()
    check = LocalStorage.check

    def hanging(self: LocalStorage) -> None:
        answers.wait(60)
        check(self)

    monkeypatch.setattr(LocalStorage, "check", hanging)
    yield answers
    answers.set()


IMPATIENT_S = 0.2


def test_no_video_is_taken_while_the_storage_is_silent(
    workshop: Workshop, share: threading.Event, database: Database, video_id: uuid.UUID
) -> None:
    """It would be lost with its lease, once for each attempt."""
    impatient = replace(workshop, patience=Patience(IMPATIENT_S))
    share.clear()
    for _ in range(4):
        assert impatient.process(video_id) == "storage_silent"
    video = row(database, video_id)
    assert (video.status, video.attempt, video.failures) == ("pending", 0, 0)
    share.set()
    assert workshop.process(video_id) == "completed"


def test_a_video_over_which_the_storage_fell_silent_is_given_back_and_loses_no_attempt(
    workshop: Workshop, share: threading.Event, converter: Converter, database: Database, video_id: uuid.UUID
) -> None:
    """FFmpeg, ended by the wall clock, cannot tell why it took so long."""

    def fall_silent(_: Callable[[float], None]) -> None:
        share.clear()
        workshop.patience._seconds = IMPATIENT_S
        raise ProcessingFailed(FailureCode.TOOK_TOO_LONG)

    converter.during = fall_silent
    assert workshop.process(video_id) == "storage_away"
    video = row(database, video_id)
    assert (video.status, video.failures) == ("pending", 0)
    share.set()
    converter.during = lambda _: None
    change(database, video_id, not_before=None)
    workshop.patience._seconds = 60
    assert workshop.process(video_id) == "completed"


def test_what_takes_too_long_on_a_storage_that_answers_is_an_attempt(
    workshop: Workshop, converter: Converter, database: Database, video_id: uuid.UUID
) -> None:
    def dawdle(_: Callable[[float], None]) -> None:
        raise ProcessingFailed(FailureCode.TOOK_TOO_LONG)

    converter.during = dawdle
    assert workshop.process(video_id) == "to_be_retried"
    assert row(database, video_id).failures == 1
