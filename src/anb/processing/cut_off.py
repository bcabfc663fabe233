"""Whether a file breaks off before the end that it states for itself: half recorded, half copied, half sent."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from anb.processing.failures import FailureCode, ProcessingFailed
from anb.processing.notices import ALL_OF_IT_S
from anb.videos.sniff import Container


class Box(NamedTuple):
    """One of an ISO file's outermost boxes; `end` as its header states it, in bytes from the file's start."""

    name: bytes
    start: int
    end: int


def top_boxes(file: Path) -> list[Box]:
    """As far as they make sense."""
    found: list[Box] = []
    size = file.stat().st_size
    with file.open("rb") as stream:
        at = 0
        while at + 8 <= size and len(found) < 1000:
            stream.seek(at)
            head = stream.read(16)
            length = int.from_bytes(head[:4], "big")
            if length == 1 and len(head) == 16:
                length = int.from_bytes(head[8:], "big")
            sane = length >= 8
            found.append(Box(head[4:8], at, at + length if sane else size))  # 0: up to the file's end
            if not sane:
                break
            at += length
    return found


def ends_early(file: Path, container: Container) -> bool:
    """By the sizes in the wrapping, which are sure where there are any: a declared duration proves nothing."""
    size = file.stat().st_size
    if container.demuxer == "mov":
        return any(box.end > size for box in top_boxes(file) if box.name in _OF_THE_CLIP)
    with file.open("rb") as stream:
        head = stream.read(4096)
    if container.demuxer == "matroska":
        return (_segment_end(head) or 0) > size
    if container.demuxer == "avi":
        # Some writers state the whole file's size, eight bytes more than there are behind this number.
        return int.from_bytes(head[4:8], "little") > size
    return False


_OF_THE_CLIP = frozenset((b"mdat", b"moov", b"moof"))
"""Behind them phones append notes of their own, some of which are no boxes and look like endless ones."""

ROUNDING_S = 0.25


def lacks_its_end(file: Path, container: Container, *, there_s: float, declared_s: float | None) -> bool:
    """Whether the clip's picture goes on in what is missing, and not only an index. The length of a fragmented file is
    no second witness, for FFmpeg reckons it from what is there."""
    if there_s >= ALL_OF_IT_S or not ends_early(file, container):
        return False
    if container is Container.AVI:
        return _pictures_end(file) > file.stat().st_size
    reckoned = any(box.name == b"moof" for box in top_boxes(file))
    return reckoned or declared_s is None or there_s < declared_s - ROUNDING_S


def _pictures_end(file: Path) -> int:
    """Of an AVI, as its list of pictures states it; where there is no such list yet, where that could begin."""
    at = 12
    with file.open("rb") as stream:
        for _ in range(1000):
            stream.seek(at)
            head = stream.read(12)
            end = at + 8 + int.from_bytes(head[4:8], "little")
            if len(head) < 12:
                break
            if head[:4] == b"LIST" and head[8:] == b"movi":
                return end
            at = end + end % 2
    return at + 12


_SEGMENT = b"\x18\x53\x80\x67"


def _segment_end(head: bytes) -> int | None:
    """RFC 8794: the EBML header, then the segment. None where its size is unknown, as in a live recording."""
    header = _vint(head, 4)
    if header is None or head[(at := header[0] + header[1]) : at + 4] != _SEGMENT:
        return None
    segment = _vint(head, at + 4)
    return None if segment is None else segment[0] + segment[1]


def _vint(head: bytes, at: int) -> tuple[int, int] | None:
    """Where a variable-size integer ends, and its value; None where it says "unknown", all ones, or is none."""
    width = 9 - (head[at] if at < len(head) else 0).bit_length()
    coded = int.from_bytes(head[at : at + width], "big")
    unknown = (1 << 7 * width) - 1
    value = coded & unknown
    return None if width > 8 or at + width > len(head) or value == unknown else (at + width, value)


@contextmanager
def told_from_damage(source: Path, container: Container) -> Iterator[None]:
    """What a cut file lacks looks like damage, to FFmpeg too. The player can do something about a cut file."""
    try:
        yield
    except ProcessingFailed as failure:
        looks_so = failure.code in {FailureCode.DAMAGED, FailureCode.NO_FRAMES}
        if looks_so and ends_early(source, container):
            raise ProcessingFailed(FailureCode.CUT_OFF, log_detail=failure.log_detail) from failure
        raise
