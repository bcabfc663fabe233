"""MKVs and WebMs that lie, written element by element (RFC 8794, RFC 9559)."""

import struct
import zlib
from collections.abc import Callable, Iterator

from tests.media.hostile.kit import Hostile, Kit

SEGMENT = bytes.fromhex("18538067")
UNKNOWN_SIZE = b"\x01" + b"\xff" * 7


def files() -> Iterator[Hostile]:
    for family, makers in MADE.items():
        for name, make in makers.items():
            yield Hostile(family, f"Matroska: {name}", make, "clip.mkv")


def size(number: int) -> bytes:
    """Always in eight bytes."""
    return (number | 1 << 56).to_bytes(8, "big")


def element(code: str, *payload: bytes, length: int | None = None) -> bytes:
    body = b"".join(payload)
    return bytes.fromhex(code) + size(len(body) if length is None else length) + body


def number(code: str, value: int) -> bytes:
    return element(code, value.to_bytes(8, "big"))


def real(code: str, value: float) -> bytes:
    return element(code, struct.pack(">d", value))


HEAD = element("1A45DFA3", number("4286", 1), number("42F7", 1), number("42F2", 4), number("42F3", 8),
               element("4282", b"matroska"), number("4287", 4), number("4285", 2))  # fmt: skip


def _info(*more: bytes) -> bytes:
    return element("1549A966", number("2AD7B1", 1_000_000), element("4D80", b"anb"), element("5741", b"anb"), *more)


def _track(width: int = 16, height: int = 16, *more: bytes, codec: bytes = b"V_MJPEG") -> bytes:
    picture = element("E0", number("B0", width), number("BA", height))
    return element("AE", number("D7", 1), number("73C5", 1), number("83", 1), element("86", codec), picture, *more)


def _cluster(*frames: bytes, step_ms: int = 33) -> bytes:
    blocks = [
        element("A3", b"\x81" + struct.pack(">h", at * step_ms % 32000) + b"\x80", frame)
        for at, frame in enumerate(frames)
    ]
    return element("1F43B675", number("E7", 0), *blocks)


def _film(*parts: bytes) -> bytes:
    return HEAD + element("18538067", *parts)


def _jpegs(kit: Kit, *track: bytes, info: bytes = b"", more: bytes = b"", count: int = 30) -> bytes:
    tracks = element("1654AE6B", *(track or (_track(),)))
    return _film(_info(info), more, tracks, _cluster(*[kit["small.jpg"]] * count))


def _packed(frame: bytes, algorithm: int) -> tuple[bytes, bytes]:
    """A track's encodings, and the frame in them."""
    coding = element("6D80", element("6240", number("5031", 0), number("5032", 1), number("5033", 0),
                                     element("5034", number("4254", algorithm))))  # fmt: skip
    return coding, zlib.compress(frame, 9) if algorithm == 0 else frame


def _zipped(kit: Kit, frame: bytes) -> bytes:
    coding, packed = _packed(frame, 0)
    tracks = element("1654AE6B", _track(16, 16, coding))
    return _film(_info(), tracks, _cluster(*[packed] * 30))


def _attachment(name: str, kind: str, data: bytes) -> bytes:
    return element("1941A469", element("61A7", element("466E", name.encode()), element("4660", kind.encode()),
                                       element("465C", data), number("46AE", 7)))  # fmt: skip


def _tags(depth: int) -> bytes:
    inner = b""
    for _ in range(depth):
        inner = element("67C8", element("45A3", b"N"), inner)
    return element("1254C367", element("7373", inner))


def _cues(*places: int) -> bytes:
    points = [element("BB", number("B3", at), element("B7", number("F7", 1), number("F1", place)))
              for at, place in enumerate(places)]  # fmt: skip
    return element("1C53BB6B", *points)


def _seek(code: str, place: int) -> bytes:
    return element("114D9B74", element("4DBB", element("53AB", bytes.fromhex(code)), number("53AC", place)))


def _subtitled(kit: Kit, codec: bytes, private: bytes, line: bytes) -> bytes:
    words = element("AE", number("D7", 2), number("73C5", 2), number("83", 17), element("86", codec),
                    element("63A2", private))  # fmt: skip
    blocks = element("1F43B675", number("E7", 0), element("A0", element("A1", b"\x82\0\0\0", line), number("9B", 900)))
    tracks = element("1654AE6B", _track(), words)
    return _film(_info(), tracks, _cluster(*[kit["small.jpg"]] * 30), blocks)


_SOUND = element("AE", number("D7", 2), number("73C5", 2), number("83", 2), element("86", b"A_PCM/INT/LIT"),
                 element("E1", real("B5", 8000), number("9F", 1), number("6264", 16)))  # fmt: skip


def _with_a_late_block(kit: Kit, track: bytes, at_s: int) -> bytes:
    """A second of picture and sound, then one block more: what lies between would have to be filled."""
    tracks = element("1654AE6B", _track(), _SOUND)
    second = _cluster(*[kit["small.jpg"]] * 30)
    sound = element("1F43B675", number("E7", 0), element("A3", b"\x82\0\0\x80", bytes(16_000)))
    late = element("1F43B675", number("E7", at_s * 1000), element("A3", track + b"\0\0\x80", bytes(160)))
    return _film(_info(), tracks, sound, second, late)


MADE: dict[str, dict[str, Callable[[Kit], bytes]]] = {
    "references to other places": {
        "the next part is another file": lambda kit: _jpegs(
            kit, info=element("3EB923", bytes(16)) + element("3E83BB", str(kit.bait.film).encode())
            + element("3CB923", bytes(16)) + element("3C83AB", f"{kit.bait.url}/bait.mp4".encode())),
        "chapters of another file": lambda kit: _jpegs(kit, more=element("1043A770", element("45B9", number("45DD", 1),
            element("B6", number("73C4", 1), number("91", 0), element("6E67", bytes(16)))))),
        "a font with a path": lambda kit: _jpegs(
            kit, more=_attachment("../../../../../../tmp/anb-hostile.ttf", "application/x-truetype-font", bytes(5000))),
        "subtitles with files": lambda kit: _subtitled(
            kit, b"S_TEXT/ASS", b"[Script Info]\nScriptType: v4.00+\nVideo File: " + str(kit.bait.film).encode()
            + b"\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n",
            b"0,0,Default,,0,0,0,," + f"{{\\img({kit.bait.film})}}<img src='{kit.bait.url}/bait.png'>".encode()),
        "subtitles of two megabytes": lambda kit: _subtitled(kit, b"S_TEXT/UTF8", b"", b"x" * 2_000_000),
    },
    "decompression bombs": {
        "each frame 250 MB of zeros, zipped": lambda kit: _zipped(kit, bytes(250_000_000)),
        "frames zipped in earnest": lambda kit: _zipped(kit, kit["small.jpg"]),
        "frames said to be zipped": lambda kit: _jpegs(kit, _track(16, 16, _packed(b"", 0)[0])),
        "an attachment of 20 MB": lambda kit: _jpegs(kit, more=_attachment("a.bin", "text/plain", bytes(20_000_000))),
    },
    "sizes that lie": {
        "2^31 pixels wide": lambda kit: _jpegs(kit, _track(1 << 31, 240)),
        "65535 x 65535, uncompressed": lambda kit: _jpegs(
            kit, _track(65535, 65535, element("63A2", b""), codec=b"V_UNCOMPRESSED")),
        "shown 2^40 wide": lambda kit: _jpegs(kit, element("AE", number("D7", 1), number("73C5", 1), number("83", 1),
            element("86", b"V_MJPEG"), element("E0", number("B0", 16), number("BA", 16), number("54B0", 1 << 40),
            number("54BA", 1)))),
        "a segment of 2^56-2 bytes": lambda kit: HEAD + SEGMENT + size((1 << 56) - 2) + _jpegs(kit)[len(HEAD) + 12:],
        "a segment without a size": lambda kit: HEAD + SEGMENT + UNKNOWN_SIZE + _jpegs(kit)[len(HEAD) + 12:],
        "an element longer than its parent": lambda kit: _film(_info(), element("1654AE6B", element(
            "AE", number("D7", 1), length=1 << 40)), _cluster(*[kit["small.jpg"]] * 30)),
        "a codec's setup of 4 GB": lambda kit: _jpegs(kit, _track(16, 16, element("63A2", b"x", length=1 << 32))),
    },
    "times that lie": {
        "a tick of 1 ns": lambda kit: _film(element("1549A966", number("2AD7B1", 1)), element("1654AE6B", _track()),
                                            _cluster(*[kit["small.jpg"]] * 30)),
        "a tick of 2^63 ns": lambda kit: _film(element("1549A966", number("2AD7B1", 1 << 63)),
                                               element("1654AE6B", _track()), _cluster(*[kit["small.jpg"]] * 30)),
        "a tick of 0": lambda kit: _film(element("1549A966", number("2AD7B1", 0)), element("1654AE6B", _track()),
                                         _cluster(*[kit["small.jpg"]] * 30)),
        "no number as length": lambda kit: _jpegs(kit, info=real("4489", float("nan"))),
        "an endless length": lambda kit: _jpegs(kit, info=real("4489", float("inf"))),
        "a length below zero": lambda kit: _jpegs(kit, info=real("4489", -1e9)),
        "frames of 2^62 ns": lambda kit: _jpegs(kit, _track(16, 16, number("23E383", 1 << 62))),
        "a broken frame after a day": lambda kit: _with_a_late_block(kit, b"\x81", 90_000),
        "a broken frame after 30 years": lambda kit: _with_a_late_block(kit, b"\x81", 1_000_000_000),
        "sound after a day": lambda kit: _with_a_late_block(kit, b"\x82", 90_000),
        "sound after 30 years": lambda kit: _with_a_late_block(kit, b"\x82", 1_000_000_000),
        "a cluster at 2^62": lambda kit: _film(_info(), element("1654AE6B", _track()), element(
            "1F43B675", number("E7", 1 << 62), element("A3", b"\x81\0\0\x80", kit["small.jpg"]))),
    },
    "tables that lie": {
        "cues beyond the end": lambda kit: _jpegs(kit, more=_cues(*[1 << 50] * 100)),
        "cues to themselves": lambda kit: _jpegs(kit, more=_cues(*[0] * 100)),
        "a seek head that points at itself": lambda kit: _jpegs(kit, more=_seek("114D9B74", 0)),
        "a seek head beyond the end": lambda kit: _jpegs(kit, more=_seek("1C53BB6B", 1 << 50)),
        "lacing that lies": lambda _: _film(_info(), element("1654AE6B", _track()), element(
            "1F43B675", number("E7", 0), *[element("A3", b"\x81\0\0\x86\xff" + b"\xff" * 200)] * 30)),
        "blocks of a track that is not there": lambda kit: _film(_info(), element("1654AE6B", _track()), element(
            "1F43B675", number("E7", 0), *[element("A3", b"\xf7\0\0\x80", kit["small.jpg"])] * 30)),
    },
    "too many": {
        "3000 tracks": lambda kit: _jpegs(kit, *[_track()] * 3000),
        "tags 5000 deep": lambda kit: _jpegs(kit, more=_tags(5000)),
        "50 000 cues": lambda kit: _jpegs(kit, more=_cues(*range(50_000))),
    },
    "empty": {
        "tracks without clusters": lambda _: _film(_info(), element("1654AE6B", _track())),
        "clusters without tracks": lambda kit: _film(_info(), _cluster(*[kit["small.jpg"]] * 30)),
        "frames of no bytes": lambda _: _film(_info(), element("1654AE6B", _track()), _cluster(*[b""] * 30)),
        "only a head": lambda _: HEAD,
    },
}  # fmt: skip
