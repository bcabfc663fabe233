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
    threads: int = 2
    max_pixels: int = 40_000_000
    max_streams: int = 32


@dataclass(frozen=True)
class Rules:
    """A contest's own wishes; without any, every clip is taken. `shortest_side` is in pixels as shown."""

    shortest_s: float | None = None
    longest_s: float | None = None
    shortest_side: int | None = None
    remove_audio: bool = False


NO_RULES = Rules()
