"""Motion stays even: of a rate that is halved the same frames are left throughout, whatever the clock is like."""

import itertools
from pathlib import Path

import pytest

from tests.media.factory import X264, ffmpeg
from tests.processing.conftest import Workbench

pytestmark = pytest.mark.slow

STEP, ROUND = 2, 280
"""A white bar goes on by so many pixels with each frame of the source, and begins again. The first frame is 1."""

VP8 = ("-c:v", "libvpx", "-deadline", "realtime", "-b:v", "4M")
OWN_TIMES = ("-fps_mode", "passthrough", "-enc_time_base:v", "1:90000", "-video_track_timescale", "90000")


def _moving(file: Path, rate: str, seconds: float, more: tuple[str, ...]) -> Path:
    drawing = (
        f"color=black:s=320x180:r={rate}:d={seconds}[ground];color=white:s=8x180:r={rate}:d={seconds}[bar];"
        f"[ground][bar]overlay=x='mod(n*{STEP},{ROUND})':shortest=1"
    )
    ffmpeg("-f", "lavfi", "-i", drawing, "-pix_fmt", "yuv420p", *more, str(file))
    return file


def _times(expression: str) -> tuple[str, ...]:
    return ("-vf", f"settb=1/90000,setpts='{expression}'", *X264, "-bf", "0", *OWN_TIMES)


def _shown(video: Path) -> list[int]:
    """Which of the source's frames each frame is, modulo a round."""
    row = "crop=1280:2:0:100,scale=1280:1:flags=area,format=gray"
    grey = ffmpeg("-i", str(video), "-vf", row, "-fps_mode", "passthrough", "-f", "rawvideo", "-")
    lines = [grey[at : at + 1280] for at in range(0, len(grey), 1280)]
    return [round(next(x for x, level in enumerate(line) if level > 128) / (4 * STEP)) for line in lines]


def _steps(shown: list[int]) -> set[int]:
    return {(later - earlier) % (ROUND // STEP) for earlier, later in itertools.pairwise(shown)}


JITTER = "(random(0)-0.5)*180*gt(N,0)"
"""A millisecond, as of a phone whose clock is a computer's."""

# File, rate, seconds, what more FFmpeg is told; the steps from frame to frame.
EVEN: dict[str, tuple[str, str, float, tuple[str, ...], set[int]]] = {
    "60 on a clock of milliseconds": ("a.webm", "60", 2, VP8, {2}),
    "60 in an FLV": ("a.flv", "60", 2, X264, {2}),
    "60 that waver": ("a.mp4", "60", 2, _times(f"N*1500+{JITTER}"), {2}),
    "120 on a clock of milliseconds": ("a.mkv", "120", 1, X264, {4}),
    "59.94 on a clock of milliseconds": ("a.mkv", "60000/1001", 20, X264, {2}),
    "a phone's 59.97, which wavers": ("a.mp4", "60", 30, _times(f"N*90000/59.97+{JITTER}"), {2}),
    "a phone's 59.98 in an MKV": ("a.mkv", "59.98", 30, X264, {2}),
    "30 and then 60": ("a.mp4", "60", 2, _times(f"if(lt(N,30),N*3000,45000+N*1500)+{JITTER}"), {1, 2}),
    "exactly 60": ("a.mp4", "60", 1, X264, {2}),
    "exactly 120": ("a.mp4", "120", 1, X264, {4}),
    "exactly 90": ("a.mp4", "90", 1, X264, {3}),
    "30 that waver": ("a.mp4", "30", 2, _times(f"N*3000+{JITTER}"), {1}),
    "24 on a clock of milliseconds": ("a.mkv", "24", 2, X264, {1}),
    "50": ("a.mp4", "50", 2, X264, {1, 2}),
}


@pytest.mark.parametrize(("name", "rate", "seconds", "more", "steps"), EVEN.values(), ids=EVEN)
@pytest.mark.usefixtures("either_ffmpeg")
def test_motion_is_even(
    tmp_path: Path, workbench: Workbench, name: str, rate: str, seconds: float, more: tuple[str, ...], steps: set[int]
) -> None:
    assert _steps(_shown(workbench.convert(_moving(tmp_path / name, rate, seconds, more)).video)) == steps


@pytest.mark.parametrize("name", ["a.webm", "a.mp4"])
@pytest.mark.usefixtures("either_ffmpeg")
def test_halved_frames_are_not_late(tmp_path: Path, workbench: Workbench, name: str) -> None:
    """Times are moved so that rounding finds the frame that belongs there, not so that it comes later."""
    more = VP8 if name == "a.webm" else X264
    shown = _shown(workbench.convert(_moving(tmp_path / name, "60", 1, more)).video)
    assert shown == list(range(1, 61, 2))
