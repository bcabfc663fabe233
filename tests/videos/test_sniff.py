"""What the first bytes say, for each kind of file that people send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anb.messages import KINDS
from anb.videos.sniff import SNIFF_BYTES, Container, sniff


def box(name: bytes, body: bytes = b"") -> bytes:
    return (8 + len(body)).to_bytes(4, "big") + name + body


def ftyp(brand: bytes, *compatible: bytes) -> bytes:
    return box(b"ftyp", brand + bytes(4) + b"".join(compatible))


def packets(stride: int, before: int, count: int = 8) -> bytes:
    return (bytes(before) + b"\x47" + bytes(stride - before - 1)) * count


VIDEOS = {
    "iPhone": (ftyp(b"qt  ", b"qt  "), Container.MOV),
    "Android": (ftyp(b"mp42", b"isom", b"mp42"), Container.MP4),
    "an unknown brand": (ftyp(b"zzzz"), Container.MP4),
    "old phone": (ftyp(b"3gp5", b"3gp5"), Container.THREE_GP),
    "MP4 that also names an image brand": (ftyp(b"isom", b"mif1", b"heic"), Container.MP4),
    "audio brand on a picture track": (ftyp(b"M4A ") + box(b"moov", b"hdlr" + bytes(8) + b"vide"), Container.MP4),
    "QuickTime without ftyp": (box(b"wide") + box(b"mdat", bytes(3000)), Container.MOV),
    "index first": (box(b"moov", box(b"mvhd", bytes(100))), Container.MOV),
    "media first, 64-bit length": (b"\x00\x00\x00\x01mdat" + bytes(20), Container.MOV),
    "media to the end": (b"\x00\x00\x00\x00mdat" + bytes(20), Container.MOV),
    "preview first": (box(b"pnot", bytes(12)) + box(b"mdat", bytes(50)), Container.MOV),
    "padding before ftyp": (box(b"free", bytes(8)) + ftyp(b"mp42"), Container.MP4),
    "a fragment": (box(b"styp", b"msdh" + bytes(4)) + box(b"moof", bytes(90)), Container.MOV),
    "Matroska": (b"\x1aE\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x88matroska", Container.MATROSKA),
    "WebM": (b"\x1aE\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm", Container.WEBM),
    "AVI": (b"RIFF\xff\x00\x00\x00AVI LIST", Container.AVI),
    "transport stream": (packets(188, 0), Container.MPEG_TS),
    "camcorder": (packets(192, 4), Container.MPEG_TS),
    "transport stream cut anywhere": (packets(188, 0)[100:], Container.MPEG_TS),
    "transport stream with parity": (packets(204, 0), Container.MPEG_TS),
    "DVD": (b"\x00\x00\x01\xba\x44\x00\x04\x00", Container.MPEG_PS),
    "Flash": (b"FLV\x01\x05\x00\x00\x00\x09", Container.FLV),
    "Windows Media": (bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + bytes(9), Container.ASF),
    "Theora": (b"OggS\x00\x02" + bytes(22) + b"\x80theora", Container.OGG),
}


@pytest.mark.parametrize(("head", "container"), VIDEOS.values(), ids=VIDEOS)
def test_a_video_is_told_by_its_content(head: bytes, container: Container) -> None:
    seen = sniff(head)
    assert (seen.container, seen.looks_like) == (container, container.value)


OTHERS = {
    "nothing": (b"", "empty"),
    "photo": (b"\xff\xd8\xff\xe1\x12\x34Exif\x00\x00", "jpeg"),
    "PNG": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "png"),
    "GIF": (b"GIF89a\x01\x00\x01\x00", "gif"),
    "WebP": (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "webp"),
    "iPhone photo": (ftyp(b"heic", b"mif1", b"heic"), "heic"),
    "HEIF by its general brand": (ftyp(b"mif1", b"heic"), "heic"),
    "AVIF": (ftyp(b"avif", b"mif1"), "avif"),
    "AVIF by its general brand": (ftyp(b"mif1", b"avif"), "avif"),
    "raw photo": (ftyp(b"crx ", b"isom"), "raw photo"),
    "JPEG 2000": (box(b"jP  ", b"\r\n\x87\n"), "jp2"),
    "song with tags": (b"ID3\x04\x00\x00\x00\x00", "mp3"),
    "song": (b"\xff\xfb\x90\x64" + bytes(20), "mp3"),
    "ADTS": (b"\xff\xf1\x50\x80" + bytes(20), "aac"),
    "iTunes song": (ftyp(b"M4A ", b"mp42") + box(b"moov", bytes(90)), "m4a"),
    "WAV": (b"RIFF\x24\x00\x00\x00WAVEfmt ", "wav"),
    "other RIFF": (b"RIFF\x24\x00\x00\x00RMIDdata", "unknown"),
    "FLAC": (b"fLaC\x00\x00\x00\x22", "flac"),
    "Opus": (b"OggS\x00\x02" + bytes(22) + b"OpusHead", "ogg audio"),
    "DV tape": (b"\x1f\x07\x00\xbf" + bytes(76), "dv"),
    "MXF": (b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01", "mxf"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "pdf"),
    "PDF that is text so far": (b"%PDF-1.7\n", "pdf"),
    "ZIP": (b"PK\x03\x04\x14\x00\x00\x00", "zip"),
    "program": (b"\x7fELF\x02\x01\x01\x00", "program"),
    "page": (b"\n<!DOCTYPE html><html>", "html"),
    "HLS": (b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", "playlist"),
    "HLS behind a byte-order mark": (b"\xef\xbb\xbf#EXTM3U\n", "playlist"),
    "HLS behind a comment": (b"# hi\n#EXT-X-VERSION:3\n", "playlist"),
    "concat": (b"ffconcat version 1.0\nfile /etc/passwd\n", "playlist"),
    "concat without its name": (b"# a\nfile '/etc/passwd'\n", "playlist"),
    "DASH": (b'<?xml version="1.0"?>\n<MPD type="static">', "playlist"),
    "SDP": (b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n", "playlist"),
    "script": (b"#!/bin/sh\nrm -rf /\n", "script"),
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'>", "svg"),
    "XML": (b"<?xml version='1.0'?><note/>", "xml"),
    "a sentence with a box's name": (b"Get free tickets for the final", "text"),
    "UTF-16": ("hola".encode("utf-16"), "text"),
    "Spanish cut inside a letter": ("¡Canción!".encode()[:-4], "text"),
    "zeros": (bytes(500), "unknown"),
    "noise": (bytes(at * 7919 % 251 for at in range(1, 4000)), "unknown"),
}


@pytest.mark.parametrize(("head", "looks_like"), OTHERS.values(), ids=OTHERS)
def test_what_is_no_video_is_called_by_its_name(head: bytes, looks_like: str) -> None:
    seen = sniff(head)
    assert (seen.container, seen.looks_like) == (None, looks_like)
    assert KINDS[looks_like].es != KINDS[looks_like].en


@given(st.binary(max_size=600), st.sampled_from((b"", b"\x00\x00\x00\x20ftyp", b"RIFF", b"OggS", b"\xff\xfe")))
def test_any_bytes_get_an_answer(tail: bytes, head: bytes) -> None:
    assert sniff(head + tail).looks_like


@given(st.text(min_size=1))
def test_text_is_never_a_video(text: str) -> None:
    printable = "".join(char for char in text if char.isprintable()) or "a"
    assert sniff(printable.encode()[:SNIFF_BYTES]).container is None


@pytest.mark.parametrize("container", Container)
def test_each_container_names_its_demuxer(container: Container) -> None:
    assert container.demuxer
    assert container.extension.isalnum()
