"""Sample files such as phones, cameras and trolls make, drawn by FFmpeg when first asked for."""

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from anb.processing.ffmpeg import find_ffmpeg


def ffmpeg(*arguments: str) -> bytes:
    command = [str(find_ffmpeg()), "-nostdin", "-v", "error", "-y", *arguments]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout


def picture(size: str = "320x240", rate: str = "30", seconds: float = 1, more: str = "") -> tuple[str, ...]:
    return ("-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}{more}")


def tone(seconds: float = 1, more: str = "") -> tuple[str, ...]:
    return ("-f", "lavfi", "-i", f"sine=440:d={seconds}{more}")


X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
AAC = ("-c:a", "aac")
HDR = "colorprim=bt2020:colormatrix=bt2020nc:log-level=none"
ICTCP = "colorprim=bt2020:colormatrix=ictcp:log-level=none"
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1")
STILL = ("-f", "lavfi", "-i", "color=red:s=300x300:d=0.04")
FRAGMENTS = ("-movflags", "frag_keyframe+empty_moov")
INTERLACED = ",tinterlace=4,setfield=tff"

# File name to FFmpeg's arguments.
DRAWN: dict[str, Sequence[str]] = {
    "landscape.mp4": (*picture(), *tone(), *X264, *AAC),
    "portrait.mp4": (*picture("240x426", "25"), *X264),
    "odd-444.mp4": (*picture("161x121"), "-c:v", "libx264", "-pix_fmt", "yuv444p"),
    "tiny.mp4": (*picture("16x16"), *X264),
    "two-pixels.mkv": (*picture("2x2"), "-c:v", "ffv1"),
    "wide-pixels.mp4": (*picture("720x576", "25", more=",setsar=16/11"), *X264),
    "interlaced.ts": (*picture("720x576", "50", 1, INTERLACED), *X264, "-flags", "+ilme+ildct", "-x264opts", "tff=1"),
    "interlaced.mpg": (*picture("720x576", "50", 1, INTERLACED), "-c:v", "mpeg2video", "-flags", "+ilme+ildct"),
    "variable-rate.mp4": (*picture(seconds=2, more=",select='not(mod(n,3))+lt(n,30)'"), "-vsync", "vfr", *X264),
    "120-a-second.mp4": (*picture(rate="120"), *tone(), *X264, *AAC),
    "24-a-second.mp4": (*picture(rate="24000/1001"), *X264),
    "exactly-30.mp4": (*picture("64x48", "10", 30), *tone(30), *X264, *AAC),
    "longer.mp4": (*picture("64x48", "10", 35), *tone(35), *X264, *AAC),
    "silent.mp4": (*picture(), *X264),
    "two-sounds.mkv": (*picture(), *tone(), *tone(), "-map", "0", "-map", "1", "-map", "2", *X264, *AAC),
    "surround.mkv": (*picture(), *tone(more=",pan=5.1|FL=c0|FC=c0|BR=c0"), *X264, "-c:a", "ac3"),
    "hdr10.mp4": (*picture(more=",format=yuv420p10"), *X265, "-x265-params", f"{HDR}:transfer=smpte2084"),
    "ictcp.mp4": (*picture(more=",format=yuv420p10"), *X265, "-x265-params", f"{ICTCP}:transfer=smpte2084"),
    "ycgco.mp4": (*picture(), *X264, "-colorspace", "ycgco"),
    "constant-luminance.mp4": (*picture(), *X264, "-colorspace", "bt2020c"),
    "hlg.mov": (*picture(more=",format=yuv420p10"), *X265, "-x265-params", f"{HDR}:transfer=arib-std-b67"),
    "hevc.mp4": (*picture(), *tone(), *X265, "-x265-params", "log-level=none", *AAC),
    "vp9.webm": (*picture(rate="60"), *tone(), "-c:v", "libvpx-vp9", "-cpu-used", "8", "-c:a", "libopus"),
    "vp8.webm": (*picture(), "-c:v", "libvpx", "-deadline", "realtime"),
    "mpeg4.avi": (*picture(), *tone(), "-c:v", "mpeg4", "-bf", "2", "-c:a", "libmp3lame"),
    "aac.avi": (*picture(), *tone(), "-c:v", "mpeg4", *AAC),
    "motion-jpeg.mov": (*picture(), *tone(), "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-c:a", "pcm_s16le"),
    "full-range.mp4": (*picture(more=",format=yuvj420p"), "-c:v", "libx264", "-color_range", "pc"),
    "old-phone.3gp": (*picture("176x144", "15"), "-c:v", "h263"),
    "flash.flv": (*picture(), *tone(), *X264, *AAC),
    "broadcast.ts": (*picture(), *tone(), *X264, *AAC),
    "camcorder.m2ts": (*picture(), *tone(), *X264, *AAC, "-f", "mpegts", "-mpegts_m2ts_mode", "1"),
    "starts-at-10.ts": ("-itsoffset", "10", *picture(), "-itsoffset", "10", *tone(), *X264, *AAC, "-copyts"),
    "windows.wmv": (*picture(), *tone(), "-c:v", "wmv2", "-c:a", "wmav2"),
    "fragments.mp4": (*picture(), *tone(), *X264, *AAC, *FRAGMENTS),
    "sound-first.mp4": (*picture(), *tone(), "-map", "1", "-map", "0", *X264, *AAC),
    "motion-photo.mp4": (*picture(), *picture("640x480", "1"), "-map", "0", "-map", "1", *X264),
    "cover.mp4": (
        *(*STILL, *picture(), *tone(), "-map", "0", "-map", "1", "-map", "2", *AAC),
        *("-c:v:0", "mjpeg", "-c:v:1", "libx264", "-disposition:v:0", "attached_pic"),
    ),
    "one-frame.mp4": (*picture(seconds=0.03), *X264),
    "sound-only.mp4": (*tone(), *AAC),
    "cover-only.mp4": (
        *(*STILL, *tone(), "-map", "1", "-map", "0", "-c:v", "mjpeg"),
        *("-disposition:v", "attached_pic", *AAC),
    ),
    "header-only.mp4": (*picture(), *X264, *FRAGMENTS, "-t", "0"),
    "encrypted.mp4": (
        *(*picture(), *X264, "-encryption_scheme", "cenc-aes-ctr"),
        *("-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb", "-encryption_kid", "a7e61c373e219033c21091fa607bf3b8"),
    ),
    "twenty-sounds.mkv": (
        *(*picture("64x48"), *tone(), "-map", "0", *("-map", "1") * 20, *X264, *AAC),
        *("-metadata", "comment=" + "x" * 20_000),
    ),
    "sound-and-picture.mkv": (*picture(), *tone(), *X264, *AAC),
    "two-aac.mkv": (*picture(), *tone(), "-map", "0", "-map", "1", "-map", "1", *X264, *AAC),
    "huge.mp4": ("-f", "lavfi", "-i", "color=s=16000x4000:d=0.1:r=10", *X264),
    "index-first.mp4": (*picture(seconds=4), *tone(4), *X264, *AAC, "-movflags", "faststart"),
    "theora.ogv": (*picture(), *tone(), "-c:v", "libtheora", "-c:a", "libvorbis"),
    "small.jpg": (*picture("16x16", "1"), "-frames:v", "1", "-pix_fmt", "yuvj420p"),
    "large.jpg": (*picture("6000x6000", "1"), "-frames:v", "1", "-pix_fmt", "yuvj420p", "-q:v", "31"),
    "dance.gif": picture("64x64", "10"),
    "dance.apng": (*picture("64x64", "10"), "-plays", "0"),
    "still.webp": (*picture("64x64", "1"), "-frames:v", "1"),
    "song.mp3": tone(),
    "song.wav": tone(),
    "song.ogg": (*tone(), "-c:a", "libvorbis"),
    "song.mka": (*tone(), *AAC),
    "tagged.mov": (
        *(*picture(), *tone(), *X264, *AAC, "-metadata", "location=+04.6097-074.0817/"),
        *("-metadata", "creation_time=2020-01-02T03:04:05Z", "-metadata", "title=SecretTitle"),
        *("-metadata:s:v", "handler_name=SecretHandler", "-metadata", "comment=SecretComment"),
    ),
}


def _half(file: str) -> Callable[["Samples"], bytes]:
    def cut(samples: "Samples") -> bytes:
        whole = samples[file].read_bytes()
        return whole[: len(whole) // 2]

    return cut


def _scrambled(samples: "Samples") -> bytes:
    """All of the picture overwritten behind a sound header."""
    whole = bytearray(samples["index-first.mp4"].read_bytes())
    start = whole.index(b"mdat") + 300
    for at in range(start, len(whole)):
        whole[at] = at * 7919 % 251
    return bytes(whole)


def _unknown(file: str, codec: bytes, times: int = -1) -> Callable[["Samples"], bytes]:
    """A codec that nobody here has."""
    return lambda samples: samples[file].read_bytes().replace(codec, codec[:-3] + b"XYZ", times)


# File name to what makes its bytes.
MADE: dict[str, Callable[["Samples"], bytes]] = {
    "cut-but-usable.mp4": _half("index-first.mp4"),
    "cut-without-index.mp4": _half("longer.mp4"),
    "scrambled.mp4": _scrambled,
    "unknown-sound.mkv": _unknown("sound-and-picture.mkv", b"A_AAC"),
    "unknown-first-sound.mkv": _unknown("two-aac.mkv", b"A_AAC", 1),
    "unknown-picture.mkv": _unknown("sound-and-picture.mkv", b"V_MPEG4/ISO/AVC"),
    "empty.mp4": lambda _: b"",
    "playlist.mp4": lambda _: b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n",
    "concat.mp4": lambda _: b"ffconcat version 1.0\nfile '/etc/passwd'\n",
    "script.mp4": lambda _: b"#!/bin/sh\necho hello\n",
    "photo.mp4": lambda _: b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(100),
    "noise.mp4": lambda _: bytes(at * 7919 % 251 for at in range(5000)),
}


class Samples:
    """By file name; each made once a session."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, name: str) -> Path:
        file = self._folder / name
        if not file.exists():
            self._make(name, file)
        return file

    def _make(self, name: str, file: Path) -> None:
        if name in MADE:
            file.write_bytes(MADE[name](self))
        else:
            ffmpeg(*DRAWN[name], str(file))


def with_matrix(source: Path, target: Path, matrix: tuple[int, int, int, int]) -> Path:
    """The same MP4 with another display matrix in its picture's track header: a quarter turn, a mirror."""
    data = bytearray(source.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (number * 0x10000 for number in matrix)
    for offset, number in ((0, a), (4, b), (12, c), (16, d)):
        data[at + offset : at + offset + 4] = number.to_bytes(4, "big", signed=True)
    target.write_bytes(data)
    return target
