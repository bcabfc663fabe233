"""Samples of a running server, in the database, once an interval whatever the number of its processes."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient
from tests.waiting import until

from anb.api import create_app
from anb.db import Database, now
from anb.history import repository
from anb.history.models import Sample
from anb.operations import growth
from anb.operations.backlog import KeptBacklog
from anb.operations.host import CpuTime
from anb.operations.recorder import Recorder
from anb.settings import Settings


def test_two_processes_of_one_host_keep_one_sample_an_interval(settings: Settings, database: Database) -> None:
    quick = settings.model_copy(update={"history_every_s": 0.5})
    with TestClient(create_app(quick)) as one, TestClient(create_app(quick)):

        def kept() -> list[Sample]:
            one.get("/api/public/videos")
            with database.read() as session:
                return list(repository.since(session, now(session) - timedelta(minutes=1)))

        until(lambda: len({sample.at for sample in kept() if sample.answer_p95_s}) >= 3)
        samples = kept()
    assert len(samples) == len({sample.at for sample in samples})
    assert all(sample.people >= 0 and sample.pending == 0 for sample in samples)
    assert any(sample.web_cpu and 0 < sample.web_cpu <= 100 for sample in samples)
    found, load = growth.look(database, 0.5)
    assert "QueueLong: now 0, limit 20 videos that wait" in growth.as_text(found, load)
    assert {one["name"] for one in growth.as_json(found, load)["triggers"]} >= {"QueueLong", "ManyVideosAMonth"}


def test_old_samples_are_forgotten(database: Database) -> None:
    with database.write() as session:
        moment = now(session)
        for ago in (timedelta(days=40), timedelta(days=1)):
            sample: dict[str, object] = {"at": moment - ago, "host": "web", "people": 1, "pending": 0}
            repository.keep(session, sample, forget_before=moment - timedelta(days=31))
        kept = repository.since(session, moment - timedelta(days=99))
        assert [sample.at for sample in kept] == [moment - timedelta(days=1)]


def test_a_sample_looks_back_over_five_intervals_and_no_further(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy interval and then idle ones. The first look of a server that starts may fail, and costs only itself."""
    looks = iter(CpuTime(100 * number, 100 * max(0, number - 1)) for number in range(7))
    monkeypatch.setattr("anb.operations.host.cpu_time", lambda: next(looks))
    backlog = KeptBacklog(database)
    recorder = Recorder(database, backlog, every_s=1e-6)
    found = []
    for _ in range(7):
        recorder._keep()
        with database.read() as session:
            found.append(session.scalars(select(Sample.web_cpu).order_by(Sample.at.desc())).first())
    backlog.close()
    assert found == [None, *(pytest.approx(100 / number) for number in range(1, 6)), 0]
