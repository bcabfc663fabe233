"""The probe's own eyes, in this process; elsewhere it runs caged."""

import itertools
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from anb.processing import probe_child
from anb.processing.probe_child import FRAME_TRIES_MAX, look_into
from tests.media.factory import X264, Samples, ffmpeg, picture, with_matrix
from tests.processing.conftest import Workbench

MAX_PIXELS = 40_000_000


def seen(file: Path, demuxer: str = "mov", max_pixels: int = MAX_PIXELS) -> dict[str, Any]:
    return look_into(str(file), demuxer, max_pixels, 32)


def test_an_ordinary_clip_is_described(samples: Samples) -> None:
    picture, sound = seen(samples["landscape.mp4"])["streams"]
    assert (picture["codec"], picture["packets"], picture["decoded"]) == ("h264", 30, True)
    assert (picture["width"], picture["height"], picture["frame"]["width"]) == (320, 240, 320)
    assert picture["intervals_s"]["mean"] == pytest.approx(1 / 30)
    assert (sound["codec"], sound["channels"], sound["layout"], sound["decoded"]) == ("aac", 1, "mono", True)


def test_turning_is_read_off_the_first_frame(samples: Samples, tmp_path: Path) -> None:
    turned = with_matrix(samples["silent.mp4"], tmp_path / "turned.mp4", (0, 1, -1, 0))
    assert seen(turned)["streams"][0]["frame"]["matrix"] == [0, 65536, -65536, 0]


def test_hdr_is_read_off_the_first_frame(samples: Samples) -> None:
    frame = seen(samples["hdr10.mp4"])["streams"][0]["frame"]
    assert (frame["transfer"], frame["primaries"], frame["pixel_format"]) == (16, 9, "yuv420p10le")


def test_an_oversized_picture_is_not_decoded(samples: Samples) -> None:
    picture = seen(samples["silent.mp4"], max_pixels=320 * 240 - 1)["streams"][0]
    assert (picture["decoded"], picture["width"], picture["packets"]) == (False, 320, 30)


def test_only_the_first_half_minute_is_read(samples: Samples) -> None:
    picture = seen(samples["longer.mp4"])["streams"][0]
    assert 310 <= picture["packets"] < 350


@pytest.mark.parametrize(("clock", "packets"), [("monotonic", 30), ("process_time", 0)])
def test_what_stood_still_while_it_was_read_is_read_to_its_end_but_work_is_bounded(
    samples: Samples, monkeypatch: pytest.MonkeyPatch, clock: str, packets: int
) -> None:
    """Each look at the clock finds it a minute on."""
    leaps = itertools.count(0.0, 60.0)
    clocks = {"monotonic": lambda: 0.0, "process_time": lambda: 0.0, clock: lambda: next(leaps)}
    monkeypatch.setattr(probe_child, "time", SimpleNamespace(**clocks))
    assert seen(samples["landscape.mp4"])["streams"][0]["packets"] == packets


def test_a_single_frame_is_fetched_out_of_the_decoder(samples: Samples) -> None:
    assert seen(samples["one-frame.mp4"])["streams"][0]["decoded"]


@pytest.mark.parametrize("name", ["noise.mp4", "cut-without-index.mp4", "playlist.mp4"])
def test_what_cannot_be_opened_is_an_answer_too(samples: Samples, name: str) -> None:
    assert set(seen(samples[name])) == {"error"}


def test_a_cut_file_is_told_as_far_as_it_goes(samples: Samples) -> None:
    picture = seen(samples["cut-but-usable.mp4"])["streams"][0]
    assert 30 < picture["packets"] < 120


def test_a_header_alone_has_no_packets(samples: Samples) -> None:
    (picture,) = seen(samples["header-only.mp4"])["streams"]
    assert (picture["packets"], picture["decoded"], picture["first_s"]) == (0, False, None)


def test_the_answer_is_one_json_object(samples: Samples, capsys: pytest.CaptureFixture[str]) -> None:
    assert probe_child.main(["/nowhere", "mov", str(samples["silent.mp4"]), str(MAX_PIXELS), "32"]) == 0
    assert json.loads(capsys.readouterr().out)["complaint"] is None


def test_a_sound_with_a_number_for_a_tag_is_no_obstacle(samples: Samples) -> None:
    """An AVI calls AAC 0x00FF, which is no letter."""
    picture, sound = seen(samples["aac.avi"], "avi")["streams"]
    assert (picture["codec"], sound["codec"], sound["codec_tag"]) == ("mpeg4", "aac", None)


def test_a_title_in_an_old_alphabet_is_no_obstacle(samples: Samples, tmp_path: Path) -> None:
    odd = tmp_path / "odd.mov"
    odd.write_bytes(samples["tagged.mov"].read_bytes().replace(b"SecretTitle", b"Secr\xe9tTitl\xf1"))
    assert seen(odd)["streams"][0]["decoded"]


@pytest.fixture(scope="session")
def rare_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of eight seconds, whose key pictures are five seconds apart."""
    file = tmp_path_factory.mktemp("keys") / "whole.ts"
    ffmpeg(*picture(seconds=8), *X264, "-g", "150", "-x264opts", "scenecut=0", str(file))
    return file


def _from(whole: Path, target: Path, part: float) -> Path:
    data = whole.read_bytes()
    target.write_bytes(data[int(len(data) * part) // 188 * 188 :])
    return target


def test_a_recording_that_was_cut_in_two_starts_at_its_first_key_picture(
    rare_keys: Path, tmp_path: Path, workbench: Workbench
) -> None:
    """Four seconds before it nothing can be decoded."""
    cut = _from(rare_keys, tmp_path / "cut.ts", 0.1)
    (stream,) = seen(cut, "mpegts")["streams"]
    assert stream["decoded"]
    assert stream["begins_amid"]
    assert workbench.convert(cut).facts.duration_s == pytest.approx(3, abs=0.05)


@pytest.mark.parametrize(
    ("key_at", "tried"), [(None, FRAME_TRIES_MAX), (0, FRAME_TRIES_MAX), (50, 50 + FRAME_TRIES_MAX), (200, 180)]
)
def test_a_picture_that_never_comes_is_not_waited_for(key_at: int | None, tried: int) -> None:
    tries = []

    class Packet:
        is_discard = False
        pts = dts = duration = None

        def __init__(self, at: int) -> None:
            self.is_keyframe = at == key_at

        def decode(self) -> list[Any]:
            tries.append(self)
            return []

    context = SimpleNamespace(is_open=True, width=64, height=48)
    watcher = probe_child._Watcher(
        SimpleNamespace(type="video", time_base=None, disposition=(), codec_context=context),
        MAX_PIXELS,
        hides_before_zero=False,
    )
    for at in range(1000):
        watcher.see(Packet(at))
    assert len(tries) == tried
