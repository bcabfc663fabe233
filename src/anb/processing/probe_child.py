"""Look into a media file, in a process of its own: one JSON object on standard output.

Run as `python -I -S probe_child.py PACKAGES DEMUXER FILE MAX_PIXELS MAX_STREAMS`, under the launcher's limits. It
imports PyAV and the standard library only, and reports what it sees; what that means is decided in `probe.py`.

Declared lengths, rates and frame counts lie, so the packets of the first seconds are counted (not decoded); rotation
and colour are only on decoded frames, so the first frame of each picture track is decoded, after its size is checked.
"""

import itertools
import json
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

# A little more than the house format's 30 s. Then a bound on work, for files whose times never arrive there.
WINDOW_S = 31.0
PACKETS_MAX = 60_000
SECONDS_MAX = 5.0
FRAME_TRIES_MAX = 90
AUDIO_TRIES_MAX = 12
INTERVALS_MAX = 4000


def main(arguments: list[str]) -> int:
    packages, demuxer, file, max_pixels, max_streams = arguments
    sys.path.append(packages)
    # In short lines, for the parent cuts long ones.
    print(json.dumps(look_into(file, demuxer, int(max_pixels), int(max_streams)), indent=0))
    return 0


def look_into(file: str, demuxer: str, max_pixels: int, max_streams: int) -> dict[str, Any]:
    """`error` alone when it cannot even be opened."""
    import av  # noqa: PLC0415  # its folder is known only now

    av.logging.set_level(av.logging.ERROR)
    av.logging.restore_default_callback()  # to standard error, whose end the parent reads
    # `max_pixels` goes to the decoders that look for missing facts while the file is opened.
    options = {"max_streams": str(max_streams), "max_pixels": str(max_pixels), "protocol_whitelist": "file"}
    try:
        with av.open(file, format=demuxer, options=options, metadata_errors="replace") as container:
            watchers = [_Watcher(stream, max_pixels) for stream in container.streams]
            complaint = _watch_packets(container, watchers)
            return {
                "start_s": _seconds(container.start_time, Fraction(1, 1_000_000)),
                "duration_s": _seconds(container.duration, Fraction(1, 1_000_000)),
                "metadata": _names(container.metadata),
                "chapters": len(container.chapters()),
                "streams": [watcher.facts() for watcher in watchers],
                "complaint": complaint,
            }
    except (av.FFmpegError, OSError, ValueError) as error:
        return {"error": f"{type(error).__name__}: {error}"}


def _names(metadata: dict[str, str]) -> list[str]:
    """What is told, not the values: they may be secret, and long."""
    return [name[:100] for name in itertools.islice(metadata, 200)]


def _watch_packets(container: Any, watchers: list["_Watcher"]) -> str | None:
    """Until the window is full for every picture and sound track. A file that breaks off is told as far as it goes."""
    import av  # noqa: PLC0415

    try:
        for packet in itertools.islice(_until(container.demux(), time.monotonic() + SECONDS_MAX), PACKETS_MAX):
            if not packet.size:
                continue
            watcher = watchers[packet.stream_index]
            watcher.see(packet)
            if watcher.full and all(other.full for other in watchers if other.matters):
                break
    except (av.FFmpegError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def _until(packets: Iterator[Any], deadline: float) -> Iterator[Any]:
    return itertools.takewhile(lambda _: time.monotonic() < deadline, packets)


def _seconds(ticks: int | None, base: Fraction | None) -> float | None:
    return None if ticks is None or base is None else float(ticks * base)


class _Watcher:
    """One stream: counts its packets, and decodes until the first frame (a picture) or a few packets (sound)."""

    def __init__(self, stream: Any, max_pixels: int) -> None:
        self._stream = stream
        self._max_pixels = max_pixels
        self._packets = 0
        # Asked once: each packet would make a fraction of its own, a third of the whole probe's time.
        self._tick_s = float(stream.time_base or 0)
        self._first: float | None = None
        self._end: float | None = None
        self._times: list[float] = []
        self._tries = 0
        self._frame: dict[str, Any] | None = None
        self._error: str | None = None
        self._hidden = 0
        self.matters = stream.type in ("video", "audio") and not self._attached
        self._wants_frame = self.matters and stream.codec_context is not None
        self.full = False

    @property
    def _attached(self) -> bool:
        return "attached_pic" in self._disposition()

    def _disposition(self) -> list[str]:
        return [flag.name for flag in self._stream.disposition]

    def see(self, packet: Any) -> None:
        self._packets += 1
        self._hidden += packet.is_discard
        self._note_time(packet)
        if self._wants_frame:
            self._decode(packet)

    def _note_time(self, packet: Any) -> None:
        """AVI gives decoding times only. A discarded packet (an edit list's) is decoded but never shown."""
        ticks = packet.pts if packet.pts is not None else packet.dts
        if ticks is None or not self._tick_s or packet.is_discard:
            return
        at = ticks * self._tick_s
        end = at + (packet.duration or 0) * self._tick_s
        self._first = at if self._first is None else min(self._first, at)
        self._end = end if self._end is None else max(self._end, end)
        if len(self._times) < INTERVALS_MAX:
            self._times.append(at)
        self.full = at - self._first > WINDOW_S

    def _decode(self, packet: Any) -> None:
        import av  # noqa: PLC0415

        if self._too_large():
            self._wants_frame = False
            return
        # What an edit list hides gives no frame, and says nothing about the decoder.
        self._tries += not packet.is_discard
        try:
            frames = packet.decode()
        except (av.FFmpegError, ValueError) as error:
            self._error = f"{type(error).__name__}: {error}"
            frames = []
        if frames:
            self._frame = _picture(frames[0]) if self._stream.type == "video" else {}
        tries_max = FRAME_TRIES_MAX if self._stream.type == "video" else AUDIO_TRIES_MAX
        self._wants_frame = self._frame is None and self._tries < tries_max

    def _too_large(self) -> bool:
        context = self._stream.codec_context
        if self._stream.type != "video":
            return False
        if not context.is_open:
            context.thread_count = 1
            context.options = {"max_pixels": str(self._max_pixels)}
        return bool(context.width * context.height > self._max_pixels)

    def _flush(self) -> None:
        """A short stream's only frame may still be in the decoder."""
        import av  # noqa: PLC0415

        if not (self._wants_frame and self._packets):
            return
        try:
            frames = self._stream.codec_context.decode(None)
        except (av.FFmpegError, ValueError) as error:
            self._error = f"{type(error).__name__}: {error}"
            return
        if frames:
            self._frame = _picture(frames[0]) if self._stream.type == "video" else {}

    def facts(self) -> dict[str, Any]:
        self._flush()
        stream, context = self._stream, self._stream.codec_context
        return {
            "index": stream.index,
            "type": stream.type,
            "disposition": self._disposition(),
            "metadata": _names(stream.metadata),
            "codec": context.name if context is not None else None,
            "codec_tag": _tag(context),
            "packets": self._packets,
            "hidden": self._hidden,
            "first_s": self._first,
            "end_s": self._end,
            "intervals_s": _intervals(self._times),
            "decoded": self._frame is not None,
            "error": self._error,
            "frame": self._frame,
            **(_shape(stream) if context is not None else {}),
        }


def _tag(context: Any) -> str | None:
    """Four letters, mostly; in an AVI the sound's is a number, with bytes that PyAV takes for broken letters."""
    if context is None:
        return None
    try:
        return str(context.codec_tag).strip("\x00")
    except UnicodeDecodeError:
        return None


def _intervals(times: list[float]) -> dict[str, float] | None:
    """Packets come in decoding order, frames are shown in another."""
    ordered = sorted(set(times))
    gaps = sorted(later - earlier for earlier, later in itertools.pairwise(ordered))
    if not gaps:
        return None
    return {"short": gaps[len(gaps) // 10], "median": gaps[len(gaps) // 2], "mean": sum(gaps) / len(gaps)}


def _shape(stream: Any) -> dict[str, Any]:
    context = stream.codec_context
    if stream.type == "video":
        return {
            "width": context.width,
            "height": context.height,
            "pixel_aspect": _ratio(stream.sample_aspect_ratio),
        }
    if stream.type == "audio":
        return {"channels": context.channels, "layout": context.layout.name}
    return {}


def _picture(frame: Any) -> dict[str, Any]:
    return {
        "width": frame.width,
        "height": frame.height,
        "pixel_format": frame.format.name,
        "interlaced": bool(frame.interlaced_frame),
        "matrix": _matrix(frame),
        "range": int(frame.color_range),
        "space": int(frame.colorspace),
        "primaries": int(frame.color_primaries),
        "transfer": int(frame.color_trc),
    }


def _matrix(frame: Any) -> list[int] | None:
    """The four numbers that turn and mirror, of the nine (16.16 fixed point)."""
    for data in frame.side_data:
        if data.type.name == "DISPLAYMATRIX":
            numbers = memoryview(bytes(data)).cast("i")
            return [numbers[0], numbers[1], numbers[3], numbers[4]]
    return None


def _ratio(value: Fraction | None) -> list[int] | None:
    return None if value is None else [value.numerator, value.denominator]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
