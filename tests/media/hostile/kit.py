"""What a hostile file is, and what its makers work with."""

import random
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from anb.processing.ffmpeg import find_ffmpeg
from tests.media.factory import Samples

BAIT_COLOUR = (255, 0, 255)
BAIT_WORDS = "canary-7f1c3a"


@dataclass(frozen=True)
class Bait:
    """What the files try to make a server read: a folder that is none of its business, and an address that counts.

    Both hold the same film, all magenta, and the same text, so that whatever leaks is seen in an output.
    """

    folder: Path
    url: str

    @property
    def film(self) -> Path:
        return self.folder / "bait.mp4"

    @property
    def text(self) -> Path:
        return self.folder / "bait.txt"


def lay_bait(folder: Path, url: str) -> Bait:
    bait = Bait(folder, url)
    magenta = ("-f", "lavfi", "-i", "color=magenta:s=320x240:r=10:d=1")
    draw = [str(find_ffmpeg()), "-v", "error", *magenta, "-pix_fmt", "yuv420p", "-y", str(bait.film)]
    subprocess.run(draw, check=True, timeout=60)
    for number in range(3):
        still = [str(find_ffmpeg()), "-v", "error", *magenta, "-frames:v", "1", "-y", str(folder / f"bait{number}.png")]
        subprocess.run(still, check=True, timeout=60)
    bait.text.write_text(BAIT_WORDS)
    return bait


@dataclass(frozen=True)
class Kit:
    samples: Samples
    bait: Bait

    def __getitem__(self, name: str) -> bytes:
        return self.samples[name].read_bytes()


@dataclass(frozen=True)
class Hostile:
    """`family` is the table's row. `filename` is what the form calls the file; it may be bytes that are no name."""

    family: str
    name: str
    make: Callable[[Kit], bytes]
    filename: str = "clip.mp4"

    @property
    def id(self) -> str:
        return f"{self.family}: {self.name}"


def chance(name: str) -> random.Random:
    """The same on every machine, and its own for each file, so that adding one changes no other."""
    return random.Random(f"anb {name}")
