"""What a file is, by its first bytes alone. Pure.

The upload route refuses what is not a video here; the worker forces FFmpeg's demuxer to what was found here, so that
no text file can talk FFmpeg into opening others. Generous to what cameras write: a wrong refusal is the worse error.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from anb.videos.signatures import looks_like_other, looks_like_text

SNIFF_BYTES = 4096


class Container(StrEnum):
    """The wrappings that are accepted. MP4, MOV and 3GP are one demuxer's, but each keeps its own name on disk."""

    MP4 = "mp4"
    MOV = "mov"
    THREE_GP = "3gp"
    MATROSKA = "mkv"
    WEBM = "webm"
    AVI = "avi"
    MPEG_TS = "ts"
    MPEG_PS = "mpg"
    FLV = "flv"
    ASF = "wmv"
    OGG = "ogv"

    @property
    def demuxer(self) -> str:
        """FFmpeg's name, for `-f` before `-i`."""
        return _DEMUXERS[self]

    @property
    def extension(self) -> str:
        """Without the dot."""
        return self.value


_DEMUXERS = {
    Container.MP4: "mov",
    Container.MOV: "mov",
    Container.THREE_GP: "mov",
    Container.MATROSKA: "matroska",
    Container.WEBM: "matroska",
    Container.AVI: "avi",
    Container.MPEG_TS: "mpegts",
    Container.MPEG_PS: "mpeg",
    Container.FLV: "flv",
    Container.ASF: "asf",
    Container.OGG: "ogg",
}


@dataclass(frozen=True)
class Sniffed:
    """`looks_like` is a short stable word; for a video it is the container's own."""

    container: Container | None
    looks_like: str


def sniff(head: bytes) -> Sniffed:
    """Text is asked for first: four letters of a sentence ("Get free …") can pass for a box of an MP4."""
    head = head[:SNIFF_BYTES]
    text = looks_like_text(head)
    if text is not None:
        return Sniffed(None, text)
    for recognise in _RECOGNISERS:
        found = recognise(head)
        if isinstance(found, Container):
            return Sniffed(found, found.value)
        if found is not None:
            return Sniffed(None, found)
    return Sniffed(None, looks_like_other(head) or "unknown")


# What may come before `ftyp`, or instead of it: QuickTime cameras start with `wide`, `mdat` or `moov`, broadcasters'
# fragments with `styp`, `sidx` or `moof`.
_FIRST_BOXES = frozenset(
    (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"uuid", b"styp", b"moof", b"sidx", b"junk", b"prfl")
)
_HEIF_BRANDS = frozenset((b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"))
_AVIF_BRANDS = frozenset((b"avif", b"avis"))
_OTHER_IMAGE_BRANDS = {b"jpeg": "jpeg", b"jpgs": "jpeg", b"j2ki": "jp2", b"jp2 ": "jp2", b"crx ": "raw photo"}
_AUDIO_BRANDS = frozenset((b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B "))


def _iso(head: bytes) -> Container | str | None:
    """MP4, QuickTime, 3GP: boxes of a 4-byte length and a 4-byte name."""
    kind = head[4:8]
    if kind == b"ftyp":
        return _by_brand(head)
    if kind not in _FIRST_BOXES or not _plausible_box(head):
        return None
    return Container.MOV if b"ftyp" not in head else _by_brand(head[head.index(b"ftyp") - 4 :])


def _plausible_box(head: bytes) -> bool:
    """0 means "to the end of the file" and 1 a 64-bit length; a fragment ends in the middle of its last box."""
    length = int.from_bytes(head[:4], "big")
    if length in (0, 1):
        return True
    follower = head[length + 4 : length + 8]
    return length >= 8 and (len(follower) < 4 or follower.replace(b" ", b"").isalnum())


def _by_brand(head: bytes) -> Container | str:
    brand = head[8:12]
    length = min(int.from_bytes(head[:4], "big"), len(head))
    compatible = {head[at : at + 4] for at in range(16, length - 3, 4)}
    if brand in _AVIF_BRANDS or (brand in _HEIF_BRANDS and compatible & _AVIF_BRANDS):
        return "avif"
    if brand in _HEIF_BRANDS:
        return "heic"
    if brand in _OTHER_IMAGE_BRANDS:
        return _OTHER_IMAGE_BRANDS[brand]
    # The handler name of a picture track: some editors write an audio brand on a real video.
    if brand in _AUDIO_BRANDS and b"vide" not in head:
        return "m4a"
    if brand == b"qt  ":
        return Container.MOV
    return Container.THREE_GP if brand[:2] == b"3g" else Container.MP4


def _matroska(head: bytes) -> Container | None:
    if not head.startswith(b"\x1aE\xdf\xa3"):
        return None
    return Container.WEBM if b"\x42\x82\x84webm" in head[:128] else Container.MATROSKA


def _riff(head: bytes) -> Container | str | None:
    if head[:4] not in (b"RIFF", b"RF64", b"RIFX"):
        return None
    form = head[8:12]
    if form[:3] == b"AVI":
        return Container.AVI
    return {b"WEBP": "webp", b"WAVE": "wav"}.get(form, "unknown")


def _mpeg_ts(head: bytes) -> Container | None:
    """A sync byte each 188 bytes (192 in camcorders' M2TS, 204 with parity), from wherever the recording was cut."""
    for stride in (188, 192, 204):
        for offset in range(stride):
            marks = head[offset::stride]
            if len(marks) >= 4 and marks.count(0x47) == len(marks):
                return Container.MPEG_TS
    return None


def _ogg(head: bytes) -> Container | str | None:
    """All tracks introduce themselves on the first pages, so an Ogg that names no picture codec has none."""
    if not head.startswith(b"OggS"):
        return None
    pictures = (b"\x80theora", b"OVP80", b"BBCD\x00", b"fishead\x00")
    return Container.OGG if any(name in head for name in pictures) else "ogg audio"


def _by_magic(head: bytes) -> Container | None:
    for magic, container in (
        (b"\x00\x00\x01\xba", Container.MPEG_PS),
        (b"FLV\x01", Container.FLV),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c", Container.ASF),
    ):
        if head.startswith(magic):
            return container
    return None


_RECOGNISERS: tuple[Callable[[bytes], Container | str | None], ...] = (
    _by_magic,
    _matroska,
    _riff,
    _ogg,
    _iso,
    _mpeg_ts,
)
