"""PostgreSQL is gone in the middle of a batch of votes: who heard 2xx has a vote, who heard 503 may ask again."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import pytest
from fastapi import FastAPI
from sqlalchemy import Connection, event, text
from tests.cast import Cast

from anb.db import Database

VOTERS = 24


@pytest.mark.parametrize("moment", ["before the commit", "after the commit"])
def test_a_batch_whose_connection_dies_is_503_for_all_of_it_and_may_be_repeated(
    app: FastAPI, cast: Cast, database: Database, moment: Literal["before the commit", "after the commit"]
) -> None:
    if database.engine.dialect.name == "sqlite":
        pytest.skip("it has no server that could die")
    videos = [cast.video(cast.ana) for _ in range(3)]
    voters = [cast.person(f"Voter{number}") for number in range(VOTERS)]
    deaths = threading.Semaphore(3)

    def die(connection: Connection) -> None:
        """As an immediate stop looks to a client."""
        if threading.current_thread().name == "ballot-box" and deaths.acquire(blocking=False):
            backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            if moment == "after the commit":  # which the client is not told
                connection.exec_driver_sql("COMMIT")
                connection.exec_driver_sql("BEGIN")  # so that the driver still asks for a commit
            with database.write() as session:
                session.execute(text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": backend})

    event.listen(app.state.database.engine, "commit", die)

    def vote(number: int) -> list[int]:
        """Until it is counted."""
        told: list[int] = []
        while not told or told[-1] == 503:
            answer = cast.vote(voters[number], videos[number % 3])
            told.append(answer.status_code)
            if answer.status_code == 503:
                assert answer.json()["code"] == "temporarily_unavailable"
                assert answer.headers["retry-after"]
        return told

    with ThreadPoolExecutor(VOTERS) as pool:
        heard = list(pool.map(vote, range(VOTERS)))
    assert not deaths.acquire(blocking=False)
    assert sum(503 in told for told in heard) >= 3
    assert {told[-1] for told in heard} <= ({201} if moment == "before the commit" else {201, 409})
    assert all(told[-1] == 201 or 503 in told for told in heard)  # a 409 only for who had to ask again
    assert cast.votes_in_rows() == VOTERS
    with database.read() as session:
        for table in ("videos", "players"):
            assert session.execute(text(f"SELECT sum(votes) FROM {table}")).scalar_one() == VOTERS
