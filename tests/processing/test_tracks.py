from pathlib import Path
from typing import Any

import pytest

from anb.processing.convert import convert
from anb.processing.failures import FailureCode, ProcessingFailed
from anb.processing.limits import Limits
from tests.media.factory import AAC, X264, ffmpeg, picture, tone
from tests.media.remux import changed
from tests.processing.conftest import Workbench


@pytest.mark.parametrize(("tracks", "container"), [(33, "mp4"), (33, "mkv"), (300, "mp4")])
def test_a_file_with_too_many_tracks_is_refused_and_not_read_in_part(
    tmp_path: Path, tracks: int, container: str
) -> None:
    file = tmp_path / f"many.{container}"
    sounds = ("-map", "1") * (tracks - 1)
    ffmpeg(*picture(seconds=0.2), *tone(0.2), "-map", "0", *sounds, *X264, *AAC, str(file))
    with pytest.raises(ProcessingFailed) as raised:
        convert(file, tmp_path, Limits(), on_progress=lambda _: None)
    assert raised.value.code is FailureCode.TOO_MANY_TRACKS


def _ruin(at: int, packet: Any) -> None:
    """All but the first packets."""
    if at >= 5:
        memoryview(packet)[:] = bytes(byte ^ 0x55 for byte in bytes(packet))


@pytest.mark.parametrize("codec", ["libvorbis", "flac", "ac3"])
@pytest.mark.usefixtures("either_ffmpeg")
def test_a_sound_of_which_most_cannot_be_decoded_does_not_damage_a_fine_picture(
    tmp_path: Path, workbench: Workbench, codec: str
) -> None:
    whole = tmp_path / "whole.mkv"
    ffmpeg(*picture(rate="10", seconds=3), *tone(3), *X264, "-c:a", codec, str(whole))
    done = workbench.convert(changed(whole, tmp_path / "ruined.mkv", "audio", _ruin))
    assert done.facts.duration_s == pytest.approx(3, abs=0.1)
    assert done.facts.has_audio
