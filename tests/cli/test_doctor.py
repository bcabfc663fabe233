import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from anb.commands.doctor_checks import database_advice, judge_clock, judge_disk, judge_wall
from tests.cli.conftest import Anb, Answer
from tests.conftest import BROKER, POSTGRES, SECRET
from tests.storage.stores import made_media

NOW = datetime(2026, 12, 1, tzinfo=UTC)
GIB = 2**30


@pytest.mark.parametrize(
    ("here", "there", "state"),
    [
        (NOW, None, "ok"),
        (NOW, NOW, "ok"),
        (NOW, NOW + timedelta(seconds=2), "ok"),
        (NOW, NOW - timedelta(seconds=3), "warn"),
        (NOW, NOW + timedelta(seconds=60), "warn"),
        (NOW, NOW + timedelta(seconds=61), "fail"),
        (datetime(1970, 1, 1, tzinfo=UTC), None, "fail"),
    ],
)
def test_clocks(here: datetime, there: datetime | None, state: str) -> None:
    assert judge_clock(here, there).state == state


@pytest.mark.parametrize(
    ("free", "reserve", "state"), [(3, 1, "ok"), (2, 1, "ok"), (1.5, 1, "warn"), (1, 1, "warn"), (0.9, 1, "fail")]
)
def test_disks(free: float, reserve: float, state: str) -> None:
    assert judge_disk(int(free * GIB), int(reserve * GIB)).state == state


@pytest.mark.parametrize(("told", "state"), [("ok", "ok"), ("Function not implemented", "warn")])
def test_a_missing_wall_is_a_warning(told: str, state: str) -> None:
    assert judge_wall("network", told).state == state


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ('FATAL:  role "ana" does not exist', "`sudo -u postgres createuser --pwprompt ana`"),
        ('FATAL:  database "my cup" does not exist', "`sudo -u postgres createdb --owner ana 'my cup'`"),
        ('FATAL:  password authentication failed for user "ana"', "Correct the password in DATABASE_URL"),
        ("fe_sendauth: no password supplied", "Correct the password in DATABASE_URL"),
        ("Connection refused", "Start it, or correct DATABASE_URL."),
    ],
)
def test_what_to_do_about_a_database(said: str, advice: str) -> None:
    assert advice in database_advice(make_url("postgresql+psycopg://ana:secret@db/my cup"), said)


@pytest.mark.skipif(not POSTGRES, reason="needs PostgreSQL")
def test_a_missing_role_and_a_missing_database_say_how_to_make_them(anb: Anb, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a real server says it."""
    url = make_url(POSTGRES).set(drivername="postgresql", database="anb_not_there")
    monkeypatch.setenv("SECRET_KEY", SECRET)
    monkeypatch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))
    assert "createdb --owner" in anb("doctor").out


def _states(answer: Answer) -> dict[str, str]:
    return {finding["part"]: finding["state"] for finding in answer.json["findings"]}


def test_a_bare_machine_is_well_and_stays_untouched(anb: Anb, folder: Path) -> None:
    answer = anb("doctor", "--json")
    assert answer.exit_code == 0
    states = _states(answer)
    assert {"settings", "python", "ffmpeg", "database", "broker", "storage", "staging", "disk", "clock"} <= set(states)
    assert states["database"] == "warn"
    assert list(folder.iterdir()) == []


def test_after_migrate_the_database_is_well(anb: Anb) -> None:
    anb("migrate")
    assert _states(anb("doctor", "--json"))["database"] == "ok"


def test_a_database_without_schema_says_what_to_run(anb: Anb, folder: Path) -> None:
    (folder / "anb-data").mkdir()
    (folder / "anb-data" / "anb.db").touch()
    answer = anb("doctor")
    assert answer.exit_code == 1
    assert "fail  database" in answer.out
    assert "-> Run `anb migrate`." in answer.out


def test_servers_that_are_down_fail_without_telling_the_password(
    anb: Anb, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://anb:verysecret@127.0.0.1:1/anb")
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://:verysecret@127.0.0.1:1/0")
    monkeypatch.setenv("SECRET_KEY", SECRET)
    answer = anb("doctor", "--json")
    assert answer.exit_code == 1
    states = _states(answer)
    assert (states["database"], states["broker"], states["clock"]) == ("fail", "fail", "ok")
    assert "verysecret" not in answer.out


def test_servers_that_are_up_are_well(anb: Anb, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("SECRET_KEY", SECRET)
    states = _states(anb("doctor", "--json"))
    assert (states["database"], states["clock"]) == ("ok", "ok")


@pytest.mark.skipif(not POSTGRES or not BROKER.startswith("redis"), reason="needs PostgreSQL and Redis")
def test_what_helps_the_servers_is_asked_too(anb: Anb, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without replica and counts all goes on, so they are warnings; media that cannot be read are none."""
    monkeypatch.setenv("SECRET_KEY", SECRET)
    monkeypatch.setenv("DATABASE_URL", POSTGRES)
    made_media(media := folder / "old")
    for replica, counts, fallback, states in (
        (POSTGRES, BROKER, media, ("ok", "ok", "ok")),
        ("postgresql://anb:verysecret@127.0.0.1:1/anb", "redis://:verysecret@127.0.0.1:1/0", folder / "not there",
         ("warn", "warn", "fail")),
    ):  # fmt: skip
        monkeypatch.setenv("ANB_DATABASE_READ_URL", replica)
        monkeypatch.setenv("ANB_RATE_LIMITS_URL", counts)
        monkeypatch.setenv("ANB_MEDIA_FALLBACK", str(fallback))
        answer = anb("doctor", "--json")
        told = _states(answer)
        assert (told["replica"], told["rate limits"], told["fallback"]) == states
        assert "verysecret" not in answer.out


def test_a_cage_that_cannot_be_asked_is_a_finding(anb: Anb, monkeypatch: pytest.MonkeyPatch) -> None:
    def hanging() -> dict[str, str]:
        raise subprocess.TimeoutExpired("cage", 10)

    monkeypatch.setattr("anb.commands.doctor_checks.cage_report", hanging)
    answer = anb("doctor", "--json")
    assert (answer.exit_code, _states(answer)["cage"]) == (1, "fail")


def test_storage_that_cannot_be_written_fails(anb: Anb, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "file").touch()
    monkeypatch.setenv("MEDIA_ROOT", str(folder / "file" / "media"))
    states = _states(anb("doctor", "--json"))
    assert states["storage"] == "fail"


def test_a_staging_folder_is_looked_at(anb: Anb, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    staging = folder / "shared"
    monkeypatch.setenv("ANB_STAGING_DIR", str(staging))
    assert _states(anb("doctor", "--json"))["staging"] == "ok"
    assert not staging.exists()
    staging.mkdir()
    assert _states(anb("doctor", "--json"))["staging"] == "ok"
    assert list(staging.iterdir()) == []
    monkeypatch.setenv("ANB_DISK_RESERVE_BYTES", str(10**18))
    assert _states(anb("doctor", "--json"))["staging"] == "fail"
    (folder / "file").touch()
    monkeypatch.setenv("ANB_STAGING_DIR", str(folder / "file"))
    assert _states(anb("doctor", "--json"))["staging"] == "fail"
    monkeypatch.setenv("ANB_STAGING_DIR", "/proc/nowhere")  # where nobody can make a folder
    assert _states(anb("doctor", "--json"))["staging"] == "warn"


def test_a_machine_without_ffmpeg_is_told_to_install_it(anb: Anb, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory too small to start in stands for it: a binary that is there but does not run."""
    monkeypatch.setattr("anb.commands.doctor_checks.find_ffmpeg", lambda: Path("/bin/false"))
    answer = anb("doctor")
    assert answer.exit_code == 1
    assert "fail  ffmpeg" in answer.out


def test_an_ffmpeg_that_was_made_without_what_we_need_is_named(anb: Anb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anb.commands.doctor_checks.missing_parts", lambda _: ["libx264"])
    answer = anb("doctor")
    assert answer.exit_code == 1
    assert "was made without libx264" in answer.out


def test_a_wrong_setting_is_a_finding(anb: Anb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "short")
    answer = anb("doctor", "--json")
    assert answer.exit_code == 1
    assert _states(answer) == {"settings": "fail"}


@pytest.mark.parametrize(
    ("variable", "value", "package"),
    [
        ("ANB_TRACING", "yes", "opentelemetry.instrumentation.fastapi"),
        ("ANB_SENTRY_DSN", "https://key@sentry/1", "sentry_sdk"),
        ("CELERY_BROKER_URL", "sqs://key:secret@127.0.0.1:9", "pycurl"),
    ],
)
def test_a_setting_whose_extra_is_missing_fails(
    anb: Anb, folder: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, package: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{folder}/anb.db")
    monkeypatch.setenv("SECRET_KEY", SECRET)
    monkeypatch.setenv(variable, value)
    missing = f"{variable} needs the extra"
    assert not [one for one in anb("doctor", "--json").json["findings"] if missing in one["detail"]]
    monkeypatch.setitem(sys.modules, package, None)  # as where it is not installed
    answer = anb("doctor", "--json")
    assert answer.exit_code == 1
    assert [one["state"] for one in answer.json["findings"] if missing in one["detail"]] == ["fail"]


def test_a_name_that_is_nearly_a_setting_is_asked_about(anb: Anb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANB_MAX_UPLOAD_BYTE", "5")
    monkeypatch.setenv("DATABASE_UR", "postgresql://db/anb")
    monkeypatch.setenv("ANB_MEDIA", "/srv")  # nginx's
    monkeypatch.setenv("ANB_LOG_LEVEL", "warning")
    told = anb("doctor").out
    assert "Did you mean ANB_MAX_UPLOAD_BYTES?" in told
    assert "Did you mean DATABASE_URL?" in told
    assert told.count("Did you mean") == 2


def test_a_share_that_is_not_mounted_is_warned_of(
    anb: Anb, folder: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "media").mkdir()
    monkeypatch.setenv("MEDIA_ROOT", str(folder / "media"))
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("SECRET_KEY", SECRET)
    assert _states(anb("doctor", "--json"))["storage"] == "warn"
    assert list((folder / "media").iterdir()) == []
