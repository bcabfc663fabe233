"""Which of a file's streams are the clip, when it starts, how fast it runs; or why there is no clip. Pure."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from anb.processing.failures import FailureCode, ProcessingFailed
from anb.processing.house_format import FASTEST, LONGEST_S
from anb.processing.limits import Limits, Rules
from anb.processing.probe import Frame, Probe, Stream


@dataclass(frozen=True)
class Clip:
    """`starts_s` is on the source's own clock. `dropped_audio` names a sound track that nobody here can decode."""

    video: Stream
    frame: Frame
    audio: Stream | None
    dropped_audio: str | None
    starts_s: float
    expected_s: float
    rate: Fraction
    nudge_s: float
    """Pictures are timed this much later, so that none lies half-way between two of the house's."""
    frames: int
    held: int
    """How many of `frames` only repeat the last picture, for as long as the file says that it stands."""
    ends_briefly: bool = False
    """The last picture stands for less than half of its place, and would be rounded to nothing."""
    picture_changes: bool = False
    """Its size is another further on, as where a recording goes on turned."""
    sound_changes: bool = False
    """Its channels are others further on, as where a film follows the news."""


def is_joined(probe: Probe) -> bool:
    """Pieces one behind the other, each with a clock of its own: no track goes on across the seam."""
    tracks = [stream for stream in (*probe.of_kind("video"), *probe.of_kind("audio")) if stream.packets]
    return bool(tracks) and all(stream.leaps for stream in tracks)


def begins_anew(probe: Probe) -> bool:
    """A picture of which there is more than its times have room for, though another track goes on: a piece that has no
    sound, behind or before one that has. What lies behind the first comes too late for FFmpeg."""
    return any(stream.leaps and stream.steps_s > 1.25 * stream.span_s for stream in probe.of_kind("video"))


def keeps_tracks(source: Probe, made: Probe, rules: Rules) -> bool:
    """MPEG-TS has no place for some codecs, as a DVD's or a Blu-ray's PCM: what FFmpeg makes of them nobody reads."""
    kinds: tuple[Literal["video", "audio"], ...] = ("video",) if rules.remove_audio else ("video", "audio")
    return all(_is_readable(made, kind) or not _is_readable(source, kind) for kind in kinds)


def _is_readable(probe: Probe, kind: Literal["video", "audio"]) -> bool:
    return any(stream.decoded for stream in probe.of_kind(kind))


def choose(probe: Probe, limits: Limits, rules: Rules) -> Clip:
    video, frame = _picture(probe, limits)
    audio, dropped = _sound(probe)
    if rules.remove_audio:
        audio = dropped = None
    starts_s = _start(video, audio)
    expected_s = min(max((video.end_s or 0.0) - starts_s, 0.0), float(LONGEST_S))
    rate = frame_rate(video, interlaced=frame.interlaced)
    nudge_s = nudge(video, rate, interlaced=frame.interlaced)
    moving, frames = _frames(video, starts_s - nudge_s, starts_s + expected_s, rate)
    _refuse_heavy(video, frame, limits)
    _keep_rules(video, frame, probe, rules)
    return Clip(
        video=video,
        frame=frame,
        audio=audio,
        dropped_audio=dropped,
        starts_s=starts_s,
        expected_s=expected_s,
        rate=rate,
        nudge_s=nudge_s,
        frames=frames,
        held=frames - moving,
        ends_briefly=_ends_briefly(video, rate),
    )


def _picture(probe: Probe, limits: Limits) -> tuple[Stream, Frame]:
    pictures = [stream for stream in probe.of_kind("video") if not stream.attached_picture]
    usable = [stream for stream in pictures if stream.frame is not None and not _is_still(stream, probe)]
    if not usable:
        raise _refusal(probe, pictures, limits)
    best = _liveliest(usable)
    assert best.frame is not None  # noqa: S101  # `usable` holds no other
    if _encrypted(best):
        raise ProcessingFailed(FailureCode.ENCRYPTED)
    if best.span_s > LONGEST_JUMP_S:
        raise ProcessingFailed(FailureCode.DAMAGED, log_detail=f"times from {best.first_s} to {best.end_s} s")
    return best, best.frame


def _refuse_heavy(video: Stream, frame: Frame, limits: Limits) -> None:
    """A few kilobytes can hold hours of work, for frames that are alike are stored once. Real ones cannot."""
    pixels = video.packets * frame.width * frame.height
    if video.packets > limits.max_frames or pixels > limits.max_decoded_pixels:
        raise ProcessingFailed(FailureCode.TOO_HEAVY, log_detail=f"{video.packets} frames, {pixels} pixels")


LONGEST_JUMP_S = 100_000
"""MPEG-TS's clock wraps after 95 444 s. Times further apart are nonsense, and FFmpeg 5.1 fills gaps frame by frame."""


def _liveliest(pictures: list[Stream]) -> Stream:
    """A motion photo's second track is larger but holds a frame or two; a thumbnail track is short as well.

    So: of those that move for at least half as long, and half as often, as the longest, the one marked as default,
    then the largest, then the first.
    """
    longest = max(stream.span_s for stream in pictures)
    most = max(stream.packets for stream in pictures)
    lively = [stream for stream in pictures if stream.span_s >= longest / 2 and 2 * stream.packets >= most] or pictures
    return min(lively, key=lambda stream: (not stream.default, -stream.width * stream.height, stream.index))


_STILL_CODECS = frozenset(("mjpeg", "png", "bmp", "gif", "webp", "tiff", "jpeg2000", "jpegls"))


def _is_still(stream: Stream, probe: Probe) -> bool:
    """A cover that its file forgot to mark as one."""
    return stream.codec in _STILL_CODECS and stream.packets == 1 and bool(probe.streams)


def _encrypted(stream: Stream) -> bool:
    """ISO/IEC 23001-7's sample entry, and Apple's older one."""
    return stream.codec_tag in ("encv", "drmi")


def _refusal(probe: Probe, pictures: list[Stream], limits: Limits) -> ProcessingFailed:
    detail = f"{probe.complaint} {[(stream.index, stream.codec, stream.packets) for stream in probe.streams]}"
    if not pictures or all(_is_still(stream, probe) for stream in pictures):
        return ProcessingFailed(_what_else(probe), log_detail=detail)
    if any(_encrypted(stream) for stream in pictures):
        return ProcessingFailed(FailureCode.ENCRYPTED, log_detail=detail)
    for stream in pictures:
        if stream.width * stream.height > limits.max_pixels:
            return ProcessingFailed(FailureCode.TOO_MANY_PIXELS, width=stream.width, height=stream.height)
    if not any(stream.packets for stream in pictures):
        return ProcessingFailed(FailureCode.NO_FRAMES, log_detail=detail)
    if all(stream.codec is None for stream in pictures):
        return ProcessingFailed(FailureCode.UNSUPPORTED_CODEC, log_detail=detail, codec=pictures[0].codec_tag or "?")
    return ProcessingFailed(FailureCode.DAMAGED, log_detail=detail)


def _what_else(probe: Probe) -> FailureCode:
    if probe.of_kind("audio"):
        return FailureCode.NO_PICTURE
    return FailureCode.ONLY_A_PICTURE if probe.of_kind("video") else FailureCode.NO_FRAMES


def _sound(probe: Probe) -> tuple[Stream | None, str | None]:
    """The default track that can be decoded and keeps time, else the first that can. A fine picture is not refused for
    its sound: where no track can be decoded the clip is published silent."""
    tracks = [stream for stream in probe.of_kind("audio") if stream.packets]
    heard = [stream for stream in tracks if stream.decoded and stream.channels and stream.span_s <= LONGEST_JUMP_S]
    if heard:
        return min(heard, key=lambda stream: (not stream.default, stream.index)), None
    return None, (tracks[0].codec or tracks[0].codec_tag or "unknown") if tracks else None


PRIMING_S = 0.1
"""Encoders start sound this much earlier without meaning it; the picture is not held still for that."""


def _start(video: Stream, audio: Stream | None) -> float:
    """The earlier of both, so that neither is cut: its first frame precedes a late picture, silence late sound.

    A picture that would come after the clip's end starts the clip itself, and so does one that came before but cannot
    be decoded: a recording that was cut in two starts at its first key picture, not seconds before with that one still.
    """
    picture_s = video.first_s or 0.0
    if video.begins_amid:
        return picture_s
    sound_s = picture_s if audio is None or audio.first_s is None else audio.first_s
    early_s = picture_s - sound_s
    return sound_s if PRIMING_S < early_s < LONGEST_S - 1 else picture_s


_USUAL_RATES = tuple(
    Fraction(rate) for rate in (1, 2, 5, 8, 10, 12, "12.5", 15, 20, "24000/1001", 24, 25, "30000/1001", 30)
)
# Rounded to milliseconds a usual gap is off by 1.3 % at most, and a mean by a part of one millisecond in all.
_GAP_IS_OFF_BY = 0.015
_CLOCK_IS_OFF_BY = 0.0001
_TICK_S = 0.001
LONGEST_UNEVEN_GAP_S = 0.1


def frame_rate(video: Stream, *, interlaced: bool) -> Fraction:
    """The measured rate, or a part of it, at most 30. Declared ones are 120 for a clip of 30, or 1000 for any FLV.

    A phone's 59.97 becomes 29.985 and no other: at 30 its clock and ours would drift apart by half a frame in a clip,
    and chance would decide which of two frames is shown where they cross. Of 50 or 90 no part is meant to be 30.
    """
    interval_s, off_by = _interval(video)
    if interlaced and interval_s * FASTEST < 1:
        interval_s *= 2  # each field came as a packet of its own
    parts = max(round(1 / (interval_s * FASTEST)), 1)
    rate = 1 / (interval_s * parts)
    if rate >= FASTEST or (parts > 1 and rate < FASTEST * (1 - 0.02)):
        return FASTEST
    # At least one a second, and then a multiple: any other puts a picture up to half a second beside its sound.
    return _usual(rate, off_by) or (Fraction(rate) * math.ceil(1 / rate)).limit_denominator(1001)


def _interval(video: Stream) -> tuple[float, float]:
    """Between two frames, and by which part that is off.

    Where frames come unevenly the short gaps count, not the mean: a pause, or a part that is filmed slower for want of
    light, must not slow the motion around it. Where they are few as well, as of a screen on which little happens, each
    would come up to half a gap too early or too late beside its sound.
    """
    mean, typical = video.mean_interval_s, video.median_interval_s
    short, steady = video.short_interval_s, video.steady_interval_s
    if not mean or not typical or not short or not steady:
        return video.span_s or 1 / float(FASTEST), _GAP_IS_OFF_BY
    few_at_odd_times = typical > LONGEST_UNEVEN_GAP_S and short < 0.9 * typical
    if abs(mean - typical) > typical / 10 or few_at_odd_times:
        gap = min(mean, short)
        return gap if gap <= LONGEST_UNEVEN_GAP_S else 1 / float(FASTEST), _GAP_IS_OFF_BY
    return steady, _CLOCK_IS_OFF_BY + _TICK_S / max(video.span_s, steady)


def _usual(rate: float, off_by: float) -> Fraction | None:
    nearest = min(_USUAL_RATES, key=lambda usual: abs(float(usual) - rate))
    return nearest if abs(float(nearest) - rate) <= rate * off_by else None


def nudge(video: Stream, rate: Fraction, *, interlaced: bool) -> float:
    """Half a source interval where two, four, ... of the source's frames become one, else nothing.

    FFmpeg's `fps` rounds to the nearest. Of 60 frames a second every other one lies half-way, and a clock in whole
    milliseconds lets chance decide to which side it falls: the steps are 1, 2 or 3 frames, where all should be 2.
    What falls now lies a quarter of a house interval or less from where it lay, and 24, 25, 50 or 90 have no such tie.
    """
    mean, typical, steady = video.mean_interval_s, video.median_interval_s, video.steady_interval_s
    if not mean or not typical or not steady or interlaced:
        return 0.0
    # The steady one is finer than a clock's tick; but where frames come unevenly it may be of no part.
    interval_s = steady if abs(mean - typical) <= typical / 10 else typical
    times = 1 / (float(rate) * interval_s)
    even = max(round(times / 2), 1) * 2
    return 1 / (2 * even * float(rate)) if abs(times - even) <= 0.05 * even else 0.0


def most_frames(rate: Fraction) -> int:
    """The last of them must end, not only begin, by then."""
    return int(LONGEST_S * rate)


def _frames(video: Stream, starts_s: float, ends_s: float, rate: Fraction) -> tuple[int, int]:
    """Up to the last picture, and with the time that it stands: a recording of a screen may end on a still one, and
    `fps` of FFmpeg 5.1 does not hold it."""
    moving = max(round(((video.last_s or 0.0) - starts_s) * rate) + 1, 1)
    whole = max(moving, round((ends_s - starts_s) * rate))
    return min(moving, most_frames(rate)), min(whole, most_frames(rate))


SLOW = 10
"""So few a second that one of them is missed."""


def _ends_briefly(video: Stream, rate: Fraction) -> bool:
    """As the last of some slides, whose writer did not know how long it would stand."""
    return rate < SLOW and ((video.end_s or 0.0) - (video.last_s or 0.0)) * rate < 0.5


def _keep_rules(video: Stream, frame: Frame, probe: Probe, rules: Rules) -> None:
    """The measured length counts up to the half minute that is looked at, the declared one beyond."""
    measured = video.span_s
    duration_s = round(max(measured, probe.declared_s or 0.0) if measured > LONGEST_S else measured, 1)
    if rules.shortest_s is not None and duration_s < rules.shortest_s:
        raise ProcessingFailed(FailureCode.TOO_SHORT, duration_s=duration_s, min_s=rules.shortest_s)
    if rules.longest_s is not None and duration_s > rules.longest_s:
        raise ProcessingFailed(FailureCode.TOO_LONG, duration_s=duration_s, max_s=rules.longest_s)
    if rules.shortest_side is not None and min(frame.width, frame.height) < rules.shortest_side:
        raise ProcessingFailed(
            FailureCode.TOO_SMALL, width=frame.width, height=frame.height, min_pixels=rules.shortest_side
        )
