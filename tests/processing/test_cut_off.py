"""Files that end before they say they do, by the sizes in their wrapping."""

from pathlib import Path

import av
import pytest

from anb.processing.cut_off import ends_early, lacks_its_end
from anb.processing.failures import FailureCode, ProcessingFailed
from anb.processing.inspection import inspect
from anb.processing.limits import Limits
from anb.processing.notices import Notice
from anb.videos.sniff import Container
from tests.media.factory import AAC, FRAGMENTS, X264, ffmpeg, picture, tone
from tests.processing.conftest import Workbench

EBML = b"\x1a\x45\xdf\xa3\x84" + bytes(4)
SEGMENT = b"\x18\x53\x80\x67"
HERE, ISO = Container.MATROSKA, Container.MP4


def _box(name: bytes, length: int, there: int | None = None) -> bytes:
    return (length.to_bytes(4, "big") + name).ljust(length if there is None else there, b"\0")


@pytest.mark.parametrize(
    ("container", "data", "early"),
    [
        (ISO, _box(b"ftyp", 24) + _box(b"mdat", 100), False),
        (ISO, _box(b"ftyp", 24) + _box(b"mdat", 100, 99), True),
        (ISO, _box(b"ftyp", 24) + _box(b"mdat", 0, 50), False),
        (ISO, _box(b"ftyp", 24) + _box(b"mdat", 3, 50), False),
        (ISO, _box(b"ftyp", 24) + b"\0\0\0\1mdat" + (60).to_bytes(8, "big") + bytes(44), False),
        (ISO, _box(b"ftyp", 24) + b"\0\0\0\1mdat" + (61).to_bytes(8, "big") + bytes(44), True),
        (ISO, _box(b"ftyp", 24) + b"\0\0", False),
        (ISO, _box(b"mdat", 24) + _box(b"free", 100, 99), False),
        (ISO, _box(b"mdat", 24) + b"\x7f\xff\0\x0aSEFH", False),
        (ISO, _box(b"mdat", 24) + _box(b"moof", 100, 99), True),
        (HERE, EBML + SEGMENT + b"\x8a" + bytes(10), False),
        (HERE, EBML + SEGMENT + b"\x8a" + bytes(9), True),
        (HERE, EBML + SEGMENT + b"\x40\x0a" + bytes(9), True),
        (HERE, EBML + SEGMENT + b"\x01" + b"\xff" * 7 + bytes(9), False),
        (HERE, EBML + SEGMENT + b"\xff" + bytes(9), False),
        (HERE, EBML + SEGMENT, False),
        (HERE, EBML + b"\0" * 20, False),
        (HERE, b"\x1a\x45\xdf\xa3", False),
        (Container.AVI, b"RIFF" + (20).to_bytes(4, "little") + bytes(20), False),
        (Container.AVI, b"RIFF" + (20).to_bytes(4, "little") + bytes(12), False),
        (Container.AVI, b"RIFF" + (20).to_bytes(4, "little") + bytes(11), True),
        (Container.MPEG_TS, b"G" * 50, False),
    ],
)
def test_the_end_is_compared_with_the_size_that_the_wrapping_states(
    tmp_path: Path, container: Container, data: bytes, early: bool
) -> None:
    file = tmp_path / "file"
    file.write_bytes(data)
    assert ends_early(file, container) is early


MDAT, MOOF = _box(b"mdat", 100, 99), _box(b"moof", 24) + _box(b"mdat", 100, 99)
CUT_AVI = b"RIFF" + (20).to_bytes(4, "little") + bytes(11)


@pytest.mark.parametrize(
    ("container", "data", "there_s", "declared_s", "lacks"),
    [
        (ISO, MDAT, 5, 8, True),
        (ISO, MDAT, 7.8, 8, False),
        (ISO, MDAT, 5, None, True),
        (ISO, MOOF, 5, 5, True),
        (ISO, _box(b"mdat", 100), 5, 8, False),
        (HERE, EBML + SEGMENT + b"\x8a" + bytes(9), 5, 8, True),
        (HERE, EBML + SEGMENT + b"\x8a" + bytes(9), 8, 8, False),
        (Container.AVI, CUT_AVI, 5, 5, True),
        (Container.AVI, CUT_AVI, 29, 60, False),
        (ISO, MOOF, 29, 60, False),
        (HERE, EBML + SEGMENT + b"\x8a" + bytes(9), 28.9, 60, True),
    ],
)
def test_an_end_is_missing_where_there_was_more_to_see(
    tmp_path: Path, container: Container, data: bytes, there_s: float, declared_s: float | None, lacks: bool
) -> None:
    file = tmp_path / "file"
    file.write_bytes(data)
    assert lacks_its_end(file, container, there_s=there_s, declared_s=declared_s) is lacks


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds in each wrapping."""
    folder = tmp_path_factory.mktemp("whole")
    drawing = (*picture(seconds=4), *tone(4), *X264, *AAC)
    ffmpeg(*drawing, "-movflags", "faststart", str(folder / "index-first.mp4"))
    ffmpeg(*drawing, str(folder / "index-last.mp4"))
    ffmpeg(*drawing, *FRAGMENTS, "-frag_duration", "500000", str(folder / "fragments.mp4"))
    ffmpeg(*drawing, str(folder / "clip.mkv"))
    ffmpeg(*drawing, str(folder / "clip.avi"))
    return folder


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("index-first.mp4", 0.05),
        ("index-first.mp4", 0.3),
        ("index-last.mp4", 0.5),
        ("index-last.mp4", 0.99),
        ("clip.mkv", 0.2),
    ],
)
def test_a_clip_of_which_most_is_missing_is_cut_off(
    whole: Path, tmp_path: Path, workbench: Workbench, name: str, part: float
) -> None:
    with pytest.raises(ProcessingFailed) as refused:
        workbench.convert(_cut(whole / name, tmp_path, part))
    assert refused.value.code is FailureCode.CUT_OFF


@pytest.mark.parametrize("name", ["index-first.mp4", "clip.mkv", "clip.avi"])
def test_a_clip_of_which_most_is_there_is_published(
    whole: Path, tmp_path: Path, workbench: Workbench, name: str
) -> None:
    cut = _cut(whole / name, tmp_path, 0.8)
    done = workbench.convert(cut)
    assert done.facts.duration_s > 2
    assert done.notices == (Notice.ENDS_EARLY,)
    assert inspect(cut, Limits()).breaks_off


INDEX = {"clip.avi": b"idx1", "clip.mkv": b"\x1c\x53\xbb\x6b", "fragments.mp4": b"mfra"}


@pytest.mark.parametrize("name", INDEX)
def test_an_index_alone_is_no_missing_end(whole: Path, tmp_path: Path, workbench: Workbench, name: str) -> None:
    data = (whole / name).read_bytes()
    cut = _cut(whole / name, tmp_path, (data.rindex(INDEX[name]) + 10) / len(data))
    assert workbench.convert(cut).notices == ()
    assert not inspect(cut, Limits()).breaks_off


def test_a_fragment_that_was_cut_is_not_called_damage(whole: Path, tmp_path: Path, workbench: Workbench) -> None:
    source = whole / "fragments.mp4"
    last_index = source.read_bytes().rindex(b"moof")
    with pytest.raises(ProcessingFailed) as refused:
        workbench.convert(_cut(source, tmp_path, (last_index + 36) / source.stat().st_size))
    assert refused.value.code is FailureCode.CUT_OFF


def test_a_sound_that_is_whole_hides_no_missing_picture(whole: Path, tmp_path: Path, workbench: Workbench) -> None:
    """Some writers put all of the one before the other."""
    source = tmp_path / "sound-first.mp4"
    at_once = {"movflags": "faststart", "max_interleave_delta": "1"}
    with av.open(str(whole / "index-first.mp4")) as read, av.open(str(source), "w", options=at_once) as made:
        tracks = {track.index: made.add_stream_from_template(track) for track in read.streams}
        packets = [packet for packet in read.demux() if packet.dts is not None]
        for packet in sorted(packets, key=lambda packet: packet.stream.type):
            packet.stream = tracks[packet.stream_index]
            made.mux(packet)
    done = workbench.convert(_cut(source, workbench.folder, 0.8))
    assert done.facts.picture_s < 3.7
    assert done.facts.duration_s == pytest.approx(4, abs=0.1)
    assert done.notices == (Notice.ENDS_EARLY,)


def _cut(source: Path, into: Path, part: float) -> Path:
    data = source.read_bytes()
    target = into / source.name
    target.write_bytes(data[: int(len(data) * part)])
    return target
