"""Which streams are the clip, when it starts, how fast it runs; or why there is none."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from anb.processing.failures import FailureCode, ProcessingFailed
from anb.processing.limits import NO_RULES, Limits, Rules
from anb.processing.probe import Probe, Stream
from anb.processing.streams import begins_anew, choose, frame_rate, is_joined, keeps_tracks
from tests.processing.streams_of import audio, frame, paced, probe, video

LIMITS = Limits()
UNDECODED: dict[str, Any] = {"decoded": False, "frame": None}

PICTURES = {
    "the only one": (probe(video(), audio()), 0),
    "behind the sound": (probe(audio(0), video(1)), 1),
    "not the cover": (probe(video(0, attached_picture=True), video(1)), 1),
    "not a cover without a mark": (probe(video(0, codec="mjpeg", packets=1), video(1)), 1),
    "not a motion photo's larger still": (probe(video(0), video(1, packets=2, width=4000, height=3000)), 0),
    "not a thumbnail track that lasts": (probe(video(0, packets=2), video(1)), 1),
    "the larger of two that move": (probe(video(0, width=640, height=360), video(1)), 1),
    "the default of two that move": (probe(video(0, width=640, height=360), video(1, default=False)), 0),
    "the first of equals": (probe(video(0), video(1)), 0),
    "the one that decodes": (probe(video(0, **UNDECODED), video(1)), 1),
    "not the empty one": (probe(video(0, packets=0, end_s=None, **UNDECODED), video(1)), 1),
}


@pytest.mark.parametrize(("seen", "index"), PICTURES.values(), ids=PICTURES)
def test_the_picture_that_moves_is_the_clip(seen: Probe, index: int) -> None:
    assert choose(seen, LIMITS, NO_RULES).video.index == index


COVER = video(1, attached_picture=True)
REFUSALS = {
    "sound only": (probe(audio(0)), FailureCode.NO_PICTURE),
    "sound and cover": (probe(audio(0), COVER), FailureCode.NO_PICTURE),
    "sound and unmarked cover": (probe(audio(0), video(1, codec="png", packets=1)), FailureCode.NO_PICTURE),
    "cover only": (probe(COVER), FailureCode.ONLY_A_PICTURE),
    "nothing at all": (probe(), FailureCode.NO_FRAMES),
    "header only": (probe(video(packets=0, **UNDECODED)), FailureCode.NO_FRAMES),
    "encrypted, in clear sight": (probe(video(codec_tag="encv")), FailureCode.ENCRYPTED),
    "encrypted, undecodable": (probe(video(codec_tag="drmi", **UNDECODED)), FailureCode.ENCRYPTED),
    "no decoder": (probe(video(codec=None, **UNDECODED)), FailureCode.UNSUPPORTED_CODEC),
    "too large to be decoded": (probe(video(width=16384, height=16384, **UNDECODED)), FailureCode.TOO_MANY_PIXELS),
    "undecodable": (probe(video(**UNDECODED)), FailureCode.DAMAGED),
    "times that jump by more than a clock can wrap": (probe(video(end_s=100_001)), FailureCode.DAMAGED),
    "a million frames": (probe(video(packets=32_001)), FailureCode.TOO_HEAVY),
    "more pixels than 8K has": (
        probe(video(packets=1206, frame=frame(width=8192, height=4050))),
        FailureCode.TOO_HEAVY,
    ),
}


@pytest.mark.parametrize(
    ("seen", "joined"),
    [
        (probe(video(leaps=1), audio(leaps=1)), True),
        (probe(video(leaps=3)), True),
        (probe(video(leaps=1), audio(packets=0)), True),
        (probe(video(), audio()), False),
        (probe(video(leaps=1), audio()), False),
        (probe(video(), audio(leaps=1)), False),
        (probe(video(leaps=1), audio(leaps=1), audio(2)), False),
        (probe(), False),
    ],
)
def test_a_clip_is_joined_where_all_its_clocks_leap(seen: Probe, joined: bool) -> None:
    assert is_joined(seen) is joined


def test_what_is_just_bearable_is_borne() -> None:
    for picture in (video(end_s=100_000), video(packets=32_000, frame=frame(width=1250, height=1000))):
        assert choose(probe(picture, audio(end_s=100_000)), LIMITS, NO_RULES).audio


def test_a_refusal_of_heavy_work_tells_the_log_how_heavy() -> None:
    with pytest.raises(ProcessingFailed) as refused:
        choose(probe(video(packets=40_000)), LIMITS, NO_RULES)
    assert refused.value.log_detail == "40000 frames, 82944000000 pixels"
    with pytest.raises(ProcessingFailed) as refused:
        choose(probe(video(end_s=1e6)), LIMITS, NO_RULES)
    assert refused.value.log_detail == "times from 0.0 to 1000000.0 s"


@pytest.mark.parametrize(("seen", "code"), REFUSALS.values(), ids=REFUSALS)
def test_what_holds_no_clip_is_refused_with_a_reason(seen: Probe, code: FailureCode) -> None:
    with pytest.raises(ProcessingFailed) as refused:
        choose(seen, LIMITS, NO_RULES)
    assert refused.value.code is code


def test_a_refusal_names_the_size_and_the_codec() -> None:
    for stream, params in (
        (video(width=16384, height=8192, **UNDECODED), {"width": 16384, "height": 8192}),
        (video(codec=None, codec_tag="vvc1", **UNDECODED), {"codec": "vvc1"}),
        (video(codec=None, codec_tag="", **UNDECODED), {"codec": "?"}),
    ):
        with pytest.raises(ProcessingFailed) as refused:
            choose(probe(stream), LIMITS, NO_RULES)
        assert refused.value.params == params


@pytest.mark.parametrize(
    "stream", [audio(0), video(packets=0, **UNDECODED), video(codec=None, **UNDECODED), video(**UNDECODED)]
)
def test_a_refusal_tells_the_log_what_was_there(stream: Stream) -> None:
    with pytest.raises(ProcessingFailed) as refused:
        choose(probe(stream, complaint="odd"), LIMITS, NO_RULES)
    assert refused.value.log_detail == f"odd [(0, {stream.codec!r}, {stream.packets})]"


SOUNDS: dict[str, tuple[Probe, int | None, str | None]] = {
    "none": (probe(video()), None, None),
    "the default": (probe(video(), audio(1, default=False), audio(2)), 2, None),
    "the first of equals": (probe(video(), audio(1), audio(2)), 1, None),
    "the one that decodes": (probe(video(), audio(1, decoded=False, codec=None), audio(2, default=False)), 2, None),
    "an empty track is none": (probe(video(), audio(1, packets=0, decoded=False)), None, None),
    "the one that keeps time": (probe(video(), audio(1, end_s=100_001), audio(2)), 2, None),
    "undecodable": (probe(video(), audio(1, decoded=False, codec="ac4")), None, "ac4"),
    "unnamed": (probe(video(), audio(1, decoded=False, codec=None, codec_tag="")), None, "unknown"),
}


@pytest.mark.parametrize(("seen", "index", "dropped"), SOUNDS.values(), ids=SOUNDS)
def test_a_picture_is_published_with_the_sound_that_can_be_heard(
    seen: Probe, index: int | None, dropped: str | None
) -> None:
    clip = choose(seen, LIMITS, NO_RULES)
    assert (clip.audio.index if clip.audio else None, clip.dropped_audio) == (index, dropped)


@pytest.mark.parametrize(
    ("picture_s", "sound_s", "starts_s"),
    [
        (0.0, 0.0, 0.0),
        (10.0, 10.0, 10.0),
        (1.0, 0.0, 0.0),
        (0.0, 3.0, 0.0),
        (0.0, -0.021, 0.0),
        (-0.5, -0.5, -0.5),
        (40.0, 0.0, 40.0),
        (5.0, None, 5.0),
    ],
)
def test_the_clip_starts_with_the_earlier_of_both(picture_s: float, sound_s: float | None, starts_s: float) -> None:
    seen = probe(video(first_s=picture_s, end_s=picture_s + 5), audio(first_s=sound_s))
    assert choose(seen, LIMITS, NO_RULES).starts_s == starts_s


def test_a_picture_that_cannot_be_decoded_from_its_start_starts_the_clip_where_it_can() -> None:
    cut = video(first_s=3.5, end_s=9.0, begins_amid=True)
    assert choose(probe(cut, audio(first_s=0.0, end_s=9.0)), LIMITS, NO_RULES).starts_s == 3.5


@pytest.mark.parametrize(("end_s", "expected_s"), [(1.0, 1.0), (31.2, 30.0), (None, 0.0)])
def test_half_a_minute_is_expected_at_most(end_s: float | None, expected_s: float) -> None:
    assert choose(probe(video(end_s=end_s)), LIMITS, NO_RULES).expected_s == expected_s


RATES = {
    "30": (1 / 30, 1 / 30, "30"),
    "120": (1 / 120, 1 / 120, "30"),
    "59.94": (1001 / 60000, 1001 / 60000, "30000/1001"),
    "119.88": (1001 / 120000, 1001 / 120000, "30000/1001"),
    "60 as 16 and 17 ms": (1 / 60, 0.017, "30"),
    "a phone's 59.98": (1 / 59.98, 1 / 60, "29.99"),
    "60 that is a little fast": (1 / 60.03, 1 / 60, "30"),
    "60 that ends within the error of a clock": (1 / 59.999, 1 / 60, "30"),
    "50": (1 / 50, 1 / 50, "30"),
    "24 as 41 and 42 ms": (1 / 24, 0.042, "24"),
    "23.976": (1001 / 24000, 1001 / 24000, "24000/1001"),
    "29.97": (1001 / 30000, 1001 / 30000, "30000/1001"),
    "12.5": (0.08, 0.08, "12.5"),
    "1": (1.0, 1.0, "1"),
    "slower than 1": (5.0, 5.0, "1"),
    "slides of 2.5 s": (2.5, 2.5, "1.2"),
    "slides of 1.5 s": (1.5, 1.5, "4/3"),
    "unusual": (1 / 17, 1 / 17, "17"),
    "a phone's 29.93": (1 / 29.93, 1 / 30, "29.93"),
    "29 of 60": (1 / 58, 1 / 58, "30"),
    "30 with a long pause": (0.1, 1 / 30, "30"),
    "bursts": (1 / 20, 0.001, "30"),
}


@pytest.mark.parametrize(("mean_s", "median_s", "rate"), RATES.values(), ids=RATES)
def test_the_measured_rate_is_kept_up_to_thirty(mean_s: float, median_s: float, rate: str) -> None:
    seen = paced(mean_s, median_s, end_s=30.0)
    assert frame_rate(seen, interlaced=False) == Fraction(rate)


@pytest.mark.parametrize(
    ("interval_s", "stands_s", "briefly"), [(1, 0.4, True), (1, 1, False), (2.5, 0.4, True), (1 / 30, 0, False)]
)
def test_a_last_slide_may_end_before_its_place_does(interval_s: float, stands_s: float, *, briefly: bool) -> None:
    seen = paced(interval_s, interval_s, last_s=10.0, end_s=10.0 + stands_s)
    assert choose(probe(seen), LIMITS, NO_RULES).ends_briefly is briefly


def test_a_short_clip_is_not_told_from_a_usual_rate() -> None:
    assert frame_rate(paced(1 / 29.98, 1 / 30, end_s=1.0), interlaced=False) in (30, Fraction(30000, 1001))


@pytest.mark.parametrize(("mean_s", "steady_s", "rate"), [(1 / 29, 1 / 30, "30"), (1 / 23.5, 1 / 25, "25")])
def test_lost_frames_do_not_change_the_rate(mean_s: float, steady_s: float, rate: str) -> None:
    seen = replace(paced(mean_s, steady_s), steady_interval_s=steady_s)
    assert frame_rate(seen, interlaced=False) == Fraction(rate)


@pytest.mark.parametrize(
    ("mean_s", "median_s", "short_s", "rate"),
    [
        (0.16, 0.2, 1 / 30, "30"),  # a screen that moves now and then
        (0.043, 0.05, 0.0333, "30"),  # a phone that films slower in the dark half of the hall
        (0.06, 0.08, 1 / 24, "24"),
        (0.4, 0.3, 0.15, "30"),  # a screen on which little happens
        (0.37, 0.36, 0.2, "30"),  # the same, whose mean looks even
        (0.5, 0.5, 0.48, "2"),
        (1 / 24, 0.042, 0.03, "24"),  # even, but for a clock that wavers
    ],
)
def test_the_fast_part_keeps_its_frames(mean_s: float, median_s: float, short_s: float, rate: str) -> None:
    seen = replace(paced(mean_s, median_s), short_interval_s=short_s)
    assert frame_rate(seen, interlaced=False) == Fraction(rate)


@pytest.mark.parametrize(("fields", "rate"), [(50, "25"), (25, "25")])
def test_fields_in_packets_of_their_own_are_not_counted_twice(fields: int, rate: str) -> None:
    stream = paced(1 / fields, 1 / fields)
    assert frame_rate(stream, interlaced=True) == Fraction(rate)


NUDGES = {
    "60": (1 / 60, 1 / 60, 1 / 120),
    "60 as 16 and 17 ms": (1 / 60, 0.017, 1 / 120),
    "59.94": (1001 / 60000, 1001 / 60000, 1001 / 120000),
    "120": (1 / 120, 1 / 120, 1 / 240),
    "240 as 4 and 5 ms": (1 / 240, 0.004, 1 / 480),
    "30 and then 60": (1 / 45, 1 / 60, 1 / 120),
    "30": (1 / 30, 1 / 30, 0),
    "30 as 33 and 34 ms": (1 / 30, 0.033, 0),
    "30 and seldom 60": (1 / 33, 1 / 30, 0),
    "90": (1 / 90, 1 / 90, 0),
    "50": (1 / 50, 1 / 50, 0),
    "48": (1 / 48, 1 / 48, 0),
    "25": (1 / 25, 1 / 25, 0),
    "24": (1 / 24, 0.042, 0),
    "15": (1 / 15, 1 / 15, 0),
    "one frame": (None, None, 0),
}


@pytest.mark.parametrize(("mean_s", "median_s", "nudge_s"), NUDGES.values(), ids=NUDGES)
def test_a_rate_that_is_halved_is_moved_off_the_middle(
    mean_s: float | None, median_s: float | None, nudge_s: float
) -> None:
    seen = paced(mean_s, median_s)
    assert choose(probe(seen), LIMITS, NO_RULES).nudge_s == pytest.approx(nudge_s)


def test_fields_are_not_moved_for_two_of_them_are_woven_into_one() -> None:
    fields = video(
        frame=frame(interlaced=True), mean_interval_s=1 / 60, median_interval_s=1 / 60, steady_interval_s=1 / 60
    )
    assert choose(probe(fields), LIMITS, NO_RULES).nudge_s == 0


ENDS = {
    "an ordinary end": (29 / 30, 1.0, 30, 0),
    "a still one": (29 / 30, 5.0, 150, 120),
    "a still one that stands too long": (29 / 30, 31.5, 900, 870),
    "a length that is left out": (29 / 30, 29 / 30, 30, 0),
    "half a frame is no frame": (29 / 30, 1.01, 30, 0),
    "longer than is published": (31.0, 31.5, 900, 0),
    "a still one behind half a minute": (30.5, 40.0, 900, 0),
    "nothing is known": (None, None, 1, 0),
}


@pytest.mark.parametrize(("last_s", "end_s", "frames", "held"), ENDS.values(), ids=ENDS)
def test_the_last_picture_stands_as_long_as_the_file_says(
    last_s: float | None, end_s: float | None, frames: int, held: int
) -> None:
    clip = choose(probe(video(last_s=last_s, end_s=end_s)), LIMITS, NO_RULES)
    assert (clip.frames, clip.held) == (frames, held)


@pytest.mark.parametrize(("end_s", "rate"), [(0.04, "25"), (0.0, "30")])
def test_a_single_frame_lasts_as_long_as_its_packet_says(end_s: float, rate: str) -> None:
    single = video(packets=1, mean_interval_s=None, median_interval_s=None, end_s=end_s)
    assert frame_rate(single, interlaced=False) == Fraction(rate)


TEN_SECONDS = video(end_s=10.0)
SMALL = video(frame=frame(width=1280, height=720))
BROKEN_RULES: dict[str, tuple[Rules, Stream, FailureCode, dict[str, float]]] = {
    "too short": (Rules(shortest_s=10.1), TEN_SECONDS, FailureCode.TOO_SHORT, {"duration_s": 10.0, "min_s": 10.1}),
    "too long": (Rules(longest_s=9.9), TEN_SECONDS, FailureCode.TOO_LONG, {"duration_s": 10.0, "max_s": 9.9}),
    "longer than is looked at": (
        Rules(longest_s=60), video(end_s=31.0), FailureCode.TOO_LONG, {"duration_s": 61.0, "max_s": 60},
    ),
    "too small": (
        Rules(shortest_side=721), SMALL, FailureCode.TOO_SMALL, {"width": 1280, "height": 720, "min_pixels": 721},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rules", "stream", "code", "params"), BROKEN_RULES.values(), ids=BROKEN_RULES)
def test_a_contest_may_ask_for_more(rules: Rules, stream: Stream, code: FailureCode, params: dict[str, float]) -> None:
    with pytest.raises(ProcessingFailed) as refused:
        choose(probe(stream, declared_s=61.0), LIMITS, rules)
    assert refused.value.code is code
    assert refused.value.params == params


def test_a_clip_that_keeps_the_rules_is_taken() -> None:
    rules = Rules(shortest_s=10, longest_s=10, shortest_side=1080, remove_audio=True)
    clip = choose(probe(TEN_SECONDS, audio(), declared_s=143_165.0), LIMITS, rules)
    assert clip.audio is None


@pytest.mark.parametrize(
    ("made", "kept"),
    [
        (probe(video(), audio()), True),
        (probe(video()), False),
        (probe(video(), audio(decoded=False)), False),
        (probe(video(decoded=False), audio()), False),
    ],
)
def test_a_copy_on_one_clock_counts_where_no_track_was_lost(made: Probe, kept: bool) -> None:
    assert keeps_tracks(probe(video(), audio(), audio(2)), made, NO_RULES) is kept


def test_a_sound_that_is_not_published_need_not_be_kept() -> None:
    assert keeps_tracks(probe(video(), audio()), probe(video()), Rules(remove_audio=True))
    assert keeps_tracks(probe(video(), audio(decoded=False)), probe(video()), NO_RULES)


@pytest.mark.parametrize(
    ("picture", "anew"),
    [
        (video(steps_s=2, leaps=1), True),
        (video(steps_s=1.2, leaps=1), False),
        (video(steps_s=2), False),
    ],
)
def test_a_picture_begins_anew_where_there_is_more_of_it_than_its_times_hold(picture: Stream, anew: bool) -> None:
    assert begins_anew(probe(picture, audio())) is anew
