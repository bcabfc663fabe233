from pathlib import Path

import pytest

from anb.processing.convert import convert
from anb.processing.failures import FailureCode, ProcessingFailed
from anb.processing.limits import Limits
from tests.media.factory import AAC, X264, ffmpeg, picture, tone


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
