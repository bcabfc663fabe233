"""The house format in numbers, and what breaks it. Pure."""

from dataclasses import dataclass
from fractions import Fraction

WIDTH, HEIGHT = 1280, 720
LONGEST_S = 30
FASTEST = Fraction(30)
SAMPLE_RATE = 48_000
SYNC_TOLERANCE_S = 0.15

# ISO/IEC 23091-2: 1 is BT.709 in all three tables.
BT709 = 1
# FFmpeg's AVCOL_RANGE_MPEG.
LIMITED = 1

# What our MP4 always says of itself. Anything else would be the source's.
_OWN_TAGS = frozenset(
    ("major_brand", "minor_version", "compatible_brands", "handler_name", "language", "vendor_id", "encoder")
)


@dataclass(frozen=True)
class Facts:
    """Measured on a file, not read from its header where a header may lie. Times in seconds."""

    container: str
    duration_s: float
    """Of the picture, or of the sound where that goes on longer."""
    picture_s: float
    width: int
    height: int
    pixel_aspect: Fraction
    fps: float
    video_codec: str
    pixel_format: str
    colour: tuple[int, int, int, int]
    """Range, matrix, primaries, transfer."""
    turned: bool
    interlaced: bool
    has_audio: bool
    audio_codec: str | None
    audio_channels: int | None
    audio_starts_after_picture_s: float
    faststart: bool
    tracks: int
    tags: frozenset[str]
    chapters: int


def breaches(facts: Facts) -> tuple[str, ...]:
    """Each broken rule in one English sentence; none means that the file may be published."""
    rules = (*_picture_rules(facts), *_sound_rules(facts), *_wrapping_rules(facts))
    return tuple(sentence for kept, sentence in rules if not kept)


def _picture_rules(facts: Facts) -> tuple[tuple[bool, str], ...]:
    return (
        (facts.video_codec == "h264", f"the picture is {facts.video_codec}, not h264"),
        ((facts.width, facts.height) == (WIDTH, HEIGHT), f"the size is {facts.width}x{facts.height}"),
        (facts.pixel_aspect == 1, f"pixels are not square: {facts.pixel_aspect}"),
        (facts.pixel_format == "yuv420p", f"the pixel format is {facts.pixel_format}"),
        (facts.colour == (LIMITED, BT709, BT709, BT709), f"colours are not limited-range BT.709: {facts.colour}"),
        (not facts.turned, "a display matrix turns the picture"),
        (not facts.interlaced, "the picture is interlaced"),
        (0 < facts.fps <= float(FASTEST) * 1.001, f"{facts.fps:.3f} frames a second"),
        (0 < facts.duration_s <= LONGEST_S + 0.1, f"it lasts {facts.duration_s:.2f} s"),
    )


def _sound_rules(facts: Facts) -> tuple[tuple[bool, str], ...]:
    if not facts.has_audio:
        return ()
    return (
        (facts.audio_codec == "aac", f"the sound is {facts.audio_codec}, not aac"),
        (facts.audio_channels == 2, f"the sound has {facts.audio_channels} channels"),
        (abs(facts.audio_starts_after_picture_s) <= SYNC_TOLERANCE_S, "picture and sound do not start together"),
    )


def _wrapping_rules(facts: Facts) -> tuple[tuple[bool, str], ...]:
    foreign = sorted(facts.tags - _OWN_TAGS)
    return (
        (facts.container == "mp4", f"the container is {facts.container}, not mp4"),
        (facts.faststart, "the index is not at the front"),
        (facts.tracks == 1 + facts.has_audio, f"there are {facts.tracks} tracks"),
        (not foreign, f"it carries metadata: {', '.join(foreign)}"),
        (facts.chapters == 0, "it carries chapters"),
    )
