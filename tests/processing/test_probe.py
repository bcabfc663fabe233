"""What the probe prints, as values: keys may be missing, numbers absurd."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from anb.processing.measure import measure
from anb.processing.probe import LOOKED_AT_S, UPRIGHT, Frame, Matrix, Probe, Stream, parse
from anb.processing.probe_child import WINDOW_S
from tests.processing.streams_of import audio, frame, probe, video


def test_missing_keys_are_no_crash() -> None:
    seen = parse({"streams": [{"index": 0}, {"index": 1, "type": "video", "frame": {"width": 2, "height": 4}}]})
    assert seen.streams[0].kind == "unknown"
    assert seen.streams[0].packets == 0
    assert seen.streams[1].frame == frame(width=2, height=4, pixel_format="", range=0, space=2, primaries=2, transfer=2)
    assert parse({}) == Probe(0.0, None, (), frozenset(), 0, "")


def test_whatever_the_probe_tells_is_heard() -> None:
    picture = {
        "width": 640, "height": 480, "pixel_format": "yuv420p10le", "interlaced": True, "matrix": None, "range": 1,
        "space": 9, "primaries": 10, "transfer": 16,
    }  # fmt: skip
    stream = {
        "index": 3, "type": "video", "codec": "hevc", "codec_tag": "hvc1", "disposition": ["default"], "packets": 7,
        "first_s": 0.5, "end_s": 2.5, "last_s": 2.25,
        "intervals_s": {"mean": 0.04, "median": 0.03, "short": 0.02, "steady": 0.035}, "decoded": True,
        "hidden": 7, "begins_amid": True, "leaps": 2, "steps_s": 3.5,
        "metadata": ["language"], "width": 640, "height": 481, "pixel_aspect": [4, 3], "frame": picture,
        "channels": 6, "layout": "5.1",
    }  # fmt: skip
    told = {
        "start_s": 0.25, "duration_s": 9.5, "streams": [stream], "metadata": ["location"], "chapters": 2,
        "complaint": "odd",
    }  # fmt: skip
    seen = Stream(
        index=3, kind="video", codec="hevc", codec_tag="hvc1", attached_picture=False, default=True, packets=7,
        first_s=0.5, end_s=2.5, last_s=2.25, mean_interval_s=0.04, median_interval_s=0.03, short_interval_s=0.02,
        steady_interval_s=0.035, hidden=7, begins_amid=True, leaps=2, steps_s=3.5, decoded=True,
        tags=frozenset({"language"}), width=640, height=481, pixel_aspect=Fraction(4, 3),
        frame=Frame(640, 480, "yuv420p10le", interlaced=True, matrix=UPRIGHT, range=1, space=9, primaries=10,
                    transfer=16),
        channels=6, layout="5.1",
    )  # fmt: skip
    assert parse(told) == Probe(0.25, 9.5, (seen,), frozenset({"location"}), 2, "odd")


def test_what_the_probe_does_not_tell_is_nothing() -> None:
    (silent,) = parse({"streams": [{"index": 0}]}).streams
    nothing = Stream(
        index=0, kind="unknown", codec=None, codec_tag="", attached_picture=False, default=False, packets=0,
        first_s=None, end_s=None, last_s=None, mean_interval_s=None, median_interval_s=None, short_interval_s=None,
        steady_interval_s=None, hidden=0, begins_amid=False, leaps=0, steps_s=0.0, decoded=False, tags=frozenset(),
    )  # fmt: skip
    assert silent == nothing


@pytest.mark.parametrize(
    ("disposition", "attached"),
    [([], False), (["default"], False), (["attached_pic"], True), (["timed_thumbnails"], True)],
)
def test_covers_are_known_by_their_mark(disposition: list[str], attached: bool) -> None:
    (stream,) = parse({"streams": [{"index": 0, "type": "video", "disposition": disposition}]}).of_kind("video")
    assert stream.attached_picture is attached
    assert stream.default is ("default" in disposition)


ONE = 0x10000
MATRICES: dict[str, tuple[list[int] | None, Matrix]] = {
    "none": (None, UPRIGHT),
    "upright": ([ONE, 0, 0, ONE], UPRIGHT),
    "clockwise": ([0, ONE, -ONE, 0], (0, 1, -1, 0)),
    "clockwise, mirrored": ([0, ONE, ONE, 0], (0, 1, 1, 0)),
    "upside down": ([-ONE, 0, 0, -ONE], (-1, 0, 0, -1)),
    "mirrored": ([-ONE, 0, 0, ONE], (-1, 0, 0, 1)),
    "nearly clockwise": ([100, ONE - 9, -ONE + 9, 100], (0, 1, -1, 0)),
    "all zero": ([0, 0, 0, 0], UPRIGHT),
}


@pytest.mark.parametrize(("numbers", "matrix"), MATRICES.values(), ids=MATRICES)
def test_a_matrix_is_the_nearest_quarter_turn(numbers: list[int] | None, matrix: Matrix) -> None:
    seen = parse({"streams": [{"index": 0, "frame": {"width": 2, "height": 2, "matrix": numbers}}]})
    assert seen.streams[0].frame is not None
    assert seen.streams[0].frame.matrix == matrix


@pytest.mark.parametrize(
    ("told", "aspect"),
    [
        (None, "1"),
        ([0, 1], "1"),
        ([1, 0], "1"),
        ([1137, 800], "1137/800"),
        ([1, 10], "1/10"),
        ([10, 1], "10"),
        ([1, 11], "1"),
        ([65535, 1], "1"),
    ],
)
def test_an_absurd_pixel_is_square(told: list[int] | None, aspect: str) -> None:
    assert parse({"streams": [{"index": 0, "pixel_aspect": told}]}).streams[0].pixel_aspect == Fraction(aspect)


MEASURED: dict[str, tuple[Probe, str, Any]] = {
    "sound goes on": (probe(video(), audio(end_s=1.5)), "duration_s", 1.5),
    "a sound that goes on is no picture": (probe(video(), audio(end_s=1.5)), "picture_s", 1.0),
    "picture goes on": (probe(video(end_s=2.0), audio()), "duration_s", 2.0),
    "longer than was looked at": (replace(probe(video(end_s=31.1)), declared_s=120.0), "duration_s", 120.0),
    "a lie": (replace(probe(video(end_s=1.0)), declared_s=143165.0), "duration_s", 1.0),
    "no sound": (probe(video()), "has_audio", False),
    "turned": (probe(video(frame=frame(matrix=(0, 1, -1, 0)))), "turned", True),
    "late sound": (probe(video(), audio(first_s=0.5)), "audio_starts_after_picture_s", 0.5),
    "one frame": (probe(video(mean_interval_s=None, end_s=0.5)), "fps", 2.0),
    "tracks": (probe(video(), audio(), video(2)), "tracks", 3),
    "tags of every stream": (probe(video(tags=frozenset("a")), tags=frozenset("b")), "tags", frozenset("ab")),
}


def test_the_window_of_the_probe_is_known() -> None:
    assert LOOKED_AT_S == WINDOW_S


@pytest.mark.parametrize(("seen", "fact", "value"), MEASURED.values(), ids=MEASURED)
def test_a_file_is_measured_in_the_house_s_terms(seen: Probe, fact: str, value: object) -> None:
    facts = measure(seen, seen.of_kind("video")[0], container="mp4", faststart=True)
    assert getattr(facts, fact) == value
