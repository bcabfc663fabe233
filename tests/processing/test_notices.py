from dataclasses import replace

import pytest

from anb.messages import NOTICES
from anb.processing.notices import Notice, notices
from tests.processing.test_house_format import KEPT

EARLY, SILENT, FIRST = Notice.ENDS_EARLY, Notice.SOUND_LEFT_OUT, Notice.ONLY_THE_FIRST


@pytest.mark.parametrize(
    ("picture_s", "has_audio", "had_sound", "ends_early", "only_first", "said"),
    [
        (10, True, True, False, False, ()),
        (10, False, False, False, False, ()),
        (10, True, True, True, False, (EARLY,)),
        (28.9, True, True, True, False, (EARLY,)),
        (29, True, True, True, False, ()),
        (30, False, True, True, False, (SILENT,)),
        (10, False, True, True, False, (EARLY, SILENT)),
        (10, True, True, False, True, (FIRST,)),
        (30, True, True, False, True, ()),
    ],
)
def test_a_player_is_told_what_is_missing(
    picture_s: float, has_audio: bool, had_sound: bool, ends_early: bool, only_first: bool, said: tuple[Notice, ...]
) -> None:
    facts = replace(KEPT, picture_s=picture_s, has_audio=has_audio)
    assert notices(facts, had_sound=had_sound, ends_early=ends_early, only_first=only_first) == said


def test_every_notice_has_words_and_no_words_lack_a_notice() -> None:
    assert set(NOTICES) == {notice.value for notice in Notice}
