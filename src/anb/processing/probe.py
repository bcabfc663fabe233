"""What the probe saw, as values. Pure; keys may be missing and numbers absurd, for the files are anybody's."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

Matrix = tuple[int, int, int, int]
UPRIGHT: Matrix = (1, 0, 0, 1)
LOOKED_AT_S = 31.0
"""Of each stream; the same as `probe_child.WINDOW_S`, whose file loads nothing of ours."""


@dataclass(frozen=True)
class Frame:
    """The first decoded one. Colours are numbers of ISO/IEC 23091-2, `range` FFmpeg's (1 limited, 2 full)."""

    width: int
    height: int
    pixel_format: str
    interlaced: bool
    matrix: Matrix
    range: int
    space: int
    primaries: int
    transfer: int


@dataclass(frozen=True)
class Stream:
    """`packets`, `first_s` to `end_s` and the intervals are counted in the first half minute, not declared."""

    index: int
    kind: str
    codec: str | None
    codec_tag: str
    attached_picture: bool
    default: bool
    packets: int
    first_s: float | None
    end_s: float | None
    last_s: float | None
    """When the last picture begins."""
    mean_interval_s: float | None
    median_interval_s: float | None
    short_interval_s: float | None
    """One in ten is as short."""
    steady_interval_s: float | None
    """The mean of those that are much like the median: a lost frame does not move it."""
    hidden: int
    """Packets that show nothing: an edit list discards them, or they come before the first key picture."""
    begins_amid: bool
    """At `first_s` is the first key picture; what comes before leans on pictures that are not there."""
    leaps: int
    """Times at which its clock became another."""
    steps_s: float
    """From packet to packet added up, leaps left out."""
    decoded: bool
    tags: frozenset[str]
    width: int = 0
    height: int = 0
    pixel_aspect: Fraction = Fraction(1)
    frame: Frame | None = None
    channels: int = 0
    layout: str = ""

    @property
    def span_s(self) -> float:
        return (self.end_s or 0.0) - (self.first_s or 0.0)


@dataclass(frozen=True)
class Probe:
    start_s: float
    declared_s: float | None
    streams: tuple[Stream, ...]
    tags: frozenset[str]
    chapters: int
    complaint: str
    reading: tuple[str, ...] = ()
    """Options of the demuxer that it was read with: FFmpeg needs the same."""

    def of_kind(self, kind: Literal["video", "audio"]) -> tuple[Stream, ...]:
        return tuple(stream for stream in self.streams if stream.kind == kind)


def parse(told: Mapping[str, Any]) -> Probe:
    return Probe(
        start_s=told.get("start_s") or 0.0,
        declared_s=told.get("duration_s"),
        streams=tuple(_stream(stream) for stream in told.get("streams", ())),
        tags=frozenset(told.get("metadata", ())),
        chapters=told.get("chapters", 0),
        complaint=told.get("complaint") or "",
    )


def _stream(told: Mapping[str, Any]) -> Stream:
    intervals = told.get("intervals_s") or {}
    disposition = told.get("disposition", ())
    frame = told.get("frame")
    return Stream(
        index=told["index"],
        kind=told.get("type") or "unknown",
        codec=told.get("codec"),
        codec_tag=told.get("codec_tag") or "",
        attached_picture="attached_pic" in disposition or "timed_thumbnails" in disposition,
        default="default" in disposition,
        packets=told.get("packets", 0),
        first_s=told.get("first_s"),
        end_s=told.get("end_s"),
        last_s=told.get("last_s"),
        mean_interval_s=intervals.get("mean"),
        median_interval_s=intervals.get("median"),
        short_interval_s=intervals.get("short"),
        steady_interval_s=intervals.get("steady"),
        hidden=told.get("hidden", 0),
        begins_amid=bool(told.get("begins_amid")),
        leaps=told.get("leaps", 0),
        steps_s=told.get("steps_s", 0.0),
        decoded=bool(told.get("decoded")),
        tags=frozenset(told.get("metadata", ())),
        width=told.get("width") or 0,
        height=told.get("height") or 0,
        pixel_aspect=_pixel_aspect(told.get("pixel_aspect")),
        frame=_frame(frame) if frame else None,
        channels=told.get("channels") or 0,
        layout=told.get("layout") or "",
    )


def _frame(told: Mapping[str, Any]) -> Frame:
    return Frame(
        width=told["width"],
        height=told["height"],
        pixel_format=told.get("pixel_format") or "",
        interlaced=bool(told.get("interlaced")),
        matrix=_matrix(told.get("matrix")),
        range=told.get("range", 0),
        space=told.get("space", 2),
        primaries=told.get("primaries", 2),
        transfer=told.get("transfer", 2),
    )


def _pixel_aspect(ratio: list[int] | None) -> Fraction:
    """0:1 means unknown, and nobody's pixels are ten times as wide as high."""
    if not ratio or ratio[1] == 0 or not 0.1 <= ratio[0] / ratio[1] <= 10:
        return Fraction(1)
    return Fraction(ratio[0], ratio[1])


def _matrix(numbers: list[int] | None) -> Matrix:
    """Only signs and zeros: the nearest quarter turn, perhaps mirrored. One that says nothing is upright."""
    if not numbers:
        return UPRIGHT
    a, b, c, d = numbers
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return (_sign(a), 0, 0, _sign(d))
    return (0, _sign(b), _sign(c), 0)


def _sign(number: int) -> int:
    return -1 if number < 0 else 1
