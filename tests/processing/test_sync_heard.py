"""A flash and a beep at the same moment of the source stay together, however the file tells its times."""

from pathlib import Path

import pytest

from anb.processing.house_format import SYNC_TOLERANCE_S
from tests.media.factory import AAC, X264, ffmpeg
from tests.media.seen import first_beep_s, first_flash_s
from tests.processing.conftest import Workbench

pytestmark = pytest.mark.slow

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
    "few pictures at odd times": (
        "a.mp4",
        (
            *FLASH,
            *BEEP,
            "-vf",
            "select='eq(n,0)+eq(n,12)+eq(n,30)+eq(n,45)+eq(n,58)+eq(n,89)'",
            *ENCODED,
            "-fps_mode",
            "vfr",
        ),
        1,
    ),
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


@pytest.mark.parametrize("every_s", [0.5, 1.5, 2.5])
@pytest.mark.usefixtures("either_ffmpeg")
def test_slides_come_with_their_sound(workbench: Workbench, tmp_path: Path, every_s: float) -> None:
    """They may be fewer than one a second, and the last of them stands, by its file, for one thirtieth."""
    source = tmp_path / "slides.mp4"
    flash, beep = (part.replace("gte(t,1)", "gte(t,7.5)").replace("d=3", "d=7.6") for part in (FLASH[-1], BEEP[-1]))
    slides = f"{flash},select='not(mod(n,{round(every_s * 30)}))'"
    ffmpeg(*FLASH[:-1], slides, *BEEP[:-1], beep, *ENCODED, "-fps_mode", "vfr", str(source))
    video = workbench.convert(source).video
    assert first_flash_s(video) == pytest.approx(7.5, abs=0.05)
    assert first_beep_s(video) == pytest.approx(7.5, abs=0.05)


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


OPEN = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=30:min-keyint=30")
CUT_IN_TWO = {"closed": (*X264, "-g", "30"), "open": OPEN, "of a disc": ("-c:v", "mpeg2video", "-g", "30", "-bf", "2")}


@pytest.mark.parametrize("codec", CUT_IN_TWO.values(), ids=CUT_IN_TWO)
@pytest.mark.usefixtures("either_ffmpeg")
def test_a_recording_that_was_cut_in_two_moves_from_its_start_and_keeps_time(
    workbench: Workbench, tmp_path: Path, codec: tuple[str, ...]
) -> None:
    """Neither grey, nor still up to the first picture that can be decoded; that one is at a whole second."""
    source = tmp_path / "cut.ts"
    flash, beep = (part.replace("gte(t,1)", "gte(t,2.4)") for part in (FLASH[-1], BEEP[-1]))
    ffmpeg(*FLASH[:-1], flash, *BEEP[:-1], beep, *codec, *AAC, str(source))
    packets = source.read_bytes()
    source.write_bytes(packets[int(len(packets) * 0.2) // 188 * 188 :])
    video = workbench.convert(source).video
    flash_s = first_flash_s(video)
    assert min(abs(flash_s - at) for at in (0.4, 1.4)) < 0.05
    assert first_beep_s(video) == pytest.approx(flash_s, abs=0.06)


@pytest.mark.parametrize("late_s", ["0", "0.5"])
@pytest.mark.usefixtures("either_ffmpeg")
def test_an_edit_without_a_length_goes_on_to_the_end(workbench: Workbench, tmp_path: Path, late_s: str) -> None:
    """Of a writer that did not know yet how long the recording would be."""
    source = tmp_path / "open.mp4"
    ffmpeg(*FLASH, "-itsoffset", late_s, *BEEP, *ENCODED, "-bf", "2", str(source))
    _open_the_edits(source)
    video = workbench.convert(source).video
    assert first_flash_s(video) == pytest.approx(1, abs=0.05)
    assert first_beep_s(video) == pytest.approx(1 + float(late_s), abs=0.05)


@pytest.mark.usefixtures("either_ffmpeg")
def test_what_an_edit_without_a_length_hides_stays_hidden(workbench: Workbench, tmp_path: Path) -> None:
    """Its player cut it off."""
    whole, source = tmp_path / "whole.mp4", tmp_path / "open.mp4"
    ffmpeg(*FLASH, *BEEP, *X264, "-bf", "2", "-g", "300", *AAC, str(whole))
    ffmpeg("-ss", "0.6", "-i", str(whole), "-c", "copy", str(source))
    _open_the_edits(source)
    done = workbench.convert(source)
    assert done.notices == ()
    assert first_flash_s(done.video) == pytest.approx(0.4, abs=0.05)
    assert first_beep_s(done.video) == pytest.approx(0.4, abs=0.05)
    assert done.facts.duration_s == pytest.approx(2.4, abs=0.1)


def _open_the_edits(file: Path) -> None:
    data = bytearray(file.read_bytes())
    at = data.find(b"elst")
    while at > 0:
        last = at + 12 * int.from_bytes(data[at + 8 : at + 12], "big")
        data[last : last + 4] = bytes(4)
        at = data.find(b"elst", at + 1)
    file.write_bytes(data)
