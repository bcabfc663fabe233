"""AVI, MPEG-TS, FLV and ASF whose tables lie."""

import struct
from collections.abc import Callable, Iterator

from tests.media.hostile.boxes import u32
from tests.media.hostile.kit import Hostile, Kit, chance

MOST = 0xFFFFFFFF


def files() -> Iterator[Hostile]:
    for family, makers in MADE.items():
        for (kind, name), make in makers.items():
            yield Hostile(family, f"{kind}: {name}", make, f"clip.{kind}")


def le32(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}I", *numbers)


def _avi(offset_after: bytes, offset: int, value: bytes) -> Callable[[Kit], bytes]:
    """A fine AVI with `value` so far behind the first `offset_after`."""

    def make(kit: Kit) -> bytes:
        data = bytearray(kit["mpeg4.avi"])
        at = data.index(offset_after) + offset
        data[at : at + len(value)] = value
        return bytes(data)

    return make


def _avi_index(entry: Callable[[int], bytes]) -> Callable[[Kit], bytes]:
    def make(kit: Kit) -> bytes:
        data = kit["mpeg4.avi"]
        at = data.rindex(b"idx1")
        count = int.from_bytes(data[at + 4 : at + 8], "little") // 16
        return data[: at + 8] + b"".join(entry(n) for n in range(count))

    return make


def _nested_lists(kit: Kit) -> bytes:
    inner = b""
    for _ in range(20_000):
        inner = b"LIST" + le32(len(inner) + 4) + b"hdrl" + inner
    return b"RIFF" + le32(len(inner) + 4) + b"AVI " + inner


def _super_index(kit: Kit) -> bytes:
    """OpenDML's index of indexes, each of which is itself."""
    data = kit["mpeg4.avi"]
    at = data.index(b"strf") - 4
    entries = b"".join(struct.pack("<QII", at, 32, 1) for _ in range(1000))
    indx = b"indx" + le32(24 + len(entries)) + struct.pack("<HBBI4s12x", 4, 0, 0, 1000, b"00dc") + entries
    strl = data.index(b"strl") - 4
    size = int.from_bytes(data[strl : strl + 4], "little")
    return data[:strl] + le32(size + len(indx)) + b"strl" + indx + data[strl + 8 :]


def _packets(*packets: bytes) -> bytes:
    return b"".join(packet.ljust(188, b"\xff") for packet in packets)


def _section(pid: int, table: int, number: int, body: bytes) -> bytes:
    """One packet with a PSI section; its checksum is wrong, which FFmpeg lets pass for PAT and PMT in practice."""
    head = struct.pack(">BHBB", 0x47, 0x4000 | pid, 0x10, 0)
    section = struct.pack(">BHHBBB", table, 0xB000 | (len(body) + 9), number, 0xC1, 0, 0) + body
    return head + section + struct.pack(">I", _crc(section))


def _crc(data: bytes) -> int:
    value = MOST
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7) & MOST if value & 1 << 31 else value << 1
    return value


def _programs(kit: Kit) -> bytes:
    """Forty programs of thirty tracks each: 1200 tracks without a frame."""
    programs = range(1, 41)
    table = b"".join(struct.pack(">HH", program, 0xE000 | 0x100 + program) for program in programs)
    packets = [_section(0, 0, 1, table)]
    for program in programs:
        tracks = b"".join(struct.pack(">BHH", 27, 0xE000 | 0x200 + program * 30 + n, 0xF000) for n in range(30))
        packets.append(_section(0x100 + program, 2, program, struct.pack(">HH", 0xFFFF, 0xF000) + tracks))
    return _packets(*packets) * 20


def _ts_times(change: Callable[[int], int]) -> Callable[[Kit], bytes]:
    """Every time in every PES head of a fine stream rewritten; 33 bits, 90 000 a second."""

    def make(kit: Kit) -> bytes:
        data = bytearray(kit["broadcast.ts"])
        for count, at in enumerate(range(0, len(data) - 187, 188)):
            start = data.find(b"\0\0\1\xe0", at, at + 188)
            if data[at + 1] & 0x40 and start > 0 and data[start + 7] & 0x80:
                when = change(count) & ((1 << 33) - 1)
                data[start + 9 : start + 14] = bytes((
                    0x21 | when >> 29 & 0x0E, when >> 22 & 0xFF, when >> 14 & 0xFE | 1, when >> 7 & 0xFF,
                    when << 1 & 0xFE | 1,
                ))  # fmt: skip
        return bytes(data)

    return make


def _tag(kind: int, body: bytes, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return bytes((kind,)) + size.to_bytes(3, "big") + bytes(7) + body + u32(len(body) + 11)


FLV = b"FLV\x01\x05" + u32(9, 0)


def _script(value: bytes) -> Callable[[Kit], bytes]:
    """Script data before a fine film: AMF0, an array of one name."""
    body = b"\x02\0\x0aonMetaData" + b"\x08" + u32(1) + b"\0\x09keyframes" + value + b"\0\0\x09"
    return lambda kit: FLV + _tag(18, body) + kit["flash.flv"][13:]


def _asf(offset: int, value: bytes) -> Callable[[Kit], bytes]:
    """In the File Properties Object (ASF specification, 3.2), counted from its GUID."""
    guid = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")

    def make(kit: Kit) -> bytes:
        data = bytearray(kit["windows.wmv"])
        at = data.index(guid) + offset
        data[at : at + len(value)] = value
        return bytes(data)

    return make


def _asf_objects(kit: Kit) -> bytes:
    data = kit["windows.wmv"]
    return data[:24] + le32(MOST) + data[28:]


def _ogg_page(kind: int, granule: int, serial: int, number: int, lacing: bytes, body: bytes) -> bytes:
    """With a wrong checksum, which FFmpeg does not look at."""
    return (
        b"OggS\0"
        + bytes((kind,))
        + struct.pack("<qIII", granule, serial, number, 0)
        + bytes((len(lacing),))
        + lacing
        + body
    )


def _oggs(kit: Kit) -> bytes:
    """Two thousand films, each begun and none shown."""
    first = b"\x80theora\x03\x02\x01" + bytes(50)
    return b"".join(_ogg_page(2, 0, n, 0, bytes((len(first),)), first) for n in range(2000))


def _endless_lacing(kit: Kit) -> bytes:
    first = b"\x80theora\x03\x02\x01" + bytes(50)
    page = _ogg_page(1, -1, 7, 1, b"\xff" * 255, bytes(255 * 255))
    return _ogg_page(2, 0, 7, 0, bytes((len(first),)), first) + page * 300


def _padding(kit: Kit) -> bytes:
    pack = bytes.fromhex("000001ba44000400040100000303f8")
    return pack + (b"\0\0\1\xbe\xff\xff" + b"\xff" * 65535) * 300


def _noise(head: bytes, name: str) -> Callable[[Kit], bytes]:
    return lambda _: head + chance(name).randbytes(300_000)


MADE: dict[str, dict[tuple[str, str], Callable[[Kit], bytes]]] = {
    "tables that lie": {
        ("avi", "an index beyond the end"): _avi_index(lambda n: b"00dc" + le32(16, MOST - n, MOST)),
        ("avi", "an index to one frame"): _avi_index(lambda _: b"00dc" + le32(16, 4, 100)),
        ("avi", "an index of no bytes"): _avi_index(lambda _: b"00dc" + le32(16, 4, 0)),
        ("avi", "an index of indexes of itself"): _super_index,
        ("avi", "lists 20 000 deep"): _nested_lists,
        ("avi", "a list of 2^32-1 bytes"): _avi(b"movi", -4, le32(MOST)),
        ("avi", "2^32-1 frames"): _avi(b"avih", 8 + 16, le32(MOST)),
        ("avi", "2^32-1 tracks"): _avi(b"avih", 8 + 24, le32(MOST)),
        ("flv", "key frames without end"): _script(b"\x03\0\x05times\x0a" + u32(MOST)),
        ("flv", "objects 20 000 deep"): _script(b"\x03\0\x01x" * 20_000),
        ("flv", "tags longer than the file"): lambda _: FLV + _tag(9, b"\x17\0\0\0\0", 0xFFFFFF) * 100,
        ("flv", "tags of no bytes"): lambda _: FLV + _tag(9, b"") * 100_000,
        ("wmv", "packets of 0 bytes"): _asf(92, le32(0, 0)),
        ("wmv", "packets of 2^32-1 bytes"): _asf(92, le32(MOST, MOST)),
        ("wmv", "2^64-1 packets"): _asf(56, b"\xff" * 8),
        ("wmv", "2^32-1 objects in the head"): _asf_objects,
        ("ogv", "lacing without end"): _endless_lacing,
        ("mpg", "nothing but padding"): _padding,
    },
    "times that lie": {
        ("avi", "0 frames a second"): _avi(b"strh", 8 + 20, le32(1, 0)),
        ("avi", "2^32-1 frames a second"): _avi(b"strh", 8 + 20, le32(1, MOST)),
        ("avi", "a frame each 2^32-1 s"): _avi(b"strh", 8 + 20, le32(MOST, 1)),
        ("avi", "a scale of 0"): _avi(b"strh", 8 + 20, le32(0, 25)),
        ("ts", "every frame at once"): _ts_times(lambda _: 90_000),
        ("ts", "backwards"): _ts_times(lambda n: 90_000_000 - n * 3000),
        ("ts", "the clock wraps"): _ts_times(lambda n: (1 << 33) - 9000 + n * 90),
        ("ts", "an hour between frames"): _ts_times(lambda n: n * 90_000 * 3600),
        ("ts", "at random"): _ts_times(lambda n: chance(f"ts {n}").randrange(1 << 33)),
    },
    "sizes that lie": {
        ("avi", "2^31 x 2^31"): _avi(b"strf", 8 + 4, le32(1 << 31, 1 << 31)),
        ("avi", "30000 x 30000"): _avi(b"strf", 8 + 4, le32(30_000, 30_000)),
        ("avi", "0 x 0"): _avi(b"strf", 8 + 4, le32(0, 0)),
    },
    "too many": {
        ("ts", "1200 tracks in 40 programs"): _programs,
        ("ogv", "2000 films begun"): _oggs,
    },
    "noise": {
        ("ts", "behind a sync byte each 188"): lambda _: b"".join(
            b"\x47" + chance(f"noise {n}").randbytes(187) for n in range(2000)),
        ("mkv", "behind a head"): _noise(bytes.fromhex("1a45dfa3a3428681014282886d6174726f736b61"), "mkv"),
        ("flv", "behind a head"): _noise(FLV, "flv"),
        ("avi", "behind a head"): _noise(b"RIFF" + le32(300_000) + b"AVI ", "avi"),
        ("wmv", "behind a head"): _noise(bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), "wmv"),
        ("ogv", "behind a head"): _noise(b"OggS\0\x02" + bytes(22) + b"\x80theora", "ogv"),
        ("mpg", "behind a head"): _noise(bytes.fromhex("000001ba"), "mpg"),
        ("mp4", "behind a head"): _noise(bytes.fromhex("0000001866747970") + b"isom" + bytes(12), "mp4"),
    },
}  # fmt: skip
