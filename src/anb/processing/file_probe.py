"""A file on disk, looked at: what its first bytes say, what its streams hold, where its index lies."""

import json
from dataclasses import replace
from pathlib import Path

from anb.processing.cut_off import top_boxes
from anb.processing.ending import blame
from anb.processing.failures import FailureCode, ProcessingFailed
from anb.processing.ffmpeg import run_probe
from anb.processing.limits import MIB, Limits
from anb.processing.probe import Probe, parse
from anb.videos.sniff import SNIFF_BYTES, Container, sniff

# A probe looks at the header and at the first seconds; a file that needs more of it is not a phone's.
PROBE_CPU_S = 20
PROBE_WALL_S = 60.0
PROBE_TOLD_BYTES = 8 * MIB


def identify(source: Path) -> Container:
    with source.open("rb") as file:
        seen = sniff(file.read(SNIFF_BYTES))
    if seen.looks_like == "empty":
        raise ProcessingFailed(FailureCode.EMPTY_FILE)
    if seen.container is None:
        raise ProcessingFailed(FailureCode.NOT_A_VIDEO, looks_like=seen.looks_like)
    return seen.container


def probe_file(source: Path, container: Container, limits: Limits) -> Probe:
    source = source.resolve()  # the child does not start where we are
    narrow = Limits(
        cpu_seconds=min(limits.cpu_seconds, PROBE_CPU_S),
        memory_bytes=limits.memory_bytes,
        wall_seconds=min(limits.wall_seconds, PROBE_WALL_S),
        told_bytes=min(limits.told_bytes, PROBE_TOLD_BYTES),
    )
    # Twice the limit, so that a file just over it is counted, and one far over it costs nothing.
    arguments = [container.demuxer, str(source), str(limits.max_pixels), str(2 * limits.max_streams)]
    options = reading(source, container)
    arguments += options
    printed, ending = run_probe(arguments, narrow, source=source)
    code = blame(ending, narrow)
    if code is not None:
        raise ProcessingFailed(code, log_detail=f"probe: {ending.last_words}")
    told = json.loads(printed)
    if "error" in told:
        code = _unreadable(source, container, ending.last_words)
        raise ProcessingFailed(code, log_detail=f"probe: {told['error']} {ending.last_words}")
    probe = replace(parse(told), reading=tuple(options))
    if len(probe.streams) > limits.max_streams:
        raise ProcessingFailed(FailureCode.TOO_MANY_TRACKS, log_detail=f"{len(probe.streams)} tracks")
    return probe


def _unreadable(source: Path, container: Container, words: str) -> FailureCode:
    """An MP4 without its index was cut off while it was recorded or sent; nearly anything else is damage."""
    if "exceeds max_streams" in words:
        return FailureCode.TOO_MANY_TRACKS
    cut_off = container.demuxer == "mov" and not any(box.name == b"moov" for box in top_boxes(source))
    return FailureCode.CUT_OFF if cut_off else FailureCode.DAMAGED


def index_comes_first(file: Path) -> bool:
    """What "faststart" means: a player can begin before it has the whole file."""
    names = [box.name for box in top_boxes(file)]
    return b"moov" in names and b"mdat" in names and names.index(b"moov") < names.index(b"mdat")


MOOV_READ_MAX = 8 * 1024 * 1024


def says_encrypted(file: Path) -> bool:
    """By ISO/IEC 23001-7's sample entry and its companions: FFmpeg puts the entry's real codec in its place, and then
    decodes noise. Only a video's entry counts."""
    index = _index(file)
    return b"sinf" in index and b"schm" in index and (b"encv" in index or b"drmi" in index)


def reading(file: Path, container: Container) -> list[str]:
    """What FFmpeg is told of the demuxer. An edit of length 0 goes on to the end, for the writer did not know that yet
    (ISO/IEC 14496-12, 8.6.6); FFmpeg takes it for nothing, unless it reads of each list only where it begins. What
    comes before that has times below zero then, and is not shown."""
    tables = _index(file).split(b"elst")[1:] if container.demuxer == "mov" else []
    return ["-advanced_editlist", "0"] if tables and all(map(_is_open, tables)) else []


def _is_open(table: bytes) -> bool:
    """Whether nothing but the last edit shows anything, and that has no length. Behind version, flags and a count:
    entries of a length, a time in the media (-1: none), and a rate."""
    width = 8 if table[:1] == b"\1" else 4
    count = min(int.from_bytes(table[4:8], "big"), 100)
    entries = [table[at : at + 2 * width] for at in range(8, 8 + count * (2 * width + 4), 2 * width + 4)]
    if not entries or len(entries[-1]) < 2 * width:
        return False
    shows = [entry[width] < 0x80 for entry in entries]
    return not any(shows[:-1]) and shows[-1] and not any(entries[-1][:width])


def _index(file: Path) -> bytes:
    place = {box.name: box.start for box in top_boxes(file)}.get(b"moov")
    if place is None:
        return b""
    with file.open("rb") as stream:
        stream.seek(place)
        return stream.read(MOOV_READ_MAX)
