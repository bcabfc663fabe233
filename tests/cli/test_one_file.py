from pathlib import Path

import pytest

from tests.cli.conftest import Anb
from tests.media.factory import Samples


def test_a_file_becomes_house_format_with_a_poster_beside_it(anb: Anb, samples: Samples, folder: Path) -> None:
    answer = anb("process", samples["landscape.mp4"], "-o", "house.mp4", "--json")
    assert answer.exit_code == 0
    told = answer.json
    assert (told["output"], told["poster"]) == ("house.mp4", "house.poster.jpg")
    assert (told["width"], told["height"], told["video_codec"], told["faststart"]) == (1280, 720, "h264", True)
    assert sorted(path.name for path in folder.iterdir()) == ["house.mp4", "house.poster.jpg"]
    assert anb("inspect", "house.mp4", "--json").json["keeps_house_format"]


def test_a_person_sees_progress_and_where_the_result_is(anb: Anb, samples: Samples) -> None:
    answer = anb("process", samples["silent.mp4"], "-o", "house.mp4")
    assert answer.exit_code == 0
    assert "Processing: 100 %" in answer.out
    assert answer.out.endswith("house.mp4\nhouse.poster.jpg\n")


@pytest.mark.parametrize(("name", "code"), [("playlist.mp4", "not_a_video"), ("sound-only.mp4", "no_picture")])
def test_what_cannot_be_processed_exits_with_1_and_leaves_nothing(
    anb: Anb, samples: Samples, folder: Path, name: str, code: str
) -> None:
    answer = anb("process", samples[name], "-o", "house.mp4", "--json")
    assert answer.exit_code == 1
    assert answer.json["code"] == code
    assert list(folder.iterdir()) == []


def test_a_person_reads_why_a_file_cannot_be_processed(anb: Anb, samples: Samples) -> None:
    answer = anb("process", samples["empty.mp4"], "-o", "house.mp4")
    assert answer.exit_code == 1
    assert "The file is empty" in answer.err


def test_an_inspected_phone_clip_may_be_uploaded_and_is_not_house_format(anb: Anb, samples: Samples) -> None:
    answer = anb("inspect", samples["tagged.mov"])
    assert answer.exit_code == 0
    assert "It is: mov, h264 320x240" in answer.out
    assert "May be uploaded: yes" in answer.out
    assert "Keeps the house format: no\n  - " in answer.out
    assert "it carries metadata" in answer.out


def test_an_inspected_file_that_breaks_off_says_so(anb: Anb, samples: Samples, folder: Path) -> None:
    whole, cut = samples["sound-and-picture.mkv"].read_bytes(), folder / "cut.mkv"
    assert "breaks off" not in anb("inspect", samples["sound-and-picture.mkv"]).out
    cut.write_bytes(whole[: len(whole) * 3 // 4])
    answer = anb("inspect", cut)
    assert answer.exit_code == 0
    assert "May be uploaded: yes\nIt breaks off" in answer.out


def test_an_inspected_script_may_not_be_uploaded(anb: Anb, samples: Samples) -> None:
    answer = anb("inspect", samples["script.mp4"])
    assert answer.exit_code == 1
    assert "May be uploaded: no. The file is not a video" in answer.out


def test_inspection_for_programs_holds_all_facts(anb: Anb, samples: Samples) -> None:
    answer = anb("inspect", samples["wide-pixels.mp4"], "--json")
    assert answer.json["refusal"] is None
    assert answer.json["facts"]["pixel_aspect"] == "16/11"
    assert answer.json["facts"]["fps"] == 25


def test_a_file_over_the_size_limit_may_not_be_uploaded(
    anb: Anb, samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANB_MAX_UPLOAD_BYTES", "1000")
    answer = anb("inspect", samples["landscape.mp4"], "--json")
    assert answer.exit_code == 1
    assert answer.json["refusal"]["code"] == "video_too_large"
