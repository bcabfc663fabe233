import uuid
from pathlib import Path

import httpx2
import pytest

from anb.commands import demo_clip
from anb.commands.demo_server import DemoError, claim_folder, prepare_folder
from anb.commands.demo_story import download
from anb.embedded import only_process
from anb.processing.inspection import inspect
from anb.processing.limits import Limits
from tests.cli.conftest import Anb, Running
from tests.media.factory import Samples

PROMISED = {
    "video_id", "status", "duration_s", "width", "height", "video_codec", "fps", "faststart", "votes", "position",
    "elapsed_s",
}  # fmt: skip


def test_the_whole_job_from_an_empty_folder(real_anb: Anb, samples: Samples, folder: Path) -> None:
    """Twice: what the first demo left does not stand in the way of the second. On a machine of another contest, of
    whose media the demo's own sweep finds no row."""
    theirs = folder / "theirs" / "processed" / f"{uuid.uuid4()}.1.mp4"
    theirs.parent.mkdir(parents=True)
    theirs.touch()
    others = {"ANB_MEDIA_FALLBACK": str(folder / "theirs"), "ANB_DATABASE_READ_URL": "postgresql://replica/anb",
              "ANB_ACCEL_PREFIX": "/stored"}  # fmt: skip
    for _ in range(2):
        answer = real_anb("demo", "--json", "--video", samples["portrait.mp4"], **others)
        assert answer.exit_code == 0, answer.err
        told = answer.json
        assert set(told) >= PROMISED
        assert (told["status"], told["votes"], told["position"]) == ("completed", 2, 1)
        assert (told["width"], told["height"], told["video_codec"], told["faststart"]) == (1280, 720, "h264", True)
    assert "Triples desde la 80" in answer.err  # the ranking, for people
    assert "Processing: 100 %" in answer.err
    assert (folder / "demo-output" / "processed.mp4").exists()
    assert (folder / "demo-output" / "poster.jpg").read_bytes().startswith(b"\xff\xd8")
    assert theirs.exists()


def test_a_running_contest_is_joined_and_left_running(
    real_anb: Anb, anb: Anb, samples: Samples, running: Running, folder: Path
) -> None:
    answer = real_anb("demo", "--base-url", f"{running.url}/", "--video", samples["portrait.mp4"])
    assert answer.exit_code == 0, answer.out + answer.err
    assert "Ana may not vote for her own video" in answer.out
    assert f"served as {running.url}/media/processed/" in answer.out
    assert running.child.poll() is None

    refused = anb("demo", "--base-url", running.url, "--video", samples["sound-only.mp4"], "--json")
    assert refused.exit_code == 1
    assert refused.json["status"] == "failed"
    assert "sound only" in refused.json["detail"]

    refused = anb("demo", "--base-url", running.url, "--video", samples["script.mp4"])
    assert refused.exit_code == 1
    assert "answered 415" in refused.out

    prepare_folder(folder / "demo-output")  # a demo without --base-url goes on there
    assert not (folder / "demo-output" / "processed.mp4").exists()


def test_files_of_somebody_elses_are_not_replaced_by_a_running_contests(
    anb: Anb, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is drawn, and before an account is made there."""
    monkeypatch.setattr("anb.commands.demo_story._require_server", lambda _: None)
    own = {name: f"my {name}" for name in ("clip.mp4", "processed.mp4", "poster.jpg")}
    for name, text in own.items():
        (folder / name).write_text(text)
    answer = anb("demo", "--base-url", "http://127.0.0.1:1", "--data-dir", ".")
    assert answer.exit_code == 1
    assert "choose another --data-dir" in answer.out
    assert {path.name: path.read_text() for path in folder.iterdir()} == own


def test_a_demos_own_data_stay_where_a_running_contest_is_shown(tmp_path: Path) -> None:
    claim_folder(tmp_path / "demo")
    (tmp_path / "demo" / "anb.db").write_text("of a server that may run")
    with only_process(tmp_path / "demo"):
        claim_folder(tmp_path / "demo")
    assert (tmp_path / "demo" / "anb.db").exists()


@pytest.mark.parametrize(
    ("status", "elsewhere"),
    [
        (301, "https://media.anb.example/media/processed/1.1.mp4"),  # the load balancer, to CloudFront
        (307, "https://anb-media.s3.example/media/processed/1.1.mp4?X-Amz-Signature=1"),  # the application, to S3
    ],
)
def test_media_that_lie_elsewhere_are_fetched_there(tmp_path: Path, status: int, elsewhere: str) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url == elsewhere:
            return httpx2.Response(200, content=b"a video")
        return httpx2.Response(status, headers={"Location": elsewhere})

    with httpx2.Client(base_url="https://anb.example", transport=httpx2.MockTransport(answer)) as client:
        download(client, "/media/processed/1.1.mp4", tmp_path / "processed.mp4")
    assert (tmp_path / "processed.mp4").read_bytes() == b"a video"


def test_a_server_that_nobody_runs_fails_the_demo(anb: Anb) -> None:
    answer = anb("demo", "--base-url", "http://127.0.0.1:1")
    assert answer.exit_code == 1
    assert "The demo failed: http://127.0.0.1:1/health: " in answer.out
    assert "Drawing" not in answer.out


def test_an_address_without_its_scheme_is_told_how_to_be_written(anb: Anb) -> None:
    answer = anb("demo", "--base-url", "localhost:8080", "--json")
    assert answer.exit_code == 1
    assert "use http://localhost:8080 or https://" in answer.json["detail"]


def test_a_video_that_cannot_be_shown_costs_no_earlier_demo(anb: Anb, samples: Samples, folder: Path) -> None:
    prepare_folder(folder / "demo-output")
    (folder / "demo-output" / "processed.mp4").touch()
    answer = anb("demo", "--video", samples["script.mp4"])
    assert answer.exit_code == 1
    assert "not a video" in answer.out
    assert (folder / "demo-output" / "processed.mp4").exists()


def test_a_folder_with_other_things_in_it_is_not_emptied(anb: Anb, folder: Path) -> None:
    (folder / "photos").mkdir()
    (folder / "photos" / "grandma.jpg").touch()
    answer = anb("demo", "--data-dir", "photos")
    assert answer.exit_code == 1
    assert (folder / "photos" / "grandma.jpg").exists()


def test_only_what_demos_make_is_removed(tmp_path: Path) -> None:
    prepare_folder(tmp_path / "demo")
    for name in ("anb.db", "notes.txt"):
        (tmp_path / "demo" / name).touch()
    (tmp_path / "demo" / "media").mkdir()
    prepare_folder(tmp_path / "demo")
    assert {path.name for path in (tmp_path / "demo").iterdir()} == {".anb-demo", "lock", "notes.txt"}


def test_a_folder_whose_server_runs_is_not_emptied(running: Running) -> None:
    (running.data_dir / ".anb-demo").touch()
    with pytest.raises(DemoError, match="still runs"):
        prepare_folder(running.data_dir)
    assert (running.data_dir / "anb.db").exists()


def test_the_clip_is_such_as_a_phone_makes(tmp_path: Path) -> None:
    demo_clip.draw(tmp_path / "clip.mp4")
    facts = inspect(tmp_path / "clip.mp4", Limits()).facts
    assert facts is not None
    assert (facts.width, facts.height, round(facts.fps)) == (1280, 720, 30)
    assert facts.duration_s > 30
    assert facts.turned
    assert facts.has_audio
    assert "location" in facts.tags
