import pytest
from hypothesis import given
from hypothesis import strategies as st

from anb.videos.sniff import SNIFF_BYTES, Container, Sniffed, sniff


def _box(kind: bytes, body: bytes = b"") -> bytes:
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def _ftyp(brand: bytes, *compatible: bytes) -> bytes:
    return _box(b"ftyp", brand + bytes(4) + b"".join(compatible)) + _box(b"mdat", bytes(30))


def _packets(stride: int, sync_at: int = 0) -> bytes:
    packet = bytearray(b"\x01" * stride)
    packet[sync_at] = 0x47
    return bytes(packet) * 10


VIDEOS = (
    (_ftyp(b"isom", b"iso2", b"mp41"), Container.MP4),
    (_ftyp(b"mp42"), Container.MP4),
    (_ftyp(b"XAVC"), Container.MP4),
    (_ftyp(b"qt  "), Container.MOV),
    (_ftyp(b"3gp5"), Container.THREE_GP),
    (_ftyp(b"3g2a"), Container.THREE_GP),
    (_ftyp(b"M4A ", b"isom") + _box(b"moov", b"hdlr....vide"), Container.MP4),
    (_box(b"wide") + _box(b"mdat", bytes(50)), Container.MOV),
    (_box(b"moov", _box(b"mvhd", bytes(100))), Container.MOV),
    (_box(b"free") + _ftyp(b"isom"), Container.MP4),
    (_box(b"skip", bytes(8)) + _ftyp(b"qt  "), Container.MOV),
    (b"\x00\x00\x00\x01mdat" + bytes(60), Container.MOV),
    (b"\x00\x00\x00\x00mdat" + bytes(60), Container.MOV),
    (_box(b"styp", b"msdh"), Container.MOV),
    (_box(b"pnot", bytes(12)) + _box(b"moov"), Container.MOV),
    (b"\x1aE\xdf\xa3\xa3B\x82\x88matroska" + bytes(20), Container.MATROSKA),
    (b"\x1aE\xdf\xa3\x9fB\x82\x84webm" + bytes(20), Container.WEBM),
    (b"RIFF\x00\x00\x00\x00AVI LIST", Container.AVI),
    (_packets(188), Container.MPEG_TS),
    (_packets(192, sync_at=4), Container.MPEG_TS),
    (_packets(188, sync_at=77), Container.MPEG_TS),
    (_packets(204), Container.MPEG_TS),
    (b"\x00\x00\x01\xba\x44" + bytes(40), Container.MPEG_PS),
    (b"FLV\x01\x05" + bytes(20), Container.FLV),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c" + bytes(9), Container.ASF),
    (b"OggS" + bytes(24) + b"\x80theora" + bytes(9), Container.OGG),
)


@pytest.mark.parametrize(("head", "container"), VIDEOS)
def test_a_video_is_told_by_its_first_bytes(head: bytes, container: Container) -> None:
    assert sniff(head) == Sniffed(container, container.value)


OTHERS = (
    (b"", "empty"),
    (b"\xff\xd8\xff\xe0rest\x00", "jpeg"),
    (b"\x89PNG\r\n\x1a\n\x00", "png"),
    (b"GIF89a\x00\x01", "gif"),
    (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "webp"),
    (b"RIFF\x00\x00\x00\x00WAVEfmt ", "wav"),
    (b"RIFF\x00\x00\x00\x00CDR8", "unknown"),
    (_ftyp(b"heic", b"mif1"), "heic"),
    (_ftyp(b"mif1", b"heic"), "heic"),
    (_ftyp(b"mif1", b"avif"), "avif"),
    (_ftyp(b"avif", b"mif1"), "avif"),
    (_ftyp(b"M4A ", b"isom"), "m4a"),
    (_ftyp(b"crx "), "raw photo"),
    (b"%PDF-1.7\n\x00", "pdf"),
    (b"%PDF-1.7\n", "pdf"),
    (b"PK\x03\x04\x14\x00\x00", "zip"),
    (b"ID3\x04\x00\x00", "mp3"),
    (b"\xff\xfb\x90\x00", "mp3"),
    (b"\xff\xf1\x50\x80", "aac"),
    (b"fLaC\x00\x00", "flac"),
    (b"OggS" + bytes(24) + b"\x01vorbis", "ogg audio"),
    (b"\x7fELF\x02\x00", "program"),
    (b"#EXTM3U\n#EXT-X-VERSION:3\n", "playlist"),
    (b"\xef\xbb\xbf#EXTM3U\r\n", "playlist"),
    (b"ffconcat version 1.0\nfile 'a.mp4'\n", "playlist"),
    (b"# list\nfile 'a.mp4'\n", "playlist"),
    (b"<?xml version='1.0'?><MPD>", "playlist"),
    (b"v=0\no=- 0 0 IN IP4 127.0.0.1\n", "playlist"),
    (b"<!DOCTYPE html><html>", "html"),
    (b"<?xml version='1.0'?><note/>", "xml"),
    (b"#!/bin/sh\n", "script"),
    (b"Get free shoes today", "text"),
    ("Canción de cuna".encode()[:5], "text"),
    (b"\xff\xfe#\x00E\x00X\x00T\x00M\x003\x00U\x00", "playlist"),
    (b"\x01\x02\x03\x04\x05\x06\x07\x08", "unknown"),
    (b"\x00\x00\x00\x04free", "unknown"),
)


@pytest.mark.parametrize(("head", "word"), OTHERS)
def test_what_is_no_video_is_named(head: bytes, word: str) -> None:
    assert sniff(head) == Sniffed(None, word)


@given(st.binary(max_size=400))
def test_no_bytes_upset_it(head: bytes) -> None:
    found = sniff(head)
    assert found.looks_like
    assert found.container is None or found.looks_like == found.container.value


@given(st.text(min_size=1, max_size=200))
def test_no_text_is_a_video(text: str) -> None:
    if not any(char < " " and char not in "\t\n\r\f" for char in text):
        assert sniff(text.encode()).container is None


def test_only_the_first_bytes_count() -> None:
    head = _ftyp(b"isom")
    assert sniff(head + bytes(3 * SNIFF_BYTES)).container is Container.MP4


@pytest.mark.parametrize("container", Container)
def test_each_container_has_a_demuxer_a_suffix_and_a_media_type(container: Container) -> None:
    assert container.demuxer
    assert container.extension == container.value
    assert container.media_type.startswith("video/")
