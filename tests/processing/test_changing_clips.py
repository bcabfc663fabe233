"""Clips whose picture or sound becomes another on the way, as where pieces were joined or a phone was turned."""

from pathlib import Path

import pytest

from anb.processing import command, convert
from anb.processing.command import Files
from anb.processing.limits import Limits
from anb.processing.notices import Notice
from anb.processing.streams import Clip
from tests.media.factory import AAC, X264, ffmpeg, tone
from tests.media.seen import close, colour_at, first_beep_s, frame
from tests.processing.conftest import Workbench

pytestmark = pytest.mark.slow

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


WOVEN = (*X264, "-flags", "+ilme+ildct", "-x264opts", "tff=1")


@pytest.mark.usefixtures("either_ffmpeg")
def test_fields_are_woven_though_the_sound_becomes_surround(
    tmp_path: Path, workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a film behind the news on television."""
    made: list[Clip] = []

    def build(files: Files, clip: Clip, limits: Limits, *, starts_before_s: float) -> list[str]:
        made.append(clip)
        return command.build(files, clip, limits, starts_before_s=starts_before_s)

    monkeypatch.setattr(convert, "build", build)
    source = tmp_path / "source.ts"
    first = _piece(tmp_path / "first.ts", "red", "320x180", 2, 0, WOVEN)
    source.write_bytes(first + _piece(tmp_path / "second.ts", "blue", "320x180", 6, 2, WOVEN))
    assert workbench.convert(source).facts.duration_s == pytest.approx(4, abs=0.12)
    assert made[-1].sound_changes
    assert "bwdif" in command.filters(made[-1])


@pytest.mark.usefixtures("either_ffmpeg")
def test_a_picture_and_a_sound_may_both_change(tmp_path: Path, workbench: Workbench) -> None:
    """The sound two seconds before the picture."""
    source = tmp_path / "source.ts"
    pieces = (("red", "320x180", 2), ("red", "320x180", 6), ("blue", "180x320", 6))
    source.write_bytes(
        b"".join(
            _piece(tmp_path / f"{at}.ts", colour, size, channels, 2 * at)
            for at, (colour, size, channels) in enumerate(pieces)
        )
    )
    done = workbench.convert(source)
    assert done.facts.duration_s == pytest.approx(6, abs=0.12)
    assert done.facts.has_audio
    assert close(colour_at(frame(done.video, 3), 640, 200), RED)
    assert close(colour_at(frame(done.video, 5), 20, 360), BLACK)


def _apart(tmp_path: Path, wrapping: str, starts_s: int) -> Path:
    """Two recordings in one file, each with a clock of its own."""
    codecs = {"ts": (*X264, *AAC), "mpg": ("-c:v", "mpeg2video", "-c:a", "mp2")}[wrapping]
    source = tmp_path / f"source.{wrapping}"
    with source.open("wb") as file:
        for colour, at_s in (("red", 0), ("blue", starts_s)):
            piece = tmp_path / f"{colour}.{wrapping}"
            picture = ("-f", "lavfi", "-i", f"color={colour}:s=320x180:r=25:d=2")
            ffmpeg(*picture, *tone(2), *codecs, "-output_ts_offset", str(at_s), str(piece))
            file.write(piece.read_bytes())
    return source


@pytest.mark.parametrize("wrapping", ["ts", "mpg"])
@pytest.mark.parametrize("starts_s", [0, 5000])
def test_recordings_of_one_file_follow_one_another(
    tmp_path: Path, workbench: Workbench, wrapping: str, starts_s: int
) -> None:
    done = workbench.convert(_apart(tmp_path, wrapping, starts_s))
    assert done.facts.duration_s == pytest.approx(4, abs=0.12)
    assert done.facts.has_audio
    assert close(colour_at(frame(done.video, 1), 640, 200), RED)
    assert close(colour_at(frame(done.video, 3), 640, 200), BLUE)


def _short_ones(tmp_path: Path, *more: str) -> Path:
    """Two of four seconds, whose clocks both begin at zero."""
    piece = tmp_path / "piece"
    ffmpeg("-f", "lavfi", "-i", "color=red:s=320x180:r=25:d=4", *tone(4), *more, str(piece))
    source = tmp_path / "source"
    source.write_bytes(2 * piece.read_bytes())
    return source


def test_there_is_no_hole_between_short_recordings_of_a_camcorder(tmp_path: Path, workbench: Workbench) -> None:
    """The last AC-3 of the first one comes after the first picture of the second."""
    source = _short_ones(tmp_path, *X264, "-c:a", "ac3", "-f", "mpegts", "-mpegts_m2ts_mode", "1")
    assert workbench.convert(source).facts.duration_s == pytest.approx(8, abs=0.12)


def test_a_sound_that_mpeg_ts_cannot_carry_is_worth_more_than_the_second_recording(
    tmp_path: Path, workbench: Workbench
) -> None:
    done = workbench.convert(_short_ones(tmp_path, "-c:v", "mpeg2video", "-c:a", "pcm_dvd", "-f", "vob"))
    assert done.facts.has_audio
    assert done.facts.duration_s == pytest.approx(4, abs=0.12)


def test_joined_recordings_are_found_from_the_folder_that_one_is_in(
    tmp_path: Path, workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = _apart(tmp_path, "ts", 0)
    monkeypatch.chdir(tmp_path)
    assert workbench.convert(Path(source.name)).facts.duration_s == pytest.approx(4, abs=0.12)


def test_where_ffmpeg_cannot_give_them_one_clock_the_first_is_the_clip(
    tmp_path: Path, workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convert, "build_one_clock", lambda ffmpeg, *_: [str(ffmpeg), "-i", "/nowhere"])
    done = workbench.convert(_apart(tmp_path, "ts", 0))
    assert done.facts.duration_s == pytest.approx(2, abs=0.12)
    assert done.notices == (Notice.ONLY_THE_FIRST,)


@pytest.mark.parametrize("silent", ["red", "blue"])
def test_a_recording_without_sound_beside_one_with_it_is_told_of(
    tmp_path: Path, workbench: Workbench, silent: str
) -> None:
    source = tmp_path / "source.ts"
    with source.open("wb") as file:
        for colour in ("red", "blue"):
            sound = () if colour == silent else (*tone(2), *AAC)
            piece = tmp_path / f"{colour}.ts"
            ffmpeg("-f", "lavfi", "-i", f"color={colour}:s=320x180:r=25:d=2", *sound, *X264, str(piece))
            file.write(piece.read_bytes())
    done = workbench.convert(source)
    assert done.facts.duration_s == pytest.approx(2, abs=0.12)
    assert Notice.ONLY_THE_FIRST in done.notices
