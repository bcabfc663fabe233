"""MP4s and MOVs whose index lies: sizes, times, tracks, atoms, references."""

import zlib
from collections.abc import Callable, Iterator
from functools import partial

from tests.media.hostile.boxes import (
    FTYP,
    box,
    boxes,
    edited,
    full_box,
    index,
    part,
    picture_entry,
    poked,
    tables,
    track,
    u16,
    u32,
    u64,
    with_more,
)
from tests.media.hostile.kit import Hostile, Kit

Edit = Callable[[bytes], bytes]
MOST = 0xFFFFFFFF


def files() -> Iterator[Hostile]:
    for family, edits in EDITS.items():
        for name, edit in edits.items():
            yield Hostile(family, name, partial(_of_a_fine_video, edit))
    for family, makers in MADE.items():
        for name, make in makers.items():
            yield Hostile(family, name, make, "clip.mov" if "reference" in family else "clip.mp4")


def _of_a_fine_video(edit: Edit, kit: Kit) -> bytes:
    return edit(kit["landscape.mp4"])


def _in_entry(edit: Edit) -> Edit:
    """Of the picture's sample description only, not of the sound's."""
    return lambda data: edited(data, b"stsd", lambda stsd: edit(stsd) if stsd[12:16] == b"avc1" else stsd)


def _entry_size(width: int, height: int) -> Edit:
    return _in_entry(lambda stsd: stsd[:40] + u16(width, height) + stsd[44:])


def _parameter_set(width_mbs: int, height_mbs: int) -> bytes:
    """H.264's sequence parameters (ITU-T H.264, 7.3.2.1.1), baseline, of a picture so many macroblocks wide."""
    golomb = [0, 0, 2, 1]  # id, frame number bits, order type, reference frames
    bits = "".join(_golomb(number) for number in golomb) + "0"
    bits += _golomb(width_mbs - 1) + _golomb(height_mbs - 1) + "11001"  # frames only; no crop, no VUI; stop bit
    bits = bits.ljust(-(-len(bits) // 8) * 8, "0")
    return bytes((0x67, 66, 0, 62)) + int(bits, 2).to_bytes(len(bits) // 8, "big")


def _golomb(number: int) -> str:
    binary = f"{number + 1:b}"
    return "0" * (len(binary) - 1) + binary


def _parameters(width_mbs: int, height_mbs: int) -> Edit:
    sps, pps = _parameter_set(width_mbs, height_mbs), bytes.fromhex("68ce3c80")
    avcc = bytes((1, 66, 0, 62, 0xFF, 0xE1)) + u16(len(sps)) + sps + b"\x01" + u16(len(pps)) + pps
    entry = picture_entry(b"avc1", 320, 240, box(b"avcC", avcc))
    return _in_entry(lambda _: u32(0, 1) + entry)


def _edits(*entries: tuple[int, int]) -> Edit:
    """Length in the film's ticks and start in the track's; -1 is a pause."""
    payload = u32(0, len(entries)) + b"".join(u32(length, start, 0x10000) for length, start in entries)
    return lambda data: edited(data, b"elst", lambda _: payload)


def _nested(depth: int, name: bytes = b"moov") -> bytes:
    inner = b""
    for _ in range(depth):
        inner = box(name, inner)
    return inner


def _tracks(count: int) -> Edit:
    def multiply(data: bytes) -> bytes:
        first = box(b"trak", part(data, b"moov", b"trak"))
        return with_more(data, first * (count - 1))

    return multiply


def _table(name: bytes, payload: bytes) -> Edit:
    return lambda data: edited(data, name, lambda _: payload)


def _compressed_index(data: bytes, bomb: int = 0) -> bytes:
    """QuickTime's `cmov`. With `bomb`, so many bytes of zeros instead of an index."""
    moov = bytes(bomb) if bomb else box(b"moov", part(data, b"moov"))
    packed = box(b"cmov", box(b"dcom", b"zlib"), box(b"cmvd", u32(len(moov)), zlib.compress(moov, 9)))
    return b"".join(box(name, payload) if name != b"moov" else box(b"moov", packed) for name, payload in boxes(data))


EDITS: dict[str, dict[str, Edit]] = {
    "sizes that lie": {
        "65535 x 65535 in the entry": _entry_size(65535, 65535),
        "0 x 0 in the entry": _entry_size(0, 0),
        "1 x 65535 in the entry": _entry_size(1, 65535),
        "65535 x 65535 in the track's header": lambda data: poked(data, b"tkhd", 76, u32(65535 << 16, 65535 << 16)),
        "16000 x 16000 in the bitstream": _parameters(1000, 1000),
        "65520 x 65520 in the bitstream": _parameters(4095, 4095),
        "2^31 macroblocks in the bitstream": _parameters(1 << 16, 1 << 15),
        "16 x 65520 in the bitstream": _parameters(1, 4095),
        "6304 x 6304 in the bitstream, all that is allowed": _parameters(394, 394),
        "pixels of 1 : 2^31": _in_entry(lambda stsd: stsd.replace(b"pasp" + u32(1, 1), b"pasp" + u32(1, 1 << 31))),
    },
    "times that lie": {
        "timescale 0": lambda data: poked(data, b"mdhd", 12, u32(0)),
        "timescale 2^32-1": lambda data: poked(data, b"mdhd", 12, u32(MOST)),
        "timescale 1": lambda data: poked(data, b"mdhd", 12, u32(1)),
        "film timescale 0": lambda data: poked(data, b"mvhd", 12, u32(0)),
        "length 2^32-1": lambda data: poked(poked(data, b"mdhd", 16, u32(MOST)), b"mvhd", 16, u32(MOST)),
        "length 0": lambda data: poked(poked(data, b"mdhd", 16, u32(0)), b"mvhd", 16, u32(0)),
        "an edit from before the start": _edits((1000, -500)),
        "an edit from beyond the end": _edits((1000, 1 << 30)),
        "a pause of 2^32-1": _edits((MOST, -1), (1000, 0)),
        "a thousand edits of the same second": _edits(*[(1000, 0)] * 1000),
        "a hundred thousand edits": _edits(*[(1, n % 10) for n in range(100_000)]),
        "an edit of no length": _edits((0, 0)),
        "every frame at once": _table(b"stts", u32(0, 1, 30, 0)),
        "a frame each 2^31 ticks": _table(b"stts", u32(0, 1, 30, 1 << 31)),
        "negative steps": _table(b"stts", u32(0, 1, 30, -512)),
        "shown before decoded": lambda data: with_more(data).replace(b"ctts", b"skip"),
        "offsets of 2^31": _table(b"ctts", u32(0, 1, 30, 1 << 31)),
        "a rate of a million a second": lambda data: poked(data, b"mdhd", 12, u32(512_000_000)),
    },
    "tables that lie": {
        "2^32-1 samples of no size": _table(b"stsz", u32(0, 0, MOST)),
        "2^32-1 samples of 1 byte": _table(b"stsz", u32(0, 1, MOST)),
        "samples of 2^31 bytes": _table(b"stsz", u32(0, 1 << 31, 30)),
        "2^32-1 steps in one entry": _table(b"stts", u32(0, 1, MOST, 1)),
        "2^28 entries of steps, none there": _table(b"stts", u32(0, 1 << 28)),
        "2^32-1 chunks": _table(b"stco", u32(0, MOST)),
        "chunks beyond the end": _table(b"stco", u32(0, 4, MOST, MOST - 1, MOST - 2, MOST - 3)),
        "chunks inside the index": lambda data: edited(
            data, b"stco", lambda old: old[:8] + u32(40) * (len(old) // 4 - 2)
        ),
        "2^31 samples a chunk": _table(b"stsc", u32(0, 1, 1, 1 << 31, 1)),
        "chunks in falling order": _table(b"stsc", u32(0, 2, 9, 1, 1, 1, 1, 1)),
        "key frames that are not there": _table(b"stss", u32(0, 3, 0, MOST, 7)),
        "a description that is not there": _table(b"stsc", u32(0, 1, 1, 1, 77)),
        "no table at all": lambda data: edited(data, b"stbl", lambda _: b""),
        "samples of no size at all": _table(b"stsz", u32(0, 0, 30) + u32(0) * 30),
    },
    "too many": {
        "33 tracks": _tracks(33),
        "1000 tracks": _tracks(1000),
        "5000 tracks": _tracks(5000),
        "2500 descriptions": _in_entry(lambda stsd: u32(0, 2500) + stsd[8:] * 2500),
        "100 000 empty atoms": lambda data: with_more(data, box(b"free") * 100_000),
        "10 000 tags": lambda data: with_more(
            data,
            box(b"udta", box(b"meta", u32(0), full_box(b"hdlr", u32(0), b"mdirappl", bytes(9)), box(b"ilst", *[
                box(b"\xa9cmt", box(b"data", u32(1, 0), b"x" * 20)) for _ in range(10_000)
            ]))),
        ),
        "a tag of 8 MB": lambda data: with_more(data, box(b"udta", box(b"\xa9cmt", u16(65535, 0), b"x" * 8_000_000))),
        "a cover of 8 MB that is none": lambda data: with_more(
            data,
            box(b"udta", box(b"meta", u32(0), full_box(b"hdlr", u32(0), b"mdirappl", bytes(9)), box(b"ilst", box(
                b"covr", box(b"data", u32(13, 0), b"\xff\xd8\xff" + bytes(8_000_000))
            )))),
        ),
        "65535 chapters": lambda data: with_more(
            data, box(b"udta", full_box(b"chpl", b"\0\0\0\0\xff", (u64(0) + b"\x01x") * 255, version=1))
        ),
    },
    "atoms that bite": {
        "moov in moov, 10 000 deep": lambda _: FTYP + _nested(10_000),
        "moov in moov, 300 deep, before a real one": lambda data: FTYP + box(
            b"moov", _nested(300), part(data, b"moov")
        ),
        "udta 50 000 deep": lambda data: with_more(data, _nested(50_000, b"udta")),
        "the index of size 0": lambda data: data.replace(u32(len(part(data, b"moov")) + 8) + b"moov", u32(0) + b"moov"),
        "the index of size 1": lambda data: data.replace(u32(len(part(data, b"moov")) + 8) + b"moov", u32(1) + b"moov"),
        "the index of size 7": lambda data: data.replace(u32(len(part(data, b"moov")) + 8) + b"moov", u32(7) + b"moov"),
        "the index of size 2^32-1": lambda data: data.replace(
            u32(len(part(data, b"moov")) + 8) + b"moov", u32(MOST) + b"moov"
        ),
        "a box of 2^63 bytes": lambda data: FTYP + u32(1) + b"free" + u64(1 << 63) + data,
        "a box of -1 bytes": lambda data: FTYP + u32(1) + b"free" + u64((1 << 64) - 1) + data,
        "a box that ends inside its parent's head": lambda data: edited(
            data, b"stbl", lambda stbl: u32(9) + b"stsd" + stbl
        ),
        "children longer than their parent": lambda data: poked(data, b"minf", 0, u32(1 << 24)),
        "boxes that overlap": lambda data: edited(data, b"mdia", lambda mdia: u32(40) + mdia[4:]),
        "two indexes": lambda data: data + box(b"moov", part(data, b"moov")),
        "two pictures' data": lambda data: box(b"mdat", bytes(5000)).join((FTYP, data)),
        "a compressed index": _compressed_index,
        "a compressed index of 256 MB of zeros": lambda data: _compressed_index(data, 1 << 28),
        "no type of file": lambda data: data[32:],
        "a handler without an end": lambda data: edited(data, b"hdlr", lambda hdlr: hdlr[:20] + b"x" * 70_000),
        "a codec of four zeros": _in_entry(lambda stsd: stsd.replace(b"avc1", bytes(4))),
        "a codec's setup of 0 bytes": _in_entry(lambda stsd: stsd.replace(b"avcC", b"skip")),
    },
    "empty": {
        "no track": lambda _: FTYP + index(),
        "a track without samples": lambda data: FTYP + index(track(part(data, b"moov", b"trak", b"mdia", b"minf",
            b"stbl", b"stsd")[8:], tables(0, 0, 0, []))),
        "no index, only data": lambda data: FTYP + box(b"mdat", part(data, b"mdat")),
        "no data, only the index": lambda data: FTYP + box(b"moov", part(data, b"moov")),
        "data of zeros": lambda data: edited(data, b"mdat", lambda mdat: bytes(len(mdat))),
    },
}  # fmt: skip


def _elsewhere(references: Callable[[Kit], bytes], kit: Kit) -> bytes:
    """An index whose samples are said to be in another file."""
    film = kit.bait.film.read_bytes()
    old = part(film, b"moov", b"trak", b"mdia", b"minf", b"stbl")
    kept = b"".join(box(name, payload) for name, payload in boxes(old) if name != b"stsd")
    entry = part(old, b"stsd")[8:]
    brand = box(b"ftyp", b"qt  ", u32(512), b"qt  ")
    return brand + index(track(entry, kept, references=references(kit))) + box(b"mdat", bytes(100))


def _alias(path: str) -> bytes:
    """A Macintosh alias record, as FFmpeg's reader of `alis` wants it: a volume, a name, then paths by type."""
    name = path.rpartition("/")[2].encode()[:27]
    volume = b"Macintosh HD"
    whole = path.encode()
    records = b"".join(u16(kind, len(text)) + text + b"\0" * (len(text) % 2) for kind, text in (
        (2, whole.replace(b"/", b":")), (18, whole), (19, b"/"),
    ))  # fmt: skip
    return full_box(
        b"alis", bytes(10), bytes((len(volume),)) + volume.ljust(27, b"\0"), bytes(12),
        bytes((len(name),)) + name.ljust(63, b"\0"), bytes(16), u16(1, 1), bytes(16), records, u16(0xFFFF, 0),
    )  # fmt: skip


def _pointing(text: Callable[[Kit], str], kind: bytes = b"url ") -> Callable[[Kit], bytes]:
    return partial(_elsewhere, lambda kit: full_box(kind, text(kit).encode() + b"\0"))


def _pixels_per_byte(kit: Kit) -> bytes:
    """An index that makes 20 000 samples of the same large JPEG."""
    picture = kit["large.jpg"]
    at = len(FTYP) + 8
    entry = picture_entry(b"jpeg", 6000, 6000)
    film = track(entry, tables(20_000, 1, len(picture), [at] * 20_000), timescale=600, duration=20_000)
    return FTYP + box(b"mdat", picture) + index(film)


def _many_frames(count: int, kit: Kit) -> bytes:
    picture = kit["small.jpg"]
    at = len(FTYP) + 8
    film = track(
        picture_entry(b"jpeg", 16, 16), tables(count, 1, len(picture), [at] * count), timescale=count // 30,
        duration=count,
    )  # fmt: skip
    return FTYP + box(b"mdat", picture) + index(film)


def _slow_large(kit: Kit) -> bytes:
    """36 megapixels, 30 times a second for half a minute, in 300 kB."""
    picture = kit["large.jpg"]
    at = len(FTYP) + 8
    film = track(
        picture_entry(b"jpeg", 6000, 6000), tables(900, 1, len(picture), [at] * 900), timescale=30, duration=900
    )
    return FTYP + box(b"mdat", picture) + index(film)


MADE: dict[str, dict[str, Callable[[Kit], bytes]]] = {
    "references to other places": {
        "a local file as URL": _pointing(lambda kit: f"file://{kit.bait.film}"),
        "a local path as URL": _pointing(lambda kit: str(kit.bait.film)),
        "an address": _pointing(lambda kit: f"{kit.bait.url}/bait.mp4"),
        "an address by name": _pointing(lambda kit: f"{kit.bait.url}/bait.mp4", b"urn "),
        "an alias": partial(_elsewhere, lambda kit: _alias(str(kit.bait.film))),
        "an alias to /etc/passwd": partial(_elsewhere, lambda _: _alias("/etc/passwd")),
        "an alias upwards": partial(_elsewhere, lambda _: _alias("../../../../../../etc/passwd")),
        "a film elsewhere (rmra)": lambda kit: box(b"ftyp", b"qt  ", u32(0)) + box(b"moov", box(b"rmra", box(b"rmda",
            full_box(b"rdrf", b"url ", u32(len(kit.bait.url) + 10), f"{kit.bait.url}/bait.mp4".encode() + b"\0")))),
    },
    "decompression bombs": {
        "20 000 frames of 36 megapixels in 400 kB": _pixels_per_byte,
        "900 frames of 36 megapixels in 300 kB": _slow_large,
        "a million tiny frames": partial(_many_frames, 1_000_000),
        "50 000 tiny frames": partial(_many_frames, 50_000),
    },
}  # fmt: skip
