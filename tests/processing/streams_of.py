"""Streams and probes for the tests of the pure rules: a second of a phone's clip, and what differs from it."""

from dataclasses import replace
from typing import Any

from anb.processing.probe import UPRIGHT, Frame, Probe, Stream

FRAME = Frame(1920, 1080, "yuv420p", interlaced=False, matrix=UPRIGHT, range=1, space=1, primaries=1, transfer=1)


def frame(**changes: Any) -> Frame:
    return replace(FRAME, **changes)


def video(index: int = 0, **changes: Any) -> Stream:
    ordinary = Stream(
        index=index,
        kind="video",
        codec="h264",
        codec_tag="avc1",
        attached_picture=False,
        default=True,
        packets=30,
        first_s=0.0,
        end_s=1.0,
        last_s=29 / 30,
        mean_interval_s=1 / 30,
        median_interval_s=1 / 30,
        short_interval_s=1 / 30,
        steady_interval_s=1 / 30,
        hidden=0,
        begins_amid=False,
        leaps=0,
        steps_s=1.0,
        decoded=True,
        tags=frozenset(),
        width=1920,
        height=1080,
        frame=FRAME,
    )
    return replace(ordinary, **changes)


def paced(mean_s: float | None, median_s: float | None, **changes: Any) -> Stream:
    steady_s = dict.fromkeys(("mean_interval_s", "steady_interval_s"), mean_s)
    return video(**steady_s, median_interval_s=median_s, short_interval_s=median_s, **changes)


def audio(index: int = 1, **changes: Any) -> Stream:
    ordinary = replace(video(index), kind="audio", codec="aac", codec_tag="mp4a", frame=None, width=0, height=0)
    return replace(replace(ordinary, channels=2, layout="stereo", packets=47), **changes)


def probe(*streams: Stream, **changes: Any) -> Probe:
    return replace(Probe(0.0, 1.0, streams, frozenset(), 0, ""), **changes)
