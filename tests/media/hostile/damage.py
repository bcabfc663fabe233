"""Whole videos that were cut, or lost some of their bytes: what bad links, full cards and dying phones make."""

from collections.abc import Callable, Iterator
from functools import partial

from tests.media.hostile.kit import Hostile, Kit, chance

SOURCES = (
    "index-first.mp4", "landscape.mp4", "fragments.mp4", "motion-jpeg.mov", "sound-and-picture.mkv", "vp9.webm",
    "mpeg4.avi", "broadcast.ts", "interlaced.mpg", "flash.flv", "windows.wmv", "theora.ogv",
)  # fmt: skip
CUTS = (0.02, 0.1, 0.4, 0.75, 0.98)


def files() -> Iterator[Hostile]:
    for source in SOURCES:
        for share in CUTS:
            yield _damaged("cut off", source, f"after {share:.0%}", partial(_cut, share))
        for step in (20_000, 1_000, 100):
            yield _damaged("flipped bits", source, f"one in {step} bytes", partial(_flip, step))
        yield _damaged("flipped bits", source, "in its head", _flip_head)
        yield _damaged("blocks of zeros", source, "a tenth", _zero)
        yield _damaged("blocks in another order", source, "two swapped", _swap)
        yield _damaged("twice in one file", source, "cut, then whole", _stutter)


def _damaged(family: str, source: str, how: str, damage: Callable[[str, bytes], bytes]) -> Hostile:
    name = f"{source} {how}"

    def make(kit: Kit) -> bytes:
        return damage(name, kit[source])

    return Hostile(family, name, make, source)


def _cut(share: float, _: str, data: bytes) -> bytes:
    return data[: max(int(len(data) * share), 16)]


def _flip(step: int, name: str, data: bytes) -> bytes:
    source, broken = chance(name), bytearray(data)
    for _ in range(max(len(data) // step, 1)):
        broken[source.randrange(64, len(data))] ^= 1 << source.randrange(8)
    return bytes(broken)


def _flip_head(name: str, data: bytes) -> bytes:
    """In the first 2000 bytes, or in an MP4's index, wherever that stands."""
    source, broken = chance(name), bytearray(data)
    start = max(data.find(b"moov"), 16)
    for _ in range(12):
        broken[source.randrange(start, min(start + 2000, len(data)))] ^= 1 << source.randrange(8)
    return bytes(broken)


def _zero(name: str, data: bytes) -> bytes:
    source, broken, length = chance(name), bytearray(data), len(data) // 50
    for _ in range(5):
        start = source.randrange(64, len(data) - length)
        broken[start : start + length] = bytes(length)
    return bytes(broken)


def _swap(name: str, data: bytes) -> bytes:
    source, quarter = chance(name), len(data) // 4
    one = source.randrange(64, quarter)
    other = source.randrange(2 * quarter, 3 * quarter)
    length = quarter // 2
    return b"".join(
        (
            data[:one],
            data[other : other + length],
            data[one + length : other],
            data[one : one + length],
            data[other + length :],
        )
    )


def _stutter(_: str, data: bytes) -> bytes:
    """An upload that began anew in the middle of itself."""
    return data[: len(data) // 2] + data
