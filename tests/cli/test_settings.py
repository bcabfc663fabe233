"""What is said of a wrong setting."""

import pytest

from anb.settings import SettingsError, load_settings, near_misses


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DATABASE_URL", "postgresql://anb:p@ss@db/anb", "DATABASE_URL.*%40 for @"),
        ("DATABASE_URL", "mysql://anb@db/anb", "DATABASE_URL.*postgresql://USER"),
        ("DATABASE_URL", "postgresql://", "DATABASE_URL.*names no database"),
        ("DATABASE_URL", "postgresql://anb:secret@db:5432", "DATABASE_URL.*names no database"),
        ("DATABASE_URL", "postgresql://anb:secret@db:54a32/anb", "DATABASE_URL.*cannot be read.*54a32"),
        ("DATABASE_URL", "postgresql://anb:secret@[::1/anb", "DATABASE_URL.*cannot be read"),
        ("CELERY_BROKER_URL", "redis://anb:6379a/0", "CELERY_BROKER_URL.*port is a number up to 65535"),
        ("CELERY_BROKER_URL", "sentinel://a:26379;sentinel://b:99999?master_name=m", "CELERY_BROKER_URL.*port is a"),
        ("ANB_RATE_LIMITS_URL", "redis://anb:99999/0", "ANB_RATE_LIMITS_URL.*port is a number up to 65535"),
        ("CELERY_BROKER_URL", "redis://anb:6379/abc", "CELERY_BROKER_URL.*database is a number"),
        ("CELERY_BROKER_URL", "rediss://anb:6379/0/1", "CELERY_BROKER_URL.*database is a number"),
        ("CELERY_BROKER_URL", "sentinel://a/0;sentinel://b/x?master_name=m", "CELERY_BROKER_URL.*database is a number"),
        ("ANB_RATE_LIMITS_URL", "redis://anb/abc", "ANB_RATE_LIMITS_URL.*database is a number"),
        ("SECRET_KEY", "long enough for a key\r", "SECRET_KEY ends with a carriage return"),
        ("ANB_LOG_LEVEL", "info\r", "ANB_LOG_LEVEL ends with a carriage return"),
        (
            "ANB_MAX_UPLOAD_BYTES",
            "100MB",
            "whole number is wanted, not '100MB'; 100 MiB are 104857600",
        ),
        ("ANB_REMOVE_AUDIO", "si", "ANB_REMOVE_AUDIO.*true or false is wanted, not 'si'$"),
        ("ANB_LONGEST_SOURCE_S", "diez", "ANB_LONGEST_SOURCE_S.*number is wanted, not 'diez'$"),
        ("ANB_LEASE_S", "a minute", "ANB_LEASE_S.*whole number is wanted, not 'a minute'$"),
    ],
)
def test_the_message_names_the_variable_and_the_fix(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=said):
        load_settings()


@pytest.mark.parametrize("password", ["grandma/1950", "1950/grandma"])
def test_a_broken_url_tells_nothing_of_its_password(monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", f"redis://:{password}@anb:6379/0")
    with pytest.raises(SettingsError, match="%2F for /") as told:
        load_settings()
    assert "grandma" not in str(told.value)


def test_a_password_may_hold_an_at_sign_that_is_written_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "long enough for a key")
    monkeypatch.setenv("DATABASE_URL", "postgresql://anb:p%40ss@db/anb?options=-c%20a=b@c")
    assert "p%40ss" in load_settings().database


def test_what_is_far_from_every_setting_is_somebody_else_s() -> None:
    assert near_misses(["PATH", "ANB_TEST_DATABASE_URL", "ANB_LISTEN", "ANB_UPSTREAM", "ANB_CACHE", "ANB_PORT"]) == {}
    assert near_misses(["ANB_MEDIA_ROOT"]) == {"ANB_MEDIA_ROOT": ["MEDIA_ROOT"]}
