"""On both shapes: counted in the process, and in a Redis that two processes share."""

import asyncio
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from tests.cast import MP4_HEAD, PASSWORD, Cast, problem, wish

from anb.api import create_app
from anb.db import Database
from anb.errors import BusyError, TooManyError
from anb.limits import counting, rules
from anb.limits.counting import OwnCounts, RateLimits
from anb.limits.rules import Action, Count, Rule, windows
from anb.settings import Settings


def somewhere() -> str:
    """An address that no other test has: counts in a Redis outlive a test."""
    return f"2001:db8:{uuid.uuid4().hex[:4]}:{uuid.uuid4().hex[:4]}::1"


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few of everything that a test can use them up."""
    monkeypatch.setattr(
        rules,
        "RULES",
        {
            Action.SIGN_UP: (Rule(("address",), 2, 600),),
            Action.LOG_IN: (
                Rule(("account", "address"), 2, 900),
                Rule(("account",), 3, 3600, slows=True),
                Rule(("address",), 20, 300),
            ),
            Action.UPLOAD: (Rule(("player",), 2, 3600),),
            Action.VOTE: (Rule(("player",), 2, 60), Rule(("address",), 5, 60)),
        },
    )


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return create_app(settings.model_copy(update={"rate_limits_times": 1}))


@pytest.fixture
def client(app: FastAPI, few: None) -> Iterator[TestClient]:
    with TestClient(app, headers={"Accept-Language": "en"}, client=(somewhere(), 1)) as client:
        yield client


@pytest.fixture
def mail() -> str:
    return f"{uuid.uuid4().hex}@example.com"


def log_in(client: TestClient, email: str, password: str = "wrong password") -> int:
    status: int = client.post("/api/auth/login", json={"email": email, "password": password}).status_code
    return status


def test_too_many_sign_ups_from_one_address_are_told_when_to_come_back(client: TestClient) -> None:
    for name in ("Ana", "Beto"):
        assert client.post("/api/auth/signup", json=wish(name)).status_code == 201
    answer = client.post("/api/auth/signup", json=wish("Carla"))
    body = problem(answer, 429, "too_many_requests")
    assert 590 <= int(answer.headers["retry-after"]) <= 600
    assert answer.headers["retry-after"] in body["detail"]


def test_a_typing_mistake_is_no_sign_up(client: TestClient) -> None:
    for _ in range(5):
        problem(client.post("/api/auth/signup", json=wish(email="nowhere")), 422, "invalid_fields")


def test_guessing_a_password_ends_soon_but_not_for_the_owner(app: FastAPI, client: TestClient, mail: str) -> None:
    client.post("/api/auth/signup", json=wish(email=mail))
    assert [log_in(client, mail) for _ in range(4)] == [401, 401, 429, 429]
    assert log_in(client, mail.upper(), PASSWORD) == 429
    assert log_in(client, f"other-{mail}") == 401  # one address, another account
    at_home = TestClient(app, client=(somewhere(), 1))
    at_home.portal = client.portal
    assert log_in(at_home, mail, PASSWORD) == 200


def test_who_knows_the_password_may_log_in_as_often_as_they_like(client: TestClient, mail: str) -> None:
    client.post("/api/auth/signup", json=wish(email=mail))
    assert [log_in(client, mail, PASSWORD) for _ in range(6)] == [200] * 6


def test_an_account_that_is_tried_from_everywhere_answers_slowly(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, mail: str
) -> None:
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("anb.limits.counting.asyncio.sleep", note)
    for _ in range(5):
        stranger = TestClient(client.app, client=(somewhere(), 1))
        stranger.portal = client.portal
        assert log_in(stranger, mail) == 401
    assert waits == [0.1, 0.2]


def test_a_player_uploads_so_many_an_hour(cast: Cast) -> None:
    assert [cast.upload(cast.ana).status_code for _ in range(2)] == [202, 202]
    answer = cast.upload(cast.ana)
    problem(answer, 429, "too_many_requests")
    assert int(answer.headers["retry-after"]) > 3590
    assert cast.upload(cast.beto).status_code == 202


def test_a_player_and_an_address_vote_so_many_a_minute(cast: Cast) -> None:
    videos = [cast.video(cast.ana) for _ in range(3)]
    assert [cast.vote(cast.beto, video).status_code for video in videos] == [201, 201, 429]
    assert [cast.vote(cast.carla, video).status_code for video in videos] == [201, 201, 429]
    answer = cast.vote(cast.person("Dora"), videos[0])
    problem(answer, 429, "too_many_requests")
    assert 1 <= int(answer.headers["retry-after"]) <= 60


def test_a_window_ends_and_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 30.0, 60.0, 61.0])
    monkeypatch.setattr("anb.limits.counting.time.monotonic", lambda: next(clock))
    counts = OwnCounts()
    asked = windows(Action.VOTE, {"player": "p", "address": "a"})[:1]
    seen = [counts.add(asked)[0] for _ in range(4)]
    assert [(count.value, count.ends_in_s) for count in seen] == [(1, 60.0), (2, 30.0), (1, 60.0), (2, 59.0)]


def test_a_flood_of_addresses_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_MOST_KEPT", 100)
    counts = OwnCounts()
    for number in range(1000):
        counts.add(windows(Action.SIGN_UP, {"address": str(number)}))
    assert len(counts._counts) <= 102


def redis_of(settings: Settings) -> str:
    if not settings.rate_limits:
        pytest.skip("counted in the process")
    return settings.rate_limits


_OTHER_PROCESS = """
import asyncio, sys
from anb.errors import BusyError, TooManyError
from anb.limits.counting import RateLimits
from anb.limits.rules import Action
async def main(url, player):
    limits, passed = RateLimits(url, 1), 0
    for _ in range(100):
        try:
            await limits.require(Action.UPLOAD, player=player)
            passed += 1
        except TooManyError:
            pass
    await limits.close()
    print(passed)
asyncio.run(main(*sys.argv[1:]))
"""


def test_two_processes_share_one_count(settings: Settings) -> None:
    player = uuid.uuid4().hex
    command = [sys.executable, "-c", _OTHER_PROCESS, redis_of(settings), player]
    others = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    passed = [int(other.communicate(timeout=60)[0]) for other in others]
    assert sum(passed) == rules.RULES[Action.UPLOAD][0].most


def test_many_tries_at_once_are_each_counted(settings: Settings) -> None:
    async def storm() -> int:
        limits = RateLimits(redis_of(settings), 1)
        player = uuid.uuid4().hex
        tries = [limits.require(Action.UPLOAD, player=player) for _ in range(500)]
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
        await limits.close()
        assert all(outcome is None or isinstance(outcome, TooManyError) for outcome in outcomes)
        return outcomes.count(None)

    assert asyncio.run(storm()) == rules.RULES[Action.UPLOAD][0].most


def test_a_window_outlasts_no_clock_that_redis_had_set_back(settings: Settings) -> None:
    """Its keys would live for as much longer, and who used a window up would be refused all that time."""
    url = redis_of(settings)
    (asked,) = windows(Action.UPLOAD, {"player": uuid.uuid4().hex})

    async def count() -> list[float]:
        shared = counting.SharedCounts(url)
        counts = await shared.add([asked])
        for milliseconds in (asked.seconds * 2000, None):  # an hour too long; for ever
            await (shared._redis.pexpire(asked.key, milliseconds) if milliseconds else shared._redis.persist(asked.key))
            counts += await shared.add([asked])
        await shared.close()
        assert [count.value for count in counts] == [1, 2, 3]
        return [count.ends_in_s for count in counts]

    assert all(0 < ends_in_s <= asked.seconds for ends_in_s in asyncio.run(count()))


@pytest.fixture(params=["refuses", "is silent"])
def dead_redis(request: pytest.FixtureRequest) -> Iterator[str]:
    """Nobody listens there; or somebody does and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if request.param == "is silent":
            listener.listen()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


def test_while_redis_is_away_each_process_counts_for_itself(
    settings: Settings, database: Database, dead_redis: str, few: None
) -> None:
    app = create_app(settings.model_copy(update={"rate_limits_times": 1, "rate_limits_url": dead_redis}))
    with TestClient(app, client=(somewhere(), 1)) as client:
        cast = Cast(client, database)
        assert [cast.upload(cast.ana, MP4_HEAD).status_code for _ in range(3)] == [202, 202, 429]


def test_a_redis_that_is_away_is_waited_for_once(dead_redis: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    async def crowd() -> None:
        nonlocal asked
        limits = RateLimits(dead_redis, 1)
        assert limits._shared is not None
        count = limits._shared._count

        async def counted(windows: object) -> object:
            nonlocal asked
            asked += 1
            return await count(windows)  # type: ignore[arg-type]

        monkeypatch.setattr(limits._shared, "_count", counted)
        for _ in range(2):
            await asyncio.gather(*(limits.require(Action.VOTE, player=str(n), address="a") for n in range(1000)))
        await limits.close()

    asyncio.run(crowd())
    assert asked == 1


class Unforeseen(BaseException):
    pass


@pytest.mark.parametrize(
    ("raised", "heard"),
    [
        (ValueError("a count that is no number"), ValueError),
        (StopIteration(), RuntimeError),  # what Python makes of it
        (asyncio.CancelledError(), BusyError),
        (Unforeseen(), BusyError),
    ],
)
def test_what_nobody_foresaw_is_an_error_for_all_who_wait_and_not_a_wait_without_end(
    monkeypatch: pytest.MonkeyPatch, raised: BaseException, heard: type[Exception]
) -> None:
    async def broken(*_: object) -> list[Count]:
        raise raised

    async def ask() -> list[object]:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # of the clerk's own end
        shared = counting.SharedCounts("redis://127.0.0.1:1")
        window = windows(Action.UPLOAD, {"player": "x"})[0]
        async with asyncio.timeout(10):
            return [*await asyncio.gather(*(shared.add([window]) for _ in range(3)), return_exceptions=True)]

    monkeypatch.setattr(counting.SharedCounts, "_count", broken)
    assert [type(answer) for answer in asyncio.run(ask())] == [heard] * 3


def test_an_answer_that_lacks_a_count_is_an_error_for_all_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> list[object]:
        shared = counting.SharedCounts("redis://127.0.0.1:1")
        asked = windows(Action.VOTE, {"player": "x", "address": "y"})

        async def short(**_: object) -> list[list[int]]:
            return [[1, 1000]]

        monkeypatch.setattr(shared, "_script", lambda *_: short())
        async with asyncio.timeout(10):
            return [*await asyncio.gather(*(shared.add(asked) for _ in range(3)), return_exceptions=True)]

    assert [type(answer) for answer in asyncio.run(ask())] == [ValueError] * 3
