"""The same packets in another file, some of them changed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import av

Change = Callable[[int, Any], None]


def changed(source: Path, target: Path, kind: Literal["video", "audio"], change: Change) -> Path:
    """In the same order. `change` is called for each packet of that kind, with its number from 0."""
    options = {"movflags": "faststart"} if target.suffix in {".mp4", ".mov"} else {}
    with av.open(str(source)) as whole, av.open(str(target), "w", options=options) as made:
        tracks = {track.index: made.add_stream_from_template(track) for track in whole.streams}
        at = 0
        for packet in whole.demux():
            if packet.dts is None:
                continue
            if packet.stream.type == kind:
                change(at, packet)
                at += 1
            packet.stream = tracks[packet.stream_index]
            made.mux(packet)
    return target
