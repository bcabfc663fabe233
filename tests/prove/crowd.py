"""Nine people at once, each at an address of their own (nginx has limits for each), until the show is over."""

import random
import subprocess
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Self

from anb.processing.ffmpeg import find_ffmpeg
from tests.prove.clients import Person, StoppedError, Uploader, reading, uploading, voting
from tests.prove.journal import Journal


class Crowd:
    """Three who upload in one shot, two in pieces, three who vote, one who reads."""

    def __init__(self, url: str, journal: Journal, seed: int, clips: Sequence[bytes]) -> None:
        self._url = url
        self._journal = journal
        self._seed = seed
        self._over = threading.Event()
        parts: list[Callable[[random.Random, str], None]] = [
            *[partial(self._upload, clips, way) for way in [Uploader.upload] * 3 + [Uploader.upload_in_pieces] * 2],
            *[self._vote] * 3,
            self._read,
        ]
        self._threads = [threading.Thread(target=self._play, args=(number, part)) for number, part in enumerate(parts)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _upload(
        self, clips: Sequence[bytes], way: Callable[[Uploader, bytes], str], source: random.Random, address: str
    ) -> None:
        uploading(Uploader(self._url, self._journal, self._over, source, address), clips, way)

    def _vote(self, source: random.Random, address: str) -> None:
        while not self._over.is_set():
            person = Person(self._url, self._journal, self._over, source, address)
            voting(person)
            person.close()

    def _read(self, source: random.Random, address: str) -> None:
        reading(Person(self._url, self._journal, self._over, source, address))

    def _play(self, number: int, part: Callable[[random.Random, str], None]) -> None:
        try:
            part(random.Random(f"{self._seed}/{number}"), f"127.0.0.{10 + number}")
        except StoppedError:
            pass
        except Exception as error:
            self._journal.surprise(f"client {number} broke: {error!r}")
            raise


def clips(folder: Path) -> list[bytes]:
    """Seconds of a test picture with a tone: landscape, on its side, silent."""
    made = []
    for number, (size, seconds, sound) in enumerate(
        [("320x180", 3, True), ("240x426", 6, True), ("640x360", 2, False)]
    ):
        path = folder / f"{number}.mp4"
        picture = ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate=30:duration={seconds}"]
        tone = ["-f", "lavfi", "-i", f"sine=duration={seconds}", "-c:a", "aac"] if sound else []
        coding = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", str(path)]
        subprocess.run([find_ffmpeg(), "-v", "error", *picture, *tone, *coding], check=True)
        made.append(path.read_bytes())
    return made
