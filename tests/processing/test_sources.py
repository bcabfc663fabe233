"""What real files become, each through real FFmpeg."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from anb.processing.convert import convert
from anb.processing.failures import FailureCode, ProcessingFailed
from anb.processing.ffmpeg import find_ffmpeg, missing_parts
from anb.processing.inspection import examine, inspect
from anb.processing.limits import Limits, Rules
from anb.processing.notices import Notice
from tests.media.factory import Samples
from tests.processing.conftest import Workbench

# Name, seconds, frames a second, sound.
RIGHT = (
    ("landscape.mp4", 1, 30, True),
    ("portrait.mp4", 1, 25, False),
    ("odd-444.mp4", 1, 30, False),
    ("tiny.mp4", 1, 30, False),
    ("two-pixels.mkv", 1, 30, False),
    ("wide-pixels.mp4", 1, 25, False),
    ("interlaced.ts", 1, 25, False),
    ("interlaced.mpg", 1, 25, False),
    ("variable-rate.mp4", 1.93, 30, False),
    ("120-a-second.mp4", 1, 30, True),
    ("24-a-second.mp4", 1, 23.976, False),
    ("exactly-30.mp4", 30, 10, True),
    ("longer.mp4", 30, 10, True),
    ("silent.mp4", 1, 30, False),
    ("two-sounds.mkv", 1, 30, True),
    ("surround.mkv", 1, 30, True),
    ("hdr10.mp4", 1, 30, False),
    ("hlg.mov", 1, 30, False),
    ("ictcp.mp4", 1, 30, False),
    ("ycgco.mp4", 1, 30, False),
    ("constant-luminance.mp4", 1, 30, False),
    ("hevc.mp4", 1, 30, True),
    ("vp9.webm", 1, 30, True),
    ("vp8.webm", 1, 30, False),
    ("mpeg4.avi", 1, 30, True),
    ("aac.avi", 1, 30, True),
    ("motion-jpeg.mov", 1, 30, True),
    ("full-range.mp4", 1, 30, False),
    ("old-phone.3gp", 1, 15, False),
    ("flash.flv", 1, 30, True),
    ("broadcast.ts", 1, 30, True),
    ("camcorder.m2ts", 1, 30, True),
    ("starts-at-10.ts", 1, 30, True),
    ("windows.wmv", 1, 30, True),
    ("fragments.mp4", 1, 30, True),
    ("sound-first.mp4", 1, 30, True),
    ("motion-photo.mp4", 1, 30, False),
    ("cover.mp4", 1, 30, True),
    ("one-frame.mp4", 0.03, 30, False),
    ("cut-but-usable.mp4", 2, 30, True),
    ("twenty-sounds.mkv", 1, 30, True),
    ("unknown-sound.mkv", 1, 30, False),
    ("unknown-first-sound.mkv", 1, 30, True),
)


NOTICES = {
    "unknown-sound.mkv": (Notice.SOUND_LEFT_OUT,),
    "cut-but-usable.mp4": (Notice.ENDS_EARLY,),
}


@pytest.mark.parametrize(("name", "seconds", "rate", "sound"), RIGHT, ids=[row[0] for row in RIGHT])
def test_a_real_video_comes_out_in_the_house_format(
    samples: Samples, workbench: Workbench, *, name: str, seconds: float, rate: float, sound: bool
) -> None:
    """`convert` checks the whole contract itself; here is what the contract cannot know."""
    done = workbench.convert(samples[name])
    assert done.facts.duration_s == pytest.approx(seconds, abs=0.12)
    assert done.facts.fps == pytest.approx(rate, rel=0.01)
    assert done.facts.has_audio is sound
    assert done.notices == NOTICES.get(name, ())
    assert done.poster.read_bytes()[:2] == b"\xff\xd8"


WRONG = (
    ("sound-only.mp4", FailureCode.NO_PICTURE),
    ("cover-only.mp4", FailureCode.NO_PICTURE),
    ("header-only.mp4", FailureCode.NO_FRAMES),
    ("encrypted.mp4", FailureCode.ENCRYPTED),
    ("cut-without-index.mp4", FailureCode.CUT_OFF),
    ("scrambled.mp4", FailureCode.DAMAGED),
    ("unknown-picture.mkv", FailureCode.UNSUPPORTED_CODEC),
    ("huge.mp4", FailureCode.TOO_MANY_PIXELS),
    ("empty.mp4", FailureCode.EMPTY_FILE),
    ("playlist.mp4", FailureCode.NOT_A_VIDEO),
    ("concat.mp4", FailureCode.NOT_A_VIDEO),
    ("script.mp4", FailureCode.NOT_A_VIDEO),
    ("photo.mp4", FailureCode.NOT_A_VIDEO),
    ("noise.mp4", FailureCode.NOT_A_VIDEO),
)


@pytest.mark.parametrize(("name", "code"), WRONG, ids=[row[0] for row in WRONG])
def test_what_is_no_video_is_refused_with_its_reason(
    samples: Samples, workbench: Workbench, name: str, code: FailureCode
) -> None:
    with pytest.raises(ProcessingFailed) as refused:
        workbench.convert(samples[name])
    assert refused.value.code is code
    assert code.permanent


@pytest.fixture
def packaged_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine with no FFmpeg on its PATH: the one of the package is found."""
    monkeypatch.setenv("PATH", str(tmp_path))
    find_ffmpeg.cache_clear()
    yield find_ffmpeg()
    find_ffmpeg.cache_clear()


def test_an_ffmpeg_without_our_encoder_gives_way_to_the_one_of_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As distributions make it that leave out what has patents."""
    poor = tmp_path / "ffmpeg"
    poor.write_text("#!/bin/sh\necho ' V..... mpeg4   MPEG-4' ' A..... aac   AAC' ' ... zscale' ' .S. tonemap'\n")
    poor.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    find_ffmpeg.cache_clear()
    assert missing_parts(poor) == ["libx264"]
    assert "imageio_ffmpeg" in str(find_ffmpeg())
    find_ffmpeg.cache_clear()


SMOKE = (
    "landscape.mp4",
    "hdr10.mp4",
    "ictcp.mp4",
    "ycgco.mp4",
    "constant-luminance.mp4",
    "wide-pixels.mp4",
    "full-range.mp4",
    "interlaced.ts",
    "surround.mkv",
    "cover.mp4",
)


@pytest.mark.parametrize("name", SMOKE)
def test_the_packaged_ffmpeg_does_the_same(
    samples: Samples, workbench: Workbench, name: str, request: pytest.FixtureRequest
) -> None:
    source = samples[name]
    assert "imageio_ffmpeg" in str(request.getfixturevalue("packaged_ffmpeg"))
    assert workbench.convert(source).facts.width == 1280


def test_nothing_of_the_source_s_metadata_is_in_the_output(samples: Samples, workbench: Workbench) -> None:
    source = samples["tagged.mov"]
    assert b"+04.6097" in source.read_bytes()
    done = workbench.convert(source)
    for output in (done.video.read_bytes(), done.poster.read_bytes()):
        assert all(secret not in output for secret in (b"+04.6097", b"Secret", b"2020-01-02"))


def test_progress_never_goes_back_and_ends_at_a_hundred(samples: Samples, workbench: Workbench) -> None:
    workbench.convert(samples["exactly-30.mp4"])
    assert workbench.progress == sorted(workbench.progress)
    assert workbench.progress[-1] == 100
    assert len(workbench.progress) > 2


def test_an_inspection_says_what_a_file_is_and_what_breaks_the_house_format(
    samples: Samples, workbench: Workbench
) -> None:
    before = inspect(samples["landscape.mp4"], Limits())
    assert before.refusal is None
    assert not before.keeps_house_format
    assert "the size is 320x240" in before.breaches
    after = inspect(workbench.convert(samples["landscape.mp4"]).video, Limits())
    assert after.keeps_house_format


def test_an_inspection_of_a_photo_says_that_it_is_one(samples: Samples) -> None:
    found = inspect(samples["photo.mp4"], Limits())
    assert (found.looks_like, found.refusal) == ("jpeg", FailureCode.NOT_A_VIDEO)


def test_a_contest_may_remove_the_sound_and_ask_for_a_length(samples: Samples, workbench: Workbench) -> None:
    silent = convert(
        samples["landscape.mp4"], workbench.folder, Limits(), on_progress=lambda _: None, rules=Rules(remove_audio=True)
    )
    assert not silent.facts.has_audio
    assert silent.notices == ()
    assert inspect(samples["landscape.mp4"], Limits(), Rules(shortest_s=5)).refusal is FailureCode.TOO_SHORT


def test_a_source_that_vanishes_after_the_probe_is_missing_not_damaged(
    samples: Samples, workbench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was moved to another storage: where it is now, the next attempt finds out."""
    source = tmp_path / "clip.mp4"
    source.write_bytes(samples["landscape.mp4"].read_bytes())

    def vanish(*arguments: Any) -> Any:
        seen = examine(*arguments)
        source.unlink(missing_ok=True)
        return seen

    monkeypatch.setattr("anb.processing.convert.examine", vanish)
    with pytest.raises(FileNotFoundError, match="vanished"):
        workbench.convert(source)
