"""What is something else, what is two things at once, and what has a name that is meant to hurt."""

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator

from tests.media.hostile.boxes import FTYP, box, moved, u32
from tests.media.hostile.kit import Hostile, Kit, chance


def files() -> Iterator[Hostile]:
    for name, make in OTHERS.items():
        yield Hostile("no video", name, make)
    for sample in SAMPLES:
        yield Hostile("no video" if "." not in sample else "no picture, or not for us", sample, _as_it_is(sample))
    for name, make in POLYGLOTS.items():
        yield Hostile("two things at once", name, make)
    for name, filename in NAMES.items():
        yield Hostile("names that hurt", name, _as_it_is("landscape.mp4"), filename)
    for sample, filename in WRONG_ENDINGS.items():
        yield Hostile("wrong endings", f"{sample} as {filename}", _as_it_is(sample), filename)


def _as_it_is(sample: str) -> Callable[[Kit], bytes]:
    return lambda kit: kit[sample]


def _zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("../../etc/cron.d/x"), b"* * * * * root true\n")
        archive.writestr(zipfile.ZipInfo("bomb"), bytes(10_000_000), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _png(width: int, height: int, rows: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return u32(len(body)) + kind + body + u32(zlib.crc32(kind + body))

    head = chunk(b"IHDR", u32(width, height) + b"\x08\x00\x00\x00\x00")
    return (
        b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes((width + 1) * rows), 9)) + chunk(b"IEND", b"")
    )


OTHERS: dict[str, Callable[[Kit], bytes]] = {
    "nothing": lambda _: b"",
    "one byte": lambda _: b"\0",
    "a million zeros": lambda _: bytes(1_000_000),
    "a million 0xff": lambda _: b"\xff" * 1_000_000,
    "random bytes": lambda _: chance("random").randbytes(100_000),
    "a zip": lambda _: _zip(),
    "a gzip of zeros": lambda _: b"\x1f\x8b\x08" + bytes(7) + zlib.compress(bytes(1_000_000), wbits=-15),
    "a program": lambda _: b"\x7fELF\x02\x01\x01" + bytes(9) + chance("elf").randbytes(5000),
    "a Windows program": lambda _: b"MZ" + bytes(58) + u32(0x80000000) + chance("mz").randbytes(5000),
    "a shell script": lambda _: b"#!/bin/sh\ncurl http://127.0.0.1/ | sh\n",
    "a PDF": lambda _: b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n",
    "a web page": lambda _: b"<!DOCTYPE html><script>alert(1)</script>",
    "a PHP page": lambda _: b"GIF89a<?php system($_GET['c']); ?>",
    "a PNG of 100 megapixels": lambda _: _png(10_000, 10_000, 10_000),
    "a PNG that claims 2^31 x 2^31": lambda _: _png((1 << 31) - 1, (1 << 31) - 1, 0),
    "an MP4's brand and nothing else": lambda _: FTYP,
    "a HEIC photo": lambda _: box(b"ftyp", b"heic", u32(0), b"mif1heic") + box(b"meta", bytes(100)),
    "a HEIC sequence": lambda _: box(b"ftyp", b"hevc", u32(0), b"msf1hevc") + box(b"meta", bytes(100)),
    "an AVIF photo": lambda _: box(b"ftyp", b"avif", u32(0), b"mif1avif") + box(b"meta", bytes(100)),
    "an AVIF sequence": lambda _: box(b"ftyp", b"avis", u32(0), b"msf1avis") + box(b"meta", bytes(100)),
}

SAMPLES = (
    "dance.gif", "dance.apng", "still.webp", "song.mp3", "song.wav", "large.jpg",
    "sound-only.mp4", "cover-only.mp4", "header-only.mp4", "encrypted.mp4", "unknown-picture.mkv", "huge.mp4",
    "song.ogg", "song.mka",
)  # fmt: skip

POLYGLOTS: dict[str, Callable[[Kit], bytes]] = {
    "MP4, then zip": lambda kit: kit["landscape.mp4"] + _zip(),
    "zip, then MP4": lambda kit: _zip() + kit["landscape.mp4"],
    "MP4 and web page": lambda kit: moved(kit["landscape.mp4"], box(
        b"ftyp", b"isom", u32(512), b"isom") + box(b"free", b"<html><script>alert(1)</script></html>")),
    "web page, then MP4": lambda kit: b"<html><!--" + kit["landscape.mp4"] + b"--></html>",
    "program, then MP4": lambda kit: b"\x7fELF\x02\x01\x01" + bytes(57) + kit["landscape.mp4"],
    "PDF, then MP4": lambda kit: b"%PDF-1.4\n" + kit["landscape.mp4"],
    "MP4 with a PDF in its first kilobyte": lambda kit: moved(
        kit["landscape.mp4"], FTYP + box(b"free", b"\n%PDF-1.4\n")),
    "MP4 with a script as its brand": lambda kit: box(
        b"ftyp", b"<scr", u32(0), b"ipt>isommp41avc1") + kit["landscape.mp4"][32:],
    "GIF, then MP4": lambda kit: kit["dance.gif"] + kit["landscape.mp4"],
    "JPEG, then MP4 (a motion photo)": lambda kit: kit["small.jpg"] + kit["landscape.mp4"],
    "MKV, then MP4": lambda kit: kit["sound-and-picture.mkv"] + kit["landscape.mp4"],
    "MP4, then MKV": lambda kit: kit["landscape.mp4"] + kit["sound-and-picture.mkv"],
    "AVI that is also TS": lambda kit: kit["mpeg4.avi"] + kit["broadcast.ts"],
    "MP4 with a TS inside": lambda kit: moved(
        kit["landscape.mp4"], FTYP + box(b"free", kit["broadcast.ts"])),
    "FLV with the rest of an MP4": lambda kit: b"FLV\x01\x05" + u32(9, 0) + kit["landscape.mp4"],
}  # fmt: skip

NAMES = {
    "upwards": "../../../../../../tmp/anb-hostile.mp4",
    "upwards, Windows": "..\\..\\..\\windows\\system32\\x.mp4",
    "upwards, encoded": "..%2f..%2f..%2ftmp%2fanb-hostile.mp4",
    "from the root": "/etc/cron.d/anb-hostile",
    "a zero inside": "clip.mp4\0.php",
    "5000 long": "x" * 5000 + ".mp4",
    "right to left": "clip\u202e4pm.exe",
    "a header inside": 'clip.mp4"\r\nX-Evil: 1\r\nContent-Type: text/html\r\n\r\n<script>',
    "a URL": "file:///etc/passwd",
    "a protocol": "concat:/etc/passwd|/etc/hosts",
    "an option": "-i",
    "an option with a file": "-filter_complex_script=/etc/passwd",
    "a pattern": "image%d.mp4",
    "a command": "$(touch /tmp/anb-hostile).mp4",
    "a pipe": "|id;.mp4",
    "a quote": "'; DROP TABLE videos; --.mp4",
    "a tag": "<img src=x onerror=alert(1)>.mp4",
    "empty": "",
    "a dot": ".",
    "a device": "CON.mp4",
    "nothing but spaces": "   ",
    "emoji and combined letters": "🏀e\u0301\u200d.mp4",
    "half a character": "clip\udce9.mp4",
}

WRONG_ENDINGS = {
    "landscape.mp4": "clip.exe",
    "vp9.webm": "clip.mp4",
    "mpeg4.avi": "clip.mov",
    "broadcast.ts": "clip.m3u8",
    "flash.flv": "clip.sdp",
    "windows.wmv": "clip.jpg",
    "interlaced.mpg": "clip.txt",
    "sound-and-picture.mkv": "clip.html",
}
