"""Look into a media file, in a process of its own: one JSON object on standard output.

Run as `python -I -S probe_child.py PACKAGES DEMUXER FILE MAX_PIXELS MAX_STREAMS [OPTION VALUE ...]`, under the
launcher's limits. It imports PyAV and the standard library only, and reports what it sees; what that means is decided
in `probe.py`.

Declared lengths, rates and frame counts lie, so the packets of the first seconds are counted (not decoded); rotation
and colour are only on decoded frames, so the first frame of each picture track is decoded, after its size is checked.
"""

import itertools
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

# A little more than the house format's 30 s. Then a bound on work, for files whose times never arrive there.
WINDOW_S = 31.0
PACKETS_MAX = 60_000
CPU_SECONDS_MAX = 10.0
"""Of work, not of the clock on the wall: a storage or a machine that stood still would make any file a short one. For
that clock the parent has a limit, after which the file is tried again."""
FRAME_TRIES_MAX = 90
AUDIO_TRIES_MAX = 12
INTERVALS_MAX = 4000
REORDERED_S = 1.0
"""What is stored last in the window may be shown after some that come behind it: those would be gaps."""
# Between two packets of one track; farther than any order of decoding, or any camera's pause, goes.
LEAP_BACK_S = 1.0
LEAP_ON_S = 10.0


def main(arguments: list[str]) -> int:
    packages, demuxer, file, max_pixels, max_streams, *more = arguments
    sys.path.append(packages)
    # In short lines, for the parent cuts long ones.
    print(json.dumps(look_into(file, demuxer, int(max_pixels), int(max_streams), more), indent=0), flush=True)
    return 0


def look_into(file: str, demuxer: str, max_pixels: int, max_streams: int, more: Sequence[str] = ()) -> dict[str, Any]:
    """`error` alone when it cannot even be opened."""
    import av  # noqa: PLC0415  # its folder is known only now

    av.logging.set_level(av.logging.ERROR)
    av.logging.restore_default_callback()  # to standard error, whose end the parent reads
    # `max_pixels` goes to the decoders that look for missing facts while the file is opened.
    options = {"max_streams": str(max_streams), "max_pixels": str(max_pixels), "protocol_whitelist": "file"}
    options |= {name.removeprefix("-"): value for name, value in zip(more[::2], more[1::2], strict=True)}
    try:
        with av.open(file, format=demuxer, options=options, metadata_errors="replace") as container:
            hides_before_zero = options.get("advanced_editlist") == "0"
            watchers = [
                _Watcher(stream, max_pixels, hides_before_zero=hides_before_zero) for stream in container.streams
            ]
            _KEPT.extend(watchers)
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
        for packet in itertools.islice(_while_cheap(container.demux()), PACKETS_MAX):
            if not packet.size:
                continue
            watcher = watchers[packet.stream_index]
            watcher.see(packet)
            if watcher.full and all(other.full for other in watchers if other.matters):
                break
    except (av.FFmpegError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def _while_cheap(packets: Iterator[Any]) -> Iterator[Any]:
    enough = time.process_time() + CPU_SECONDS_MAX
    return itertools.takewhile(lambda _: time.process_time() < enough, packets)


def _seconds(ticks: int | None, base: Fraction | None) -> float | None:
    return None if ticks is None or base is None else float(ticks * base)


class _Watcher:
    """One stream: counts its packets, and decodes until the first frame (a picture) or a few packets (sound)."""

    def __init__(self, stream: Any, max_pixels: int, *, hides_before_zero: bool) -> None:
        self._stream = stream
        self._hides_before_zero = hides_before_zero
        self._max_pixels = max_pixels
        self._packets = 0
        # Asked once: each packet would make a fraction of its own, a third of the whole probe's time.
        self._tick_s = float(stream.time_base or 0)
        self._first: float | None = None
        self._end: float | None = None
        self._last: float | None = None
        self._times: list[float] = []
        self._tries = 0
        self._seen_key = False
        self._key_s: float | None = None
        self._frame: dict[str, Any] | None = None
        self._error: str | None = None
        self._hidden = 0
        self._decoded_at: float | None = None
        self._leaps = 0
        self._steps_s = 0.0
        self.matters = stream.type in ("video", "audio") and not self._attached
        self._wants_frame = self.matters and stream.codec_context is not None
        self.full = False

    @property
    def _attached(self) -> bool:
        return "attached_pic" in self._disposition()

    def _disposition(self) -> list[str]:
        return [flag.name for flag in self._stream.disposition]

    def see(self, packet: Any) -> None:
        if packet.is_keyframe and not self._seen_key:
            self._see_key(packet)
        self._packets += 1
        self._hidden += self._hides(packet)
        self._note_leap(packet)
        self._note_time(packet)
        if self._wants_frame and self._tries < self._tries_max:
            self._decode(packet)

    def _see_key(self, packet: Any) -> None:
        """What came before it, and gave no picture, never will: the decoder is no worse for it, and the stream starts
        here. Nor will what is stored behind it but shown before it."""
        self._seen_key, self._tries = True, 0
        if self._frame is not None:
            return
        self._hidden = self._packets
        if self._first is not None:
            self._key_s = self._time_of(packet)
            self._first = self._end = self._last = None
            self._times, self._steps_s = [], 0.0

    def _note_leap(self, packet: Any) -> None:
        """Decoding times only go on, a little at a time, until another clock follows."""
        if packet.dts is None:
            return
        at, before = packet.dts * self._tick_s, self._decoded_at
        self._decoded_at = at
        if before is None:
            return
        self._leaps += not -LEAP_BACK_S <= at - before <= LEAP_ON_S
        self._steps_s += at - before if 0 < at - before <= LEAP_BACK_S else 0

    def _note_time(self, packet: Any) -> None:
        """What an edit list hides is decoded but never shown."""
        at = self._time_of(packet)
        if at is None or self._hides(packet) or (self._key_s is not None and at < self._key_s):
            return
        end = at + (packet.duration or 0) * self._tick_s
        self._first = at if self._first is None else min(self._first, at)
        self._end = end if self._end is None else max(self._end, end)
        self._last = at if self._last is None else max(self._last, at)
        if at - self._first <= WINDOW_S - REORDERED_S and len(self._times) < INTERVALS_MAX:
            self._times.append(at)
        self.full = at - self._first > WINDOW_S

    def _hides(self, packet: Any) -> bool:
        """Whether an edit list does."""
        at = self._time_of(packet) if self._hides_before_zero else None
        return packet.is_discard or (at is not None and at < 0)

    def _time_of(self, packet: Any) -> float | None:
        """AVI gives decoding times only."""
        ticks = packet.pts if packet.pts is not None else packet.dts
        return None if ticks is None or not self._tick_s else float(ticks * self._tick_s)

    def _decode(self, packet: Any) -> None:
        import av  # noqa: PLC0415

        if self._too_large():
            self._wants_frame = False
            return
        # What an edit list hides gives no frame, and says nothing about the decoder.
        self._tries += not self._hides(packet)
        try:
            frames = packet.decode()
        except (av.FFmpegError, ValueError) as error:
            self._error = f"{type(error).__name__}: {error}"
            frames = []
        if frames:
            self._frame = self._first_of(frames)
        self._wants_frame = self._frame is None and (self._tries < self._tries_max or not self._seen_key)

    def _first_of(self, frames: list[Any]) -> dict[str, Any]:
        if self._stream.type == "video":
            return _picture(frames[0])
        _KEPT.extend(frames)
        return {}

    @property
    def _tries_max(self) -> int:
        """Once more as many from the first key picture on, for what was cut in two, or recorded from the air, may begin
        seconds before one; and there are pictures without any, which are renewed piece by piece."""
        return FRAME_TRIES_MAX if self._stream.type == "video" else AUDIO_TRIES_MAX

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
            self._frame = self._first_of(frames)

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
            "begins_amid": self._key_s is not None,
            "leaps": self._leaps,
            "steps_s": self._steps_s,
            "first_s": self._first,
            "end_s": self._end,
            "last_s": self._last,
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
    median = gaps[len(gaps) // 2]
    steady = [gap for gap in gaps if abs(gap - median) <= 0.3 * median]
    return {
        "short": gaps[len(gaps) // 10],
        "median": median,
        "mean": sum(gaps) / len(gaps),
        "steady": sum(steady) / len(steady),
    }


def _shape(stream: Any) -> dict[str, Any]:
    context = stream.codec_context
    if stream.type == "video":
        return {
            "width": context.width,
            "height": context.height,
            "pixel_aspect": _ratio(stream.sample_aspect_ratio),
        }
    if stream.type == "audio":
        return {"channels": context.channels, "layout": _layout(context)}
    return {}


_KEPT: list[Any] = []
"""PyAV 18 takes an odd order of channels (a MOV's `chan`) for its own and frees it twice, unless nobody lets go of the
layout, or of a frame or decoder that has it, before this process ends."""


def _layout(context: Any) -> str:
    _KEPT.append(context.layout)
    try:
        return str(_KEPT[-1].name)
    except UnicodeDecodeError:  # it was freed once already: such an order has no name of use
        return ""


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
    os._exit(main(sys.argv[1:]))  # see `_KEPT`
