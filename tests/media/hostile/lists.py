"""Texts that make a careless player open other files and addresses."""

from collections.abc import Callable, Iterator
from functools import partial

from tests.media.hostile.boxes import FTYP, box, moved
from tests.media.hostile.kit import Bait, Hostile, Kit


def files() -> Iterator[Hostile]:
    for name, write in TEXTS.items():
        yield Hostile("lists of other places", name, partial(_plain, write))
    for name, make in HIDDEN.items():
        yield Hostile("lists of other places", name, make)


def _plain(write: Callable[[Bait], str], kit: Kit) -> bytes:
    return write(kit.bait).encode()


def _hls(place: str) -> str:
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{place}\n#EXT-X-ENDLIST\n"


def _dash(place: str) -> str:
    return (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT1S">'
        f'<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>{place}</BaseURL>'
        "</Representation></AdaptationSet></Period></MPD>"
    )


TEXTS: dict[str, Callable[[Bait], str]] = {
    "HLS to a file": lambda bait: _hls(str(bait.film)),
    "HLS to a file by URL": lambda bait: _hls(f"file://{bait.film}"),
    "HLS to an address": lambda bait: _hls(f"{bait.url}/bait.mp4"),
    "HLS by concat protocol": lambda bait: _hls(f"concat:{bait.film}|{bait.text}"),
    "HLS with a key from elsewhere": lambda bait: _hls("x.ts").replace(
        "#EXTINF", f'#EXT-X-KEY:METHOD=AES-128,URI="{bait.url}/key"\n#EXTINF', 1),
    "HLS with a map from elsewhere": lambda bait: _hls("x.mp4").replace(
        "#EXTINF", f'#EXT-X-MAP:URI="{bait.url}/init.mp4"\n#EXTINF', 1),
    "HLS of lists": lambda bait: f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{bait.url}/list.m3u8\n",
    "HLS with a mark before": lambda bait: "\ufeff" + _hls(str(bait.film)),
    "HLS behind blank lines": lambda bait: "\n \r\n" + _hls(str(bait.film)),
    "HLS in capitals": lambda bait: _hls(str(bait.film)).replace("EXTM3U", "extm3u"),
    "M3U": lambda bait: f"#EXTM3U\n{bait.url}/bait.mp4\n",
    "PLS": lambda bait: f"[playlist]\nFile1={bait.url}/bait.mp4\nNumberOfEntries=1\n",
    "concat script": lambda bait: f"ffconcat version 1.0\nfile '{bait.film}'\n",
    "concat script without a head": lambda bait: f"file '{bait.film}'\n",
    "concat script to an address": lambda bait: f"ffconcat version 1.0\nfile '{bait.url}/bait.mp4'\n",
    "concat script by protocol": lambda bait: f"ffconcat version 1.0\nfile 'subfile,,start,0,end,99,,:{bait.film}'\n",
    "DASH to a file": lambda bait: _dash(str(bait.film)),
    "DASH to an address": lambda bait: _dash(f"{bait.url}/bait.mp4"),
    "Smooth Streaming": lambda bait: f'<SmoothStreamingMedia Url="{bait.url}"/>',
    "SDP": lambda _: "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    "ASX": lambda bait: f'<asx version="3"><entry><ref href="{bait.url}/bait.mp4"/></entry></asx>',
    "RealMedia list": lambda bait: f"{bait.url}/bait.mp4\n",
    "SMIL": lambda bait: f'<smil><body><video src="{bait.url}/bait.mp4"/></body></smil>',
    "QuickTime reference": lambda bait: f"RTSPtext\r\n{bait.url}/bait.mp4\r\n",
    "Windows reference": lambda bait: f"[Reference]\nRef1={bait.url}/bait.mp4\n",
    "XML with an outside entity": lambda bait:
        f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file://{bait.text}">]><MPD>&e;</MPD>',
    "SVG": lambda bait: f'<svg xmlns="http://www.w3.org/2000/svg"><image href="file://{bait.folder}/bait0.png"/></svg>',
    "MVG": lambda bait: f"push graphic-context\nviewbox 0 0 9 9\nfill 'url({bait.url}/x)'\npop graphic-context",
    "SRT with an image": lambda bait: f"1\n00:00:00,000 --> 00:00:09,000\n<img src='{bait.url}/bait0.png'>\n",
    "ASS with a file": lambda bait: f"[Script Info]\nVideo File: {bait.film}\n[Events]\nDialogue: 0,0,9,,,,,,,x\n",
    "WebVTT": lambda bait: f"WEBVTT\n\n00:00.000 --> 00:09.000\n<c>{bait.url}</c>\n",
    "AviSynth script": lambda bait: f'DirectShowSource("{bait.film}")\n',
    "FFmpeg metadata": lambda bait: f";FFMETADATA1\ntitle={bait.text}\n",
    "a path": lambda bait: f"{bait.film}\n",
    "an option": lambda bait: f"-i {bait.film} -c copy out.mp4\n",
    "a pattern": lambda bait: f"{bait.folder}/bait%d.png\n",
}  # fmt: skip


def _hls_in(kit: Kit) -> bytes:
    return _hls(str(kit.bait.film)).encode()


HIDDEN: dict[str, Callable[[Kit], bytes]] = {
    "HLS in UTF-16": lambda kit: _hls_in(kit).decode().encode("utf-16"),
    "HLS with a zero behind": lambda kit: _hls_in(kit) + bytes(1),
    "HLS with 5000 zeros behind": lambda kit: _hls_in(kit) + bytes(5000),
    "HLS inside an MP4's free box": lambda kit: moved(kit["landscape.mp4"], box(b"free", _hls_in(kit))),
    "HLS behind an MP4's head": lambda kit: FTYP + _hls_in(kit) + bytes(100),
    "HLS behind a TS packet": lambda kit: kit["broadcast.ts"][:188] + _hls_in(kit) + bytes(100),
    "an AVI with a list as subtitles": lambda kit: _avi_with_words(kit, _hls_in(kit)),
}


def _avi_with_words(kit: Kit, words: bytes) -> bytes:
    """GAB2, the way that once let AVIs read files: a subtitle chunk that FFmpeg opens as a film of its own."""
    data = kit["mpeg4.avi"]
    gab2 = b"GAB2\0" + b"\x02\0" + (2).to_bytes(4, "little") + b"x\0" + b"\x04\0" + len(words).to_bytes(4, "little")
    chunk = gab2 + words + bytes(len(words) % 2)
    movi = data.index(b"movi") + 4
    size = int.from_bytes(data[movi - 8 : movi - 4], "little") + len(chunk) + 8
    return (
        data[: movi - 8] + size.to_bytes(4, "little") + b"movi" + b"02tx" + len(chunk).to_bytes(4, "little") + chunk
        + data[movi:]
    )  # fmt: skip
