import os
import re
import signal
import socket
import subprocess
import sys
import uuid
from pathlib import Path

import httpx2
import pytest

from anb.commands import demo_clip
from anb.commands.up import as_typed
from anb.db import Database
from anb.videos.models import Video
from tests.cli.conftest import Anb, Running
from tests.waiting import until


def test_up_serves_says_where_and_ends_with_0_on_sigterm(running: Running) -> None:
    said = (running.data_dir.parent / "up.out").read_text()
    assert f"{running.url}/docs" in said
    assert str(running.data_dir) in said
    assert httpx2.get(f"{running.url}/health", trust_env=False).json()["status"] == "healthy"
    assert running.stop() == 0


def test_a_second_process_on_the_same_data_is_refused(running: Running, real_anb: Anb) -> None:
    answer = real_anb("up", "--port", "1", "--data-dir", running.data_dir)
    assert answer.exit_code == 2
    assert "in use" in answer.err
    assert running.child.poll() is None


def test_data_in_a_place_that_is_no_folder_are_refused_in_words(real_anb: Anb, folder: Path) -> None:
    (folder / "notes.txt").touch()
    answer = real_anb("up", "--port", "1", "--data-dir", "notes.txt")
    assert answer.exit_code == 2
    assert answer.err.startswith("ANB_DATA_DIR: notes.txt cannot be made a folder")


def test_a_port_that_is_taken_is_named(running: Running, real_anb: Anb) -> None:
    port = running.url.rpartition(":")[2]
    answer = real_anb("up", "--port", port, "--data-dir", running.data_dir.parent / "other")
    assert answer.exit_code == 2
    assert answer.err.startswith(f"--port {port}: 127.0.0.1 refuses it (Address already in use)")


def test_a_host_that_this_machine_is_not_is_named(real_anb: Anb) -> None:
    answer = real_anb("up", "--host", "192.0.2.1")  # RFC 5737: nobody's
    assert answer.exit_code == 2
    assert answer.err.startswith("--host 192.0.2.1: no address of this machine")


@pytest.mark.parametrize(
    ("host", "typed"), [("0.0.0.0", "127.0.0.1"), ("::", "127.0.0.1"), ("::1", "[::1]"), ("anb.lan", "anb.lan")]
)
def test_a_host_is_shown_as_a_browser_takes_it(host: str, typed: str) -> None:
    assert as_typed(host) == typed


def test_the_address_that_is_printed_leads_somewhere(running: Running) -> None:
    answer = httpx2.get(running.url, trust_env=False, follow_redirects=True)
    assert (answer.status_code, answer.url.path) == (200, "/docs")


def test_ctrl_c_says_what_it_waits_for_and_a_second_one_ends_at_once(running: Running, tmp_path: Path) -> None:
    demo_clip.draw(tmp_path / "clip.mp4")
    with httpx2.Client(base_url=running.url, trust_env=False) as client:
        who = {
            "first_name": "Ana", "last_name": "Gómez", "city": "Bogotá", "country": "Colombia",
            "email": "ana@example.com", "password1": "tres triples seguidos", "password2": "tres triples seguidos",
        }  # fmt: skip
        assert client.post("/api/auth/signup", json=who).status_code == 201
        login = {"email": who["email"], "password": who["password1"]}
        headers = {"Authorization": f"Bearer {client.post('/api/auth/login', json=login).json()['access_token']}"}
        with (tmp_path / "clip.mp4").open("rb") as file:
            answer = client.post(
                "/api/videos/upload", headers=headers, data={"title": "Triple"}, files={"file": ("clip.mp4", file)}
            )
        video = answer.json()["video_id"]
        until(lambda: client.get(f"/api/videos/{video}", headers=headers).json()["status"] == "processing")
    said = running.data_dir.parent / "up.out"
    running.child.send_signal(signal.SIGINT)
    until(lambda: "A video is being processed: waits at most 20 s" in said.read_text())
    assert "Ctrl+C again ends at once" in said.read_text()
    running.child.send_signal(signal.SIGINT)
    assert running.child.wait(timeout=60) == -signal.SIGINT
    database = Database(f"sqlite:///{running.data_dir}/anb.db")
    with database.read() as session:
        assert session.get_one(Video, uuid.UUID(video)).status == "processing", "its lease ends, and it is taken again"
    database.dispose()


def test_up_tells_what_lies_outside_its_folder_and_where_phones_reach_it(folder: Path) -> None:
    media = folder / "other" / "media"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "anb.cli", "up", "--port", str(port), "--data-dir", str(folder / "data")]
    media.parent.mkdir()
    with subprocess.Popen(
        [*command, "--host", "0.0.0.0"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ
        | {"MEDIA_ROOT": str(media), "DATABASE_URL": f"sqlite:///{folder / 'other' / 'a.db'}", "SECRET_KEY": "k" * 40},
    ) as child:
        assert child.stdout is not None
        said = ""
        while "Stop with Ctrl+C" not in said and child.poll() is None:
            said += child.stdout.readline()
        child.terminate()
    assert child.returncode == 0
    assert f"but for the database in sqlite:///{folder / 'other' / 'a.db'} and the media in {media}" in said
    if others := re.search(r"in this network: (\S+)", said):  # a machine without a network has no such line
        assert others[1].endswith(f":{port}")
        assert "127.0.0.1" not in others[1]
