"""A clip that ends on a still picture, as a recording of a screen does, lasts as long as that stands; and a picture
that is held hides no damage."""

from pathlib import Path
from typing import Any

import av
import pytest

from anb.processing.failures import FailureCode, ProcessingFailed
from anb.processing.notices import Notice
from tests.media.factory import AAC, X264, ffmpeg, picture, tone
from tests.media.remux import changed
from tests.media.seen import frame
from tests.processing.conftest import Workbench

pytestmark = pytest.mark.slow


def _ticks(packet: Any, seconds: float) -> int:
    return round(seconds / float(packet.time_base))


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """Two seconds, sixty pictures in the order in which they are shown."""
    file = tmp_path / "drawn.mp4"
    ffmpeg(*picture(seconds=2), *X264, "-bf", "0", "-g", "15", str(file))
    return file


def _stands(packet: Any, seconds: float) -> None:
    packet.duration = _ticks(packet, seconds)


@pytest.mark.parametrize("wrapping", ["mp4", "mov"])
@pytest.mark.usefixtures("either_ffmpeg")
def test_a_still_picture_at_the_end_is_shown_as_long_as_it_stands(
    tmp_path: Path, drawn: Path, workbench: Workbench, wrapping: str
) -> None:
    target = tmp_path / f"still.{wrapping}"
    source = changed(drawn, target, "video", lambda at, packet: _stands(packet, 6) if at == 59 else None)
    done = workbench.convert(source)
    assert done.facts.duration_s == pytest.approx(59 / 30 + 6, abs=0.05)
    assert done.notices == ()
    early, late = frame(done.video, 2.5, (64, 36)), frame(done.video, 7.5, (64, 36))
    assert max(abs(one - other) for one, other in zip(early, late, strict=True)) < 20


OWN_TIMES = ("-fps_mode", "passthrough", "-enc_time_base:v", "1:90000", "-video_track_timescale", "90000")


def _told_by_its_index(file: Path, *more: str) -> Path:
    """Thirty pictures a second by its header, and a last one that stands for six seconds: ISO/IEC 14496-12's `stts`.

    The last picture comes a tick late, so that its length has a line of its own."""
    late = ("-vf", "settb=1/90000,setpts='N*3000+eq(N,59)'")
    ffmpeg(*picture(seconds=2), *more, *late, *X264, "-bf", "0", *OWN_TIMES, *AAC, str(file))
    data = bytearray(file.read_bytes())
    at = data.index(b"stts") + 8
    lines = int.from_bytes(data[at : at + 4], "big")
    data[at + 8 * lines : at + 8 * lines + 4] = (6 * 90_000).to_bytes(4, "big")
    file.write_bytes(data)
    return file


@pytest.mark.usefixtures("either_ffmpeg")
def test_a_length_that_only_the_last_picture_tells_is_kept(tmp_path: Path, workbench: Workbench) -> None:
    source = _told_by_its_index(tmp_path / "still.mp4")
    assert workbench.convert(source).facts.duration_s == pytest.approx(59 / 30 + 6, abs=0.05)


@pytest.mark.usefixtures("either_ffmpeg")
def test_a_still_picture_under_a_sound_is_no_shorter_than_it_stands(tmp_path: Path, workbench: Workbench) -> None:
    source = _told_by_its_index(tmp_path / "still.mp4", *tone(8))
    with av.open(str(workbench.convert(source).video)) as made:
        assert made.streams.video[0].frames == pytest.approx(239, abs=1)


@pytest.mark.usefixtures("either_ffmpeg")
def test_a_still_picture_is_held_for_half_a_minute_at_most(tmp_path: Path, drawn: Path, workbench: Workbench) -> None:
    source = changed(
        drawn, tmp_path / "still.mp4", "video", lambda at, packet: _stands(packet, 60) if at == 59 else None
    )
    assert workbench.convert(source).facts.duration_s == pytest.approx(30, abs=0.01)


def _slides(at: int, packet: Any, *, readable: bool) -> None:
    """Behind 1.8 seconds of motion six pictures stand for 1.5 seconds each."""
    if at < 54:
        return
    packet.pts = packet.dts = _ticks(packet, 1.8 + 1.5 * (at - 54))
    _stands(packet, 1.5)
    if not readable:
        memoryview(packet)[:] = bytes(packet.size)


def _in_slides(drawn: Path, *, readable: bool) -> Path:
    target = drawn.with_name(f"slides-{readable}.mp4")
    return changed(drawn, target, "video", lambda at, packet: _slides(at, packet, readable=readable))


def _damaged(workbench: Workbench, source: Path) -> ProcessingFailed:
    with pytest.raises(ProcessingFailed) as refused:
        workbench.convert(source)
    assert refused.value.code is FailureCode.DAMAGED
    return refused.value


@pytest.mark.usefixtures("either_ffmpeg")
def test_a_clip_of_which_only_a_part_can_be_decoded_is_damaged(
    tmp_path: Path, drawn: Path, workbench: Workbench
) -> None:
    """Few pictures, but most of the time; the last of them is not held in their place."""
    sound = _in_slides(drawn, readable=True)
    assert workbench.convert(sound).facts.duration_s == pytest.approx(10.8, abs=0.1)
    broken = _in_slides(drawn, readable=False)
    assert "it lasts" in _damaged(workbench, broken).log_detail


@pytest.mark.usefixtures("either_ffmpeg")
def test_a_sound_does_not_make_up_for_a_picture_that_is_lost(tmp_path: Path, workbench: Workbench) -> None:
    drawn = tmp_path / "heard.mp4"
    ffmpeg(*picture(seconds=2), *tone(11), *X264, "-bf", "0", "-g", "15", *AAC, str(drawn))
    sound = _in_slides(drawn, readable=True)
    assert workbench.convert(sound).facts.picture_s == pytest.approx(10.8, abs=0.1)
    broken = _in_slides(drawn, readable=False)
    assert "it lasts" in _damaged(workbench, broken).log_detail


@pytest.mark.usefixtures("either_ffmpeg")
def test_a_sound_may_go_on_for_longer_than_its_picture(tmp_path: Path, workbench: Workbench) -> None:
    source = tmp_path / "longer.mp4"
    ffmpeg(*picture(seconds=2), *tone(11), *X264, *AAC, str(source))
    done = workbench.convert(source)
    assert done.facts.picture_s == pytest.approx(2, abs=0.05)
    assert done.facts.duration_s == pytest.approx(11, abs=0.05)
    assert done.notices == ()


def _long_last(at: int, packet: Any) -> None:
    """Of sixty pictures the last stands for six seconds; most before it cannot be read, nor can it."""
    if at == 59:
        _stands(packet, 6)
    if at >= 22:
        memoryview(packet)[:] = bytes(packet.size)


@pytest.mark.usefixtures("either_ffmpeg")
def test_a_long_last_picture_does_not_make_up_for_what_is_lost(
    tmp_path: Path, drawn: Path, workbench: Workbench
) -> None:
    _damaged(workbench, changed(drawn, tmp_path / "broken.mp4", "video", _long_last))


@pytest.mark.parametrize("part", [0.8, 0.9])
@pytest.mark.usefixtures("either_ffmpeg")
def test_a_still_end_that_was_cut_off_is_told_of(
    tmp_path: Path, drawn: Path, workbench: Workbench, part: float
) -> None:
    still = changed(drawn, tmp_path / "still.mp4", "video", lambda at, packet: _stands(packet, 1) if at == 59 else None)
    data = still.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data[: int(len(data) * part)])
    done = workbench.convert(cut)
    assert done.facts.duration_s < 2
    assert done.notices == (Notice.ENDS_EARLY,)
