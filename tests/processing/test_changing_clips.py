"""Clips whose picture or sound becomes another on the way, as where pieces were joined or a phone was turned."""

from pathlib import Path

import pytest

from tests.media.factory import AAC, X264, ffmpeg, tone
from tests.media.seen import close, colour_at, first_beep_s, frame
from tests.processing.conftest import Workbench

RED, BLUE, BLACK = (255, 0, 0), (0, 0, 255), (0, 0, 0)


def _piece(file: Path, colour: str, size: str, channels: int, at_s: float, more: tuple[str, ...] = X264) -> bytes:
    picture = ("-f", "lavfi", "-i", f"color={colour}:s={size}:r=25:d=2")
    ffmpeg(*picture, *tone(2), *more, *AAC, "-ac", str(channels), "-output_ts_offset", str(at_s), str(file))
    return file.read_bytes()


@pytest.fixture
def joined(tmp_path: Path) -> Path:
    """A wide picture with a voice, then a high one with stereo."""
    file = tmp_path / "joined.ts"
    file.write_bytes(
        _piece(tmp_path / "a.ts", "red", "320x180", 1, 0) + _piece(tmp_path / "b.ts", "blue", "180x320", 2, 2)
    )
    return file


def test_each_part_keeps_its_shape_and_its_time(joined: Path, workbench: Workbench) -> None:
    done = workbench.convert(joined)
    assert done.facts.duration_s == pytest.approx(4, abs=0.12)
    assert done.facts.fps == pytest.approx(25, rel=0.01)
    assert done.facts.has_audio
    early, late = frame(done.video, 1), frame(done.video, 3)
    assert close(colour_at(early, 20, 20), RED)
    assert close(colour_at(late, 640, 20), BLUE)
    assert close(colour_at(late, 20, 360), BLACK)


def test_a_sound_that_becomes_stereo_stays_where_it_was(tmp_path: Path, workbench: Workbench) -> None:
    """Silence, then a tone: it is heard when it was."""
    silence = ("-f", "lavfi", "-i", "anullsrc=channel_layout=mono:sample_rate=44100")
    first = tmp_path / "first.ts"
    ffmpeg("-f", "lavfi", "-i", "color=red:s=320x180:r=25:d=2", *silence, "-t", "2", *X264, *AAC, str(first))
    source = tmp_path / "source.ts"
    source.write_bytes(first.read_bytes() + _piece(tmp_path / "second.ts", "blue", "320x180", 2, 2))
    done = workbench.convert(source)
    assert first_beep_s(done.video) == pytest.approx(2, abs=0.1)
    assert done.facts.duration_s == pytest.approx(4, abs=0.12)
