"""A contest's rules are settings: from the environment to the reason that a player reads."""

import pytest

from anb.db import Database
from anb.processing.chosen import rules_of
from anb.processing.inspection import inspect
from anb.processing.limits import NO_RULES, Limits
from anb.settings import Settings, SettingsError, load_settings
from anb.storage.local import LocalStorage
from anb.worker import Shutdown, make_workshop
from tests.cast import Cast
from tests.media.factory import Samples
from tests.processing.conftest import pending, row


@pytest.mark.parametrize(
    ("variable", "value", "code", "told"),
    [
        ("ANB_SHORTEST_SOURCE_S", "61", "too_short", {"min_s": 61.0}),
        ("ANB_LONGEST_SOURCE_S", "0.5", "too_long", {"max_s": 0.5}),
        ("ANB_SHORTEST_SIDE_PX", "2161", "too_small", {"min_pixels": 2161}),
    ],
)
def test_a_video_that_breaks_a_rule_ends_failed_with_what_was_asked(
    settings: Settings, database: Database, cast: Cast, storage: LocalStorage, samples: Samples,
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, code: str, told: dict[str, float],
) -> None:  # fmt: skip
    monkeypatch.setenv(variable, value)
    strict = settings.model_copy(update=chosen())
    video_id = pending(cast, storage, samples["landscape.mp4"].read_bytes())
    assert make_workshop(strict, database, Shutdown(), lambda: None).process(video_id) == "failed"
    failed = row(database, video_id)
    assert failed.failure_code == code
    assert told.items() <= failed.failure_params.items()


def test_a_contest_without_sound_publishes_none(
    settings: Settings, database: Database, cast: Cast, storage: LocalStorage, samples: Samples,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("ANB_REMOVE_AUDIO", "true")
    silent = settings.model_copy(update=chosen())
    video_id = pending(cast, storage, samples["landscape.mp4"].read_bytes())
    assert make_workshop(silent, database, Shutdown(), lambda: None).process(video_id) == "completed"
    key = row(database, video_id).processed_key
    assert key
    published = inspect(storage.path(key), Limits()).facts
    assert published
    assert not published.has_audio


def test_without_a_setting_every_video_is_taken() -> None:
    assert rules_of(load_settings()) == NO_RULES


def test_rules_that_no_video_could_keep_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANB_SHORTEST_SOURCE_S", "10")
    monkeypatch.setenv("ANB_LONGEST_SOURCE_S", "9")
    with pytest.raises(SettingsError, match="ANB_LONGEST_SOURCE_S"):
        load_settings()


def chosen() -> dict[str, object]:
    """The rules that the environment names, for settings that a fixture made."""
    read = load_settings()
    names = ("shortest_source_s", "longest_source_s", "shortest_side_px", "remove_audio")
    return {name: getattr(read, name) for name in names}
