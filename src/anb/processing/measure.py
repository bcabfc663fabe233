"""A probed file in the house format's terms. Pure."""

from anb.processing.house_format import Facts
from anb.processing.probe import LOOKED_AT_S, UPRIGHT, Probe, Stream


def measure(probe: Probe, video: Stream, *, container: str, faststart: bool) -> Facts:
    """`video` has a decoded frame. An attached cover is a track too many, like any other."""
    frame = video.frame
    assert frame is not None  # noqa: S101  # the caller chose it for its frame
    audio = next(iter(probe.of_kind("audio")), None)
    duration_s = _duration(probe, video, audio)
    return Facts(
        container=container,
        duration_s=duration_s,
        picture_s=_duration(probe, video, None),
        width=frame.width,
        height=frame.height,
        pixel_aspect=video.pixel_aspect,
        fps=1 / video.mean_interval_s if video.mean_interval_s else 1 / max(duration_s, 0.001),
        video_codec=video.codec or "unknown",
        pixel_format=frame.pixel_format,
        colour=(frame.range, frame.space, frame.primaries, frame.transfer),
        turned=frame.matrix != UPRIGHT,
        interlaced=frame.interlaced,
        has_audio=audio is not None,
        audio_codec=audio.codec if audio else None,
        audio_channels=audio.channels if audio else None,
        audio_starts_after_picture_s=((audio.first_s or 0.0) - (video.first_s or 0.0)) if audio else 0.0,
        faststart=faststart,
        tracks=len(probe.streams),
        tags=probe.tags.union(*(stream.tags for stream in probe.streams)),
        chapters=probe.chapters,
    )


def _duration(probe: Probe, video: Stream, audio: Stream | None) -> float:
    """Of the picture, or of the sound where that goes on longer. A file that lasts longer than it was looked at is
    believed what it says."""
    ends = [stream.end_s or 0.0 for stream in (video, audio) if stream is not None]
    seen_s = max(ends) - (video.first_s or 0.0)
    return max(seen_s, probe.declared_s or 0.0) if seen_s > LOOKED_AT_S else seen_s
