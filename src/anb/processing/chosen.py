"""What the settings say of processing."""

from anb.processing.limits import Limits, Rules
from anb.settings import Settings


def limits_of(settings: Settings) -> Limits:
    return Limits(
        cpu_seconds=max(Limits.cpu_seconds, settings.ffmpeg_wall_s),
        threads=settings.ffmpeg_threads,
        memory_bytes=settings.ffmpeg_memory_bytes,
        wall_seconds=settings.ffmpeg_wall_s,
    )


def rules_of(settings: Settings) -> Rules:
    return Rules(
        shortest_s=settings.shortest_source_s,
        longest_s=settings.longest_source_s,
        shortest_side=settings.shortest_side_px,
        remove_audio=settings.remove_audio,
    )
