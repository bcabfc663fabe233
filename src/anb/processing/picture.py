"""From a source's frame to the house frame: colour, size, turning, bars. Pure."""

from fractions import Fraction

from anb.processing.house_format import HEIGHT, WIDTH
from anb.processing.probe import UPRIGHT, Frame, Matrix, Stream

PQ, HLG = 16, 18
_FULL_RANGE = 2

# Signs of the display matrix's a, b, c, d: a point (x, y), y downwards, is shown at (ax + cy, bx + dy).
_TURNS: dict[Matrix, tuple[str, ...]] = {
    UPRIGHT: (),
    (-1, 0, 0, 1): ("hflip",),
    (1, 0, 0, -1): ("vflip",),
    (-1, 0, 0, -1): ("hflip", "vflip"),
    (0, 1, -1, 0): ("transpose=clock",),
    (0, -1, 1, 0): ("transpose=cclock",),
    (0, 1, 1, 0): ("transpose=cclock_flip",),
    (0, -1, -1, 0): ("transpose=clock_flip",),
}

# swscale's names for the matrices of ISO/IEC 23091-2.
_MATRICES = {1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020", 10: "bt2020"}
_OF_SWSCALE = {0, 1, 2, 4, 5, 6, 7, 9}
_ICTCP = 14
_TRANSFERS = {PQ: "smpte2084", HLG: "arib-std-b67"}


def understood(frame: Frame) -> tuple[str, ...]:
    """Newer versions of FFmpeg scale nothing that names a matrix which swscale has not, so here it goes by the name of
    one that it has. Scaling in one space needs no matrix; where a picture leaves it, its own is given if it is known.
    """
    if frame.space in _OF_SWSCALE:
        return ()
    return (f"setparams=colorspace={'bt2020nc' if frame.transfer in _TRANSFERS else 'bt709'}",)


def picture_filters(video: Stream, frame: Frame, *, changes: bool = False) -> tuple[str, ...]:
    """Scaled before it is turned or tone-mapped: both cost by the pixel.

    `changes`: frames come in several sizes. Each gets its own, and its bars at once, for only these two filters
    follow such a change.
    """
    size, bars = _size_of_each(video, frame) if changes else _size_of_all(video, frame)
    colour = _tone_map(size, bars, frame) if frame.transfer in _TRANSFERS else _scale(size, bars, frame)
    return (
        *colour,
        "format=yuv420p",
        *_TURNS[frame.matrix],
        f"pad={WIDTH}:{HEIGHT}:(ow-iw)/2:(oh-ih)/2:color=black",
        "setsar=1",
        "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709",
    )


def scaled_size(frame: Frame, pixel_aspect: Fraction) -> tuple[int, int]:
    """Before turning. Even, because 4:2:0 halves both; at least 2, for a picture as thin as a hair."""
    wide, high = Fraction(frame.width) * pixel_aspect, Fraction(frame.height)
    room_wide, room_high = _room(frame)
    factor = min(room_wide / wide, room_high / high)
    return _even(wide * factor), _even(high * factor)


def _room(frame: Frame) -> tuple[int, int]:
    """The house frame's width and height, as they are before turning."""
    on_its_side = frame.matrix[0] == 0
    return (HEIGHT, WIDTH) if on_its_side else (WIDTH, HEIGHT)


def _even(length: Fraction) -> int:
    return max(2 * round(length / 2), 2)


def _size_of_all(video: Stream, frame: Frame) -> tuple[str, tuple[str, ...]]:
    width, height = scaled_size(frame, video.pixel_aspect)
    return f"{width}:{height}", ()


def _size_of_each(video: Stream, frame: Frame) -> tuple[str, tuple[str, ...]]:
    """`scaled_size` in FFmpeg's own words, and the bars that make all frames alike."""
    room_wide, room_high = _room(frame)
    aspect = f"(iw*{float(video.pixel_aspect):.6f}/ih)"
    width = f"max(2,2*round(min({room_wide},{room_high}*{aspect})/2))"
    height = f"max(2,2*round(min({room_high},{room_wide}/{aspect})/2))"
    bars = f"pad={room_wide}:{room_high}:(ow-iw)/2:(oh-ih)/2:color=black:eval=frame"
    return f"w='{width}':h='{height}':eval=frame", (bars,)


def _scale(size: str, bars: tuple[str, ...], frame: Frame) -> tuple[str, ...]:
    source_range = "pc" if _full_range(frame) else "tv"
    matrices = f"in_color_matrix={_matrix_name(frame)}:out_color_matrix=bt709"
    return (f"scale={size}:flags=bicubic:{matrices}:in_range={source_range}:out_range=tv", *bars)


def _full_range(frame: Frame) -> bool:
    return frame.range == _FULL_RANGE or frame.pixel_format.startswith("yuvj")


def _matrix_name(frame: Frame) -> str:
    """Untagged: what players assume, which is BT.601 up to the size of television and BT.709 above."""
    if frame.pixel_format.startswith(("gbr", "rgb", "bgr", "argb", "abgr", "pal")):
        return "auto"
    return _MATRICES.get(frame.space) or ("bt709" if min(frame.width, frame.height) > 576 else "bt601")


def _tone_map(size: str, bars: tuple[str, ...], frame: Frame) -> tuple[str, ...]:
    """HDR to SDR in linear light. `desat=0`: the default bleaches bright colours in newer versions of FFmpeg.

    The inputs are named, since a file may flag them only in its bitstream.
    """
    matrix = "ictcp" if frame.space == _ICTCP else "bt2020nc"
    source_range = "full" if _full_range(frame) else "limited"
    source = f"tin={_TRANSFERS[frame.transfer]}:pin=bt2020:min={matrix}:rin={source_range}"
    return (
        f"scale={size}:flags=bicubic",
        *bars,
        f"zscale={source}:t=linear:npl=100,format=gbrpf32le",
        "zscale=p=bt709,tonemap=hable:desat=0",
        "zscale=t=bt709:m=bt709:r=limited",
    )
