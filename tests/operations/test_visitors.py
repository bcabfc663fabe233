import multiprocessing
import time

import pytest
from starlette.testclient import TestClient

from anb import metrics
from anb.visitors import Visitors
from tests.cast import Cast

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


def test_who_is_logged_in_is_a_person_and_who_only_says_so_is_an_address(
    client: TestClient, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, beto = cast.ana, cast.beto
    monkeypatch.setattr(metrics, "VISITORS", visitors := Visitors())
    monkeypatch.setattr(time, "time", lambda: 10 * MINUTE)
    for number in range(20):
        client.get("/api/public/videos", headers={"Authorization": f"Bearer {number}"})
    assert visitors.count(11 * MINUTE) == 1
    for person in (ana, ana, beto):
        client.get("/api/videos", headers=person.headers)
    assert visitors.count(11 * MINUTE) == 3
