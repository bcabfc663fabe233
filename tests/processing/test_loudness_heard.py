"""A sound comes out as loud as it was, and never louder than there is room for."""

import array
import sys
from pathlib import Path

import pytest

from tests.media.factory import AAC, X264, ffmpeg, picture
from tests.processing.conftest import Workbench

pytestmark = pytest.mark.slow

HEARD: dict[str, tuple[str, tuple[float, ...], tuple[str, ...], float]] = {
    "a quiet voice": ("mono", (0.25,), AAC, 0.25),
    "stereo": ("stereo", (0.25, 0.25), AAC, 0.25),
    "the front of 5.1": ("5.1", (0.25, 0.25, 0, 0, 0, 0), AAC, 0.25),
    "all of 5.1, quietly": ("5.1", (0.1, 0.1, 0.1, 0, 0.1, 0.1), AAC, 0.24),
    "all of 5.1, loudly": ("5.1", (0.8, 0.8, 0.8, 0, 0.8, 0.8), AAC, 0.89),
    "all of 5.1 on a disc": ("5.1(side)", (0.8, 0.8, 0.8, 0, 0.8, 0.8), ("-c:a", "ac3", "-b:a", "448k"), 0.89),
    "all of 7.1, loudly": ("7.1", (0.8, 0.8, 0.8, 0, 0.8, 0.8, 0.8, 0.8), AAC, 0.89),
}


@pytest.mark.parametrize(("layout", "levels", "codec", "heard"), HEARD.values(), ids=HEARD)
@pytest.mark.usefixtures("either_ffmpeg")
def test_a_sound_is_as_loud_as_it_was(
    tmp_path: Path, workbench: Workbench, layout: str, levels: tuple[float, ...], codec: tuple[str, ...], heard: float
) -> None:
    waves = "|".join(f"{level}*sin(2*PI*600*t)" for level in levels)
    source = tmp_path / "source.mkv"
    sound = ("-f", "lavfi", "-i", f"aevalsrc=exprs='{waves}':s=48000:d=1:c={layout}")
    ffmpeg(*picture(), *sound, *X264, *codec, str(source))
    assert _peak(workbench.convert(source).video) == pytest.approx(heard, rel=0.06)


QUIET = {
    "mono": ("mono", (0.25,), 0.25),
    "stereo": ("stereo", (0.25, 0.25), 0.25),
    "the front of 5.1": ("5.1", (0.25, 0.25, 0, 0, 0, 0), 0.25),
    "all of 5.1": ("5.1", (0.1, 0.1, 0.1, 0, 0.1, 0.1), 0.24),
}


@pytest.mark.parametrize(("layout", "levels", "heard"), QUIET.values(), ids=QUIET)
@pytest.mark.usefixtures("either_ffmpeg")
def test_so_is_each_part_of_one_that_changes(
    tmp_path: Path, workbench: Workbench, layout: str, levels: tuple[float, ...], heard: float
) -> None:
    source = tmp_path / "source.ts"
    with source.open("wb") as file:
        for at_s, (of, channels) in enumerate((("3.0", (0.1, 0.1, 0)), (layout, levels))):
            piece = tmp_path / f"{at_s}.ts"
            waves = "|".join(f"{level}*sin(2*PI*600*t)" for level in channels)
            sound = ("-f", "lavfi", "-i", f"aevalsrc=exprs='{waves}':s=48000:d=1:c={of}")
            ffmpeg(*picture(), *sound, *X264, *AAC, "-output_ts_offset", str(at_s), str(piece))
            file.write(piece.read_bytes())
    assert _peak(workbench.convert(source).video, 1.3) == pytest.approx(heard, rel=0.06)


def test_channels_in_an_odd_order_are_heard(tmp_path: Path, workbench: Workbench) -> None:
    """A QuickTime file may name each: PyAV's library died of it."""
    waves = "|".join(["0.25*sin(2*PI*600*t)"] * 2 + ["0"] * 6)
    source = tmp_path / "source.mov"
    sound = ("-f", "lavfi", "-i", f"aevalsrc=exprs='{waves}':s=48000:d=1:c=7.1")
    ffmpeg(*picture(), *sound, *X264, "-c:a", "pcm_s16le", str(source))
    assert _peak(workbench.convert(source).video) == pytest.approx(0.25, rel=0.06)


def _peak(video: Path, at_s: float = 0.2) -> float:
    """Past its begin, where a coder is still finding its way."""
    pcm = array.array("f")
    pcm.frombytes(ffmpeg("-i", str(video), "-ss", str(at_s), "-t", "0.6", "-f", "f32le", "-"))
    if sys.byteorder == "big":
        pcm.byteswap()
    return max(abs(level) for level in pcm)
