import multiprocessing

import pytest

from anb.visitors import Visitors

MINUTE = 60.0


@pytest.mark.parametrize("people", [0, 1, 80, 250, 20_000])
def test_people_are_counted_once_however_often_they_come(people: int) -> None:
    visitors = Visitors()
    for _ in range(3):
        for number in range(people):
            visitors.saw(f"Bearer {number}".encode(), 10 * MINUTE + 5)
    assert visitors.count(11 * MINUTE + 1) == pytest.approx(people, rel=0.02)


def test_only_the_last_whole_minute_counts() -> None:
    visitors = Visitors()
    visitors.saw(b"ana", 10 * MINUTE)
    assert visitors.count(10 * MINUTE + 59) == 0
    assert visitors.count(11 * MINUTE) == 1
    visitors.saw(b"beto", 12 * MINUTE)
    assert [visitors.count(minute * MINUTE) for minute in (12, 13, 14)] == [0, 1, 0]


def test_forked_processes_count_together() -> None:
    visitors = Visitors()
    fork = multiprocessing.get_context("fork")
    children = [fork.Process(target=visitors.saw, args=(who, MINUTE)) for who in (b"ana", b"beto", b"ana")]
    for child in children:
        child.start()
        child.join()
    assert visitors.count(2 * MINUTE) == 2
