import asyncio
import threading
import uuid
from collections.abc import Sequence

import pytest

from anb.errors import BusyError
from anb.voting import ballot_box
from anb.voting.ballot import Ballot, Outcome
from anb.voting.ballot_box import BallotBox
from anb.voting.service import Result


def ballots(number: int) -> list[Ballot]:
    return [Ballot(uuid.uuid4(), uuid.uuid4()) for _ in range(number)]


def test_what_queued_up_while_a_batch_was_committed_goes_together() -> None:
    sizes: list[int] = []
    started, go_on = threading.Event(), threading.Event()

    def count(batch: Sequence[Ballot]) -> list[Result]:
        sizes.append(len(batch))
        started.set()
        go_on.wait(10)
        return [Result(Outcome.COUNTED, index) for index, _ in enumerate(batch)]

    async def run() -> list[Result]:
        box = BallotBox(count)
        box.open()
        votes = [asyncio.ensure_future(box.cast(ballot)) for ballot in ballots(20)]
        await asyncio.to_thread(started.wait, 10)
        go_on.set()
        results = await asyncio.gather(*votes)
        await asyncio.to_thread(box.close)
        return results

    assert len(asyncio.run(run())) == 20
    assert sum(sizes) == 20
    assert len(sizes) <= 2


def test_a_failed_batch_is_heard_by_its_callers_and_the_next_one_counts() -> None:
    failures = [OSError("the database is away")]

    def count(batch: Sequence[Ballot]) -> list[Result]:
        if failures:
            raise failures.pop()
        return [Result(Outcome.COUNTED)] * len(batch)

    async def run() -> Result:
        box = BallotBox(count)
        box.open()
        with pytest.raises(OSError, match="away"):
            await box.cast(ballots(1)[0])
        result = await box.cast(ballots(1)[0])
        await asyncio.to_thread(box.close)
        return result

    assert asyncio.run(run()).outcome == Outcome.COUNTED


def test_a_full_line_is_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ballot_box, "_LONGEST_LINE", 1)

    async def run() -> None:
        box = BallotBox(lambda batch: [Result(Outcome.COUNTED)] * len(batch))
        first = asyncio.ensure_future(box.cast(ballots(1)[0]))
        await asyncio.sleep(0)
        with pytest.raises(BusyError):
            await box.cast(ballots(1)[0])
        box.open()
        await first
        await asyncio.to_thread(box.close)

    asyncio.run(run())


class Unforeseen(BaseException):
    pass


@pytest.mark.parametrize(
    ("raised", "heard"),
    [
        (ValueError(), ValueError),
        (SystemExit(1), BusyError),
        (KeyboardInterrupt(), BusyError),
        (StopIteration(), BusyError),
        (asyncio.CancelledError(), BusyError),
        (Unforeseen(), BusyError),
        (None, ValueError),  # a result too few
    ],
)
def test_whatever_ends_a_batch_all_its_callers_hear_of_it_and_the_next_one_counts(
    raised: BaseException | None, heard: type[Exception]
) -> None:
    first = True

    def count(batch: Sequence[Ballot]) -> list[Result]:
        nonlocal first
        results = [Result(Outcome.COUNTED)] * len(batch)
        if not first:
            return results
        first = False
        if raised is not None:
            raise raised
        return results[:-1]

    async def run() -> tuple[list[object], Result]:
        box = BallotBox(count)
        votes = [asyncio.ensure_future(box.cast(ballot)) for ballot in ballots(20)]
        await asyncio.sleep(0)
        box.open()  # all of them are one batch
        async with asyncio.timeout(20):
            told: list[object] = [*await asyncio.gather(*votes, return_exceptions=True)]
            next_one = await box.cast(ballots(1)[0])
        await asyncio.to_thread(box.close)
        return told, next_one

    told, next_one = asyncio.run(run())
    assert [type(answer) for answer in told] == [heard] * 20
    assert next_one.outcome == Outcome.COUNTED


def test_a_voter_who_leaves_takes_nobody_along() -> None:
    counted: list[Ballot] = []

    def count(batch: Sequence[Ballot]) -> list[Result]:
        counted.extend(batch)
        return [Result(Outcome.COUNTED, index) for index, _ in enumerate(batch)]

    async def run() -> list[object]:
        box = BallotBox(count)
        votes = [asyncio.ensure_future(box.cast(ballot)) for ballot in ballots(3)]
        await asyncio.sleep(0)
        votes[1].cancel()
        await asyncio.sleep(0)
        box.open()
        told: list[object] = [*await asyncio.gather(*votes, return_exceptions=True)]
        await asyncio.to_thread(box.close)
        return told

    left = asyncio.run(run())
    assert left[0] == Result(Outcome.COUNTED, 0)
    assert isinstance(left[1], asyncio.CancelledError)
    assert left[2] == Result(Outcome.COUNTED, 2)
    assert len(counted) == 3


def test_nobody_waits_for_ever_for_a_database_that_is_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ballot_box, "_LONGEST_WAIT_S", 0.05)
    thawed = threading.Event()

    def count(batch: Sequence[Ballot]) -> list[Result]:
        thawed.wait(20)
        return [Result(Outcome.COUNTED)] * len(batch)

    async def run() -> None:
        box = BallotBox(count)
        box.open()
        for _ in range(2):  # in the batch that hangs, and behind it
            with pytest.raises(BusyError, match="temporarily_unavailable"):
                await box.cast(ballots(1)[0])
        thawed.set()
        await asyncio.to_thread(box.close)

    asyncio.run(run())
