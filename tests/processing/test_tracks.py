from pathlib import Path

import av
import pytest

from anb.processing.convert import convert
from anb.processing.failures import FailureCode, ProcessingFailed
from anb.processing.limits import Limits
from tests.media.factory import AAC, X264, ffmpeg, picture, tone
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


def _ruin_the_sound(source: Path, target: Path, *, readable: int) -> Path:
    """All but its first packets."""
    with av.open(str(source)) as whole, av.open(str(target), "w") as made:
        tracks = {track.index: made.add_stream_from_template(track) for track in whole.streams}
        at = 0
        for packet in whole.demux():
            if packet.dts is None:
                continue
            if packet.stream.type == "audio":
                at += 1
                if at > readable:
                    memoryview(packet)[:] = bytes(byte ^ 0x55 for byte in bytes(packet))
            packet.stream = tracks[packet.stream_index]
            made.mux(packet)
    return target


@pytest.mark.parametrize("codec", ["libvorbis", "flac", "ac3"])
@pytest.mark.usefixtures("either_ffmpeg")
def test_a_sound_of_which_most_cannot_be_decoded_does_not_damage_a_fine_picture(
    tmp_path: Path, workbench: Workbench, codec: str
) -> None:
    whole = tmp_path / "whole.mkv"
    ffmpeg(*picture(rate="10", seconds=3), *tone(3), *X264, "-c:a", codec, str(whole))
    done = workbench.convert(_ruin_the_sound(whole, tmp_path / "ruined.mkv", readable=5))
    assert done.facts.duration_s == pytest.approx(3, abs=0.1)
    assert done.facts.has_audio
