from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from anb.processing.house_format import Facts, breaches

KEPT = Facts(
    container="mp4",
    duration_s=30.0,
    picture_s=30.0,
    width=1280,
    height=720,
    pixel_aspect=Fraction(1),
    fps=30.0,
    video_codec="h264",
    pixel_format="yuv420p",
    colour=(1, 1, 1, 1),
    turned=False,
    interlaced=False,
    has_audio=True,
    audio_codec="aac",
    audio_channels=2,
    audio_starts_after_picture_s=0.0,
    faststart=True,
    tracks=2,
    tags=frozenset(("major_brand", "handler_name")),
    chapters=0,
)

SILENT = {"has_audio": False, "audio_codec": None, "audio_channels": None, "tracks": 1}


@pytest.mark.parametrize("changes", [{}, SILENT, {"fps": 1.0}, {"duration_s": 0.03}, {"duration_s": 30.02}])
def test_what_keeps_the_contract_may_be_published(changes: dict[str, Any]) -> None:
    assert breaches(replace(KEPT, **changes)) == ()


BREACHES: dict[str, tuple[dict[str, Any], str]] = {
    "codec": ({"video_codec": "hevc"}, "hevc"),
    "width": ({"width": 1278}, "1278x720"),
    "height": ({"height": 718}, "1280x718"),
    "pixels": ({"pixel_aspect": Fraction(4, 3)}, "4/3"),
    "format": ({"pixel_format": "yuv444p"}, "yuv444p"),
    "full range": ({"colour": (2, 1, 1, 1)}, "(2, 1, 1, 1)"),
    "untagged": ({"colour": (1, 2, 2, 2)}, "(1, 2, 2, 2)"),
    "matrix": ({"turned": True}, "display matrix"),
    "interlaced": ({"interlaced": True}, "interlaced"),
    "too fast": ({"fps": 30.1}, "30.100"),
    "no rate": ({"fps": 0.0}, "0.000"),
    "too long": ({"duration_s": 30.2}, "30.20"),
    "no length": ({"duration_s": 0.0}, "0.00"),
    "sound codec": ({"audio_codec": "mp3"}, "mp3"),
    "surround": ({"audio_channels": 6}, "6 channels"),
    "late sound": ({"audio_starts_after_picture_s": 0.16}, "together"),
    "early sound": ({"audio_starts_after_picture_s": -0.16}, "together"),
    "container": ({"container": "mov"}, "mov"),
    "index": ({"faststart": False}, "index"),
    "data track": ({"tracks": 3}, "3 tracks"),
    "silent with a data track": ({**SILENT, "tracks": 2}, "2 tracks"),
    "place": ({"tags": frozenset(("location", "major_brand"))}, "metadata: location"),
    "chapters": ({"chapters": 1}, "chapters"),
}


@pytest.mark.parametrize(("changes", "word"), BREACHES.values(), ids=BREACHES)
def test_each_breach_is_named_and_alone(changes: dict[str, Any], word: str) -> None:
    (sentence,) = breaches(replace(KEPT, **changes))
    assert word in sentence
