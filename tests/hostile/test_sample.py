"""Two dozen of the hostile files, through the upload route and a workshop; `make hostile` sends them all."""

import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from anb.db import Database
from anb.processing.convert import house_facts
from anb.processing.ffmpeg import find_ffmpeg
from anb.processing.house_format import breaches
from anb.processing.limits import Limits
from anb.settings import Settings
from anb.worker import Shutdown, make_workshop
from tests.cast import Cast
from tests.hostile.canary import Canary, canary
from tests.hostile.sender import FORM_TYPE, form
from tests.hostile.verdict import leak
from tests.media.factory import Samples
from tests.media.hostile import CORPUS, Kit

# The corpus's names, and what becomes of each; a code, or "completed".
SAMPLE = {
    "no video: nothing": "invalid_fields",
    "no video: random bytes": "not_a_video",
    "no video: a program": "not_a_video",
    "no video: a HEIC sequence": "not_a_video",
    "lists of other places: HLS to a file": "not_a_video",
    "lists of other places: HLS in UTF-16": "not_a_video",
    "lists of other places: concat script to an address": "not_a_video",
    "lists of other places: XML with an outside entity": "not_a_video",
    "lists of other places: HLS behind an MP4's head": "cut_off",
    "two things at once: zip, then MP4": "not_a_video",
    "references to other places: an address": "damaged",
    "references to other places: an alias": "no_frames",
    "sizes that lie: 16000 x 16000 in the bitstream": "too_many_pixels",
    "tables that lie: 2^32-1 samples of 1 byte": "no_frames",
    "times that lie: Matroska: a broken frame after 30 years": "damaged",
    "times that lie: Matroska: sound after 30 years": "completed",
    "too many: 1000 tracks": "too_many_tracks",
    "too many: 5000 tracks": "too_many_tracks",
    "atoms that bite: moov in moov, 10 000 deep": "damaged",
    "decompression bombs: a million tiny frames": "too_heavy",
    "no picture, or not for us: encrypted.mp4": "encrypted",
    "cut off: theora.ogv after 2%": "damaged",
    "cut off: windows.wmv after 2%": "damaged",
    "names that hurt: a header inside": "not_a_video",
    "names that hurt: upwards": "completed",
}


@pytest.fixture(scope="session")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Kit, Canary]]:
    with canary(tmp_path_factory.mktemp("bait")) as bird:
        yield Kit(Samples(tmp_path_factory.mktemp("samples")), bird.bait), bird


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # what they attack is no database
def test_a_hostile_file_costs_one_refusal_and_nothing_else(
    kit: tuple[Kit, Canary], client: TestClient, cast: Cast, settings: Settings, database: Database
) -> None:
    workbench, bird = kit
    workshop = make_workshop(settings, database, Shutdown(), lambda: None)
    became = {}
    for name in SAMPLE:
        hostile = CORPUS[name]
        answer = client.post(
            "/api/videos/upload",
            headers=cast.ana.headers | {"Content-Type": FORM_TYPE},
            content=form(hostile.filename, hostile.make(workbench)),
        )
        if answer.status_code == 202:
            video_id = answer.json()["id"]
            workshop.process(uuid.UUID(video_id))
            video = client.get(f"/api/videos/{video_id}", headers=cast.ana.headers).json()
            became[name] = video["failure"]["code"] if video["failure"] else video["status"]
        else:
            assert answer.status_code < 500
            became[name] = answer.json()["code"]
    assert became == SAMPLE
    assert bird.asked == []
    assert list(settings.scratch.glob("*")) == []
    results = sorted((Path(settings.media) / "processed").glob("*.mp4"))
    assert len(results) == list(SAMPLE.values()).count("completed")
    for video in results:
        assert breaches(house_facts(video, Limits())) == ()
        assert leak((video, video.with_suffix(".jpg"))) is None


CARELESS: dict[str, Callable[[Path], list[str]]] = {
    "HLS to a file": lambda script: ["-f", "hls", "-i", str(script)],
    "concat script": lambda script: ["-f", "concat", "-safe", "0", "-i", str(script)],
}


@pytest.mark.parametrize("name", CARELESS)
def test_the_bait_is_seen_where_somebody_swallowed_it(kit: tuple[Kit, Canary], tmp_path: Path, name: str) -> None:
    """Else the tests above would prove nothing."""
    script = tmp_path / "clip.mp4"
    script.write_bytes(CORPUS[f"lists of other places: {name}"].make(kit[0]))
    output = tmp_path / "out.mp4"
    subprocess.run([find_ffmpeg(), "-v", "error", *CARELESS[name](script), output], check=True, timeout=60)
    assert leak((output, output)) == "out.mp4: the bait's colour"


def test_the_corpus_is_large_and_the_same_each_time(kit: tuple[Kit, Canary]) -> None:
    assert len(CORPUS) >= 200
    for name in ("flipped bits: mpeg4.avi one in 100 bytes", "noise: ts: behind a sync byte each 188"):
        assert CORPUS[name].make(kit[0]) == CORPUS[name].make(kit[0])
