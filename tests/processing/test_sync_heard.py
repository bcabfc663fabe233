"""A flash and a beep at the same moment of the source stay together, however the file tells its times."""

from pathlib import Path

import pytest

from anb.processing.house_format import SYNC_TOLERANCE_S
from tests.media.factory import AAC, X264, ffmpeg
from tests.media.seen import first_beep_s, first_flash_s
from tests.processing.conftest import Workbench

FLASH = ("-f", "lavfi", "-i", "color=black:s=64x48:r=30:d=3,drawbox=t=fill:color=white:enable='gte(t,1)'")
BEEP = ("-f", "lavfi", "-i", "sine=880:d=3,volume='4*gte(t,1)':eval=frame")
ENCODED = (*X264, "-g", "15", *AAC)

# How the file is made; when flash and beep come in the output.
TOLD: dict[str, tuple[str, tuple[str, ...], float]] = {
    "plain": ("a.mp4", (*FLASH, *BEEP, *ENCODED), 1),
    "both late": ("a.ts", ("-itsoffset", "10", *FLASH, "-itsoffset", "10", *BEEP, *ENCODED, "-copyts"), 1),
    "late picture": (
        "a.mkv",
        (*FLASH, *BEEP, "-vf", "trim=start=0.5,setpts=PTS", *ENCODED, "-fps_mode", "passthrough"),
        1,
    ),
    "late sound": ("a.mp4", (*FLASH, *BEEP, "-af", "atrim=start=0.7", *ENCODED), 1),
    "negative times": ("a.mp4", (*FLASH, *BEEP, *ENCODED, "-bf", "2", "-avoid_negative_ts", "disabled"), 1),
    "webm": ("a.webm", (*FLASH, *BEEP, "-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus"), 1),
    "avi": ("a.avi", (*FLASH, *BEEP, "-c:v", "mpeg4", "-bf", "2", "-c:a", "libmp3lame"), 1),
    "flv": ("a.flv", (*FLASH, *BEEP, *ENCODED), 1),
}


@pytest.mark.parametrize(("name", "arguments", "at_s"), TOLD.values(), ids=TOLD.keys())
def test_flash_and_beep_stay_together(
    workbench: Workbench, tmp_path: Path, name: str, arguments: tuple[str, ...], at_s: float
) -> None:
    source = tmp_path / name
    ffmpeg(*arguments, str(source))
    video = workbench.convert(source).video
    flash_s, beep_s = first_flash_s(video), first_beep_s(video)
    assert flash_s == pytest.approx(beep_s, abs=SYNC_TOLERANCE_S)
    assert flash_s == pytest.approx(at_s, abs=0.2)


def test_a_clip_that_was_trimmed_without_being_coded_anew_is_whole(workbench: Workbench, tmp_path: Path) -> None:
    """Most of what is stored leads up to the first frame that is shown."""
    whole, trimmed = tmp_path / "whole.mp4", tmp_path / "trimmed.mp4"
    ffmpeg(*FLASH, *BEEP, *X264, "-g", "300", *AAC, str(whole))
    ffmpeg("-ss", "2.2", "-i", str(whole), "-c", "copy", str(trimmed))
    assert workbench.convert(trimmed).facts.duration_s == pytest.approx(0.8, abs=0.1)


def test_an_edit_list_that_hides_the_start_is_obeyed(workbench: Workbench, tmp_path: Path) -> None:
    whole, edited = tmp_path / "whole.mp4", tmp_path / "edited.mp4"
    ffmpeg(*FLASH, *BEEP, *X264, "-g", "300", *AAC, str(whole))
    ffmpeg("-ss", "0.6", "-i", str(whole), "-c", "copy", str(edited))
    done = workbench.convert(edited)
    assert first_flash_s(done.video) == pytest.approx(0.4, abs=0.1)
    assert first_beep_s(done.video) == pytest.approx(0.4, abs=0.1)
    assert done.facts.duration_s == pytest.approx(2.4, abs=0.1)
