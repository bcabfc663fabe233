"""What a viewer of a video sees and hears, measured."""

import array
import sys
from pathlib import Path

from tests.media.factory import ffmpeg

Colour = tuple[int, int, int]


def frame(video: Path, at_s: float = 0.4, size: tuple[int, int] = (1280, 720)) -> bytes:
    scaled = f"scale={size[0]}:{size[1]}:flags=area,format=rgb24"
    where = ("-ss", f"{at_s}") if at_s else ()
    return ffmpeg(*where, "-i", str(video), "-frames:v", "1", "-vf", scaled, "-f", "rawvideo", "-")


def colour_at(pixels: bytes, x: int, y: int, width: int = 1280) -> Colour:
    at = 3 * (y * width + x)
    return (pixels[at], pixels[at + 1], pixels[at + 2])


def close(one: Colour, other: Colour, by: int = 30) -> bool:
    return all(abs(a - b) <= by for a, b in zip(one, other, strict=True))


def first_flash_s(video: Path) -> float:
    """When the picture turns white."""
    grey = ffmpeg("-i", str(video), "-vf", "scale=1:1:flags=area,format=gray", "-r", "100", "-f", "rawvideo", "-")
    return next(at for at, level in enumerate(grey) if level > 128) / 100


def first_beep_s(video: Path) -> float:
    pcm = array.array("h")
    pcm.frombytes(ffmpeg("-i", str(video), "-ac", "1", "-ar", "8000", "-f", "s16le", "-"))
    if sys.byteorder == "big":
        pcm.byteswap()
    return next(at for at, level in enumerate(pcm) if abs(level) > 1500) / 8000
