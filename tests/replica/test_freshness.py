"""When a replica may be read. Pure: moments are numbers."""

import pytest

from anb.replica import Freshness


def heard(*events: tuple[str, float, int]) -> Freshness:
    freshness = Freshness(longest_lag_s=5)
    for who, moment, place in events:
        if who == "failed":
            freshness.replica_failed(moment)
        else:
            {"primary": freshness.primary_at, "replica": freshness.replica_at}[who](moment, place)
    return freshness


@pytest.mark.parametrize(
    ("now", "events", "readable"),
    [
        (0, [], False),
        (10, [("primary", 9, 100)], False),  # the replica has said nothing yet
        (10, [("primary", 9, 100), ("replica", 9.5, 100)], True),
        (10, [("primary", 9, 100), ("replica", 9.5, 99)], False),  # something is missing, since who knows when
        (10, [("primary", 8, 99), ("primary", 9, 100), ("replica", 9.5, 99)], True),  # two seconds behind
        (14, [("primary", 8, 99), ("primary", 13, 100), ("replica", 13.5, 99)], False),  # six
        (14, [("primary", 8, 99), ("primary", 13, 99), ("replica", 13.5, 99)], True),  # nothing has happened since
        (14, [("primary", 9, 100), ("replica", 9.5, 100), ("primary", 13, 100)], False),  # it has fallen silent
        (14, [("primary", 9, 100), ("replica", 13, 50)], True),  # the primary has: old is better than nothing
        (10, [("primary", 9, 100), ("replica", 9.5, 100), ("failed", 9.7, 0)], False),
        (10, [("primary", 9, 100), ("replica", 9.5, 100), ("failed", 9.7, 0), ("replica", 9.9, 100)], True),
    ],
)
def test_when_a_replica_may_be_read(now: float, events: list[tuple[str, float, int]], readable: bool) -> None:
    assert heard(*events).may_be_read(now) is readable


def test_its_lag_is_told_by_what_was_committed_last_and_is_there() -> None:
    freshness = heard(("primary", 1, 10), ("primary", 2, 20), ("primary", 3, 30), ("replica", 3.5, 20))
    assert freshness.lag_s(5) == 3
    freshness.replica_at(4.5, 30)
    assert freshness.lag_s(5) == 2
