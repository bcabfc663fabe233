"""What one video may cost, and what a contest may ask of it. Pure."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """For a machine of two cores and 2 GiB. `memory_bytes` is address space, of which a tool touches a part."""

    cpu_seconds: int = 900
    memory_bytes: int = 4096 * MIB
    output_bytes: int = 256 * MIB
    wall_seconds: float = 900
    told_bytes: int = 32 * MIB
    """Of both its streams of lines together: hearing costs the worker time that no other limit counts."""
    threads: int = 2
    max_pixels: int = 40_000_000
    max_decoded_pixels: int = 40_000_000_000
    """In the half minute that is decoded: 8K at 30 frames a second has 30 billion. A small file can hold 700."""
    max_frames: int = 32_000
    """In the same half minute: a thousand a second."""
    max_streams: int = 32


@dataclass(frozen=True)
class Rules:
    """A contest's own wishes; without any, every clip is taken. `shortest_side` is in pixels as shown."""

    shortest_s: float | None = None
    longest_s: float | None = None
    shortest_side: int | None = None
    remove_audio: bool = False


NO_RULES = Rules()
