"""The three scripts on three booted hosts, and what the hosts then do together."""

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.hosts.conftest import SCRIPTS, SECRETS, Ana, Hosts
from tests.hosts.network import ADDRESSES, answers, is_open, listening, until

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_first_run_sets_the_host_up_and_a_second_changes_nothing(hosts: Hosts, name: str) -> None:
    assert "changed: " in hosts.first_runs[name]
    before = hosts[name].digest()
    assert hosts.set_up(name) == "Nothing to change.\n"
    assert hosts[name].digest() == before


def test_a_video_goes_from_the_web_server_to_the_worker_and_is_published(hosts: Hosts, ana: Ana) -> None:
    """Upload through nginx, the bell through Redis, the file over NFS, the row in the database; then its bytes."""
    video = ana.upload("Mi mejor triple")
    until(lambda: ana.video(video)["status"] in {"completed", "failed"}, 120, "the worker has done it")
    done = ana.video(video)
    assert done["status"] == "completed", done["failure"]
    assert ana.get(done["processed_url"]).content[4:8] == b"ftyp"
    stored = hosts["fileserver"].run("ls", "/shared/media/processed").stdout
    assert video in stored
    assert list((hosts["web"].changes / "app/media").glob("*")) == []  # nothing beneath the mount


PORTS = (22, 80, 111, 2049, 5432, 6379, 8000, 8080, 9101)


@pytest.mark.parametrize("target", ["web", "worker", "fileserver", "rds"])
def test_exactly_the_ports_of_the_table_are_open(hosts: Hosts, target: str) -> None:
    """On each port somebody listens, so that only the table can be what closes it."""
    del hosts
    asked = [(source, port) for source in ADDRESSES if source != target for port in PORTS]
    with listening(target, PORTS), ThreadPoolExecutor(len(asked)) as pool:
        found = dict(zip(asked, pool.map(lambda ask: answers(ask[0], target, ask[1]), asked), strict=True))
    assert found == {(source, port): is_open(target, port, source) for source, port in asked}


def test_no_secret_is_readable_for_others_or_in_a_log(hosts: Hosts) -> None:
    for name in ("web", "worker"):
        assert hosts[name].run("stat", "-c", "%a %U:%G", "/opt/anb/.env").stdout == "600 appuser:appuser\n"
        told = hosts.first_runs[name] + hosts[name].run("journalctl", "--no-pager", "--output=cat").stdout
        assert not [what for what, secret in SECRETS.items() if secret in told]


def test_who_is_no_client_of_the_file_server_is_not_let_in(hosts: Hosts) -> None:
    """Its exports name two addresses; the firewall is another wall before that."""
    line = hosts["fileserver"].run("tail", "-1", "/etc/exports").stdout
    options = "(rw,sync,no_subtree_check,root_squash)"
    assert line == f"/shared/media {ADDRESSES['web']}{options} {ADDRESSES['worker']}{options}\n"
    as_root = hosts["web"].run("touch", "/app/media/uploads/of-root", check=False)
    assert as_root.returncode != 0


def test_a_worker_that_is_killed_is_back_and_takes_the_next_video(hosts: Hosts, ana: Ana) -> None:
    before = hosts["worker"].run("systemctl", "show", "--property=MainPID", "celery").stdout
    # It fails where one of them ends by itself meanwhile; that the service was killed is what the last line asks.
    hosts["worker"].run("systemctl", "kill", "--signal=KILL", "celery", check=False)
    video = ana.upload("Otro triple")
    until(lambda: ana.video(video)["status"] == "completed", 120, "the next worker has done it")
    assert hosts["worker"].run("systemctl", "show", "--property=MainPID", "celery").stdout != before


@pytest.mark.parametrize(
    ("host", "unit", "at_most"),
    [
        ("web", "fastapi.service", 1.4),
        ("web", "redis-server.service", 1.2),
        ("web", "nginx.service", 2.6),
        ("worker", "celery.service", 1.7),
        ("worker", "celerybeat.service", 1.2),
    ],
)
def test_each_unit_is_understood_and_as_hard_as_docs_say(hosts: Hosts, host: str, unit: str, at_most: float) -> None:
    machine = hosts[host]
    assert machine.is_active(unit)
    fragment = machine.run("systemctl", "show", "--value", "--property=FragmentPath", unit).stdout.strip()
    said = machine.run("systemd-analyze", "verify", "--man=no", fragment, check=False).stderr
    assert unit not in said, said
    security = machine.run("systemd-analyze", "security", "--no-pager", unit).stdout
    assert float(security.rsplit(": ", 1)[1].split()[0]) <= at_most


@contextmanager
def asked_all_the_time(ana: Ana) -> Iterator[list[int]]:
    """The answers so far. Four people who read, and one who uploads."""
    answers: list[int] = []
    ended = threading.Event()

    def ask(what: Callable[[], int]) -> None:
        while not ended.wait(0.5):
            answers.append(what())

    with ThreadPoolExecutor() as pool:
        asking = [pool.submit(ask, lambda: ana.status("/api/public/rankings")) for _ in range(4)]
        asking.append(pool.submit(ask, lambda: ana.offer("Bajo carga").status_code))
        try:
            yield answers
        finally:
            ended.set()
    for one in asking:
        one.result()


def assert_served(answers: list[int]) -> None:
    assert set(answers) == {200, 202}


def put_release(hosts: Hosts, version: str, also: str = "") -> None:
    """Where the script looks for it on the web server."""
    package = hosts["web"].folder / "source/src/anb"
    text = (package / "__init__.py").read_text()
    (package / "__init__.py").write_text(re.sub('__version__ = ".*"', f'__version__ = "{version}"', text))
    (package / "api.py").write_text((ROOT / "src/anb/api.py").read_text() + also)


@pytest.mark.timeout(900)
def test_a_release_that_cannot_start_is_refused_and_the_one_before_serves_on(hosts: Hosts, ana: Ana) -> None:
    before = ana.get("/health").json()["version"]
    put_release(hosts, "99.0.0", "raise RuntimeError\n")
    with asked_all_the_time(ana) as answers:
        assert "the one before serves on" in hosts.set_up("web", check=False)
    assert_served(answers)
    assert ana.get("/health").json()["version"] == before
    assert hosts["web"].is_active("fastapi.service")
    assert not hosts["web"].is_active("fastapi-next.service")
    assert hosts["web"].run("ls", "/opt/anb/next", check=False).returncode != 0


@pytest.mark.timeout(900)
def test_the_next_release_takes_over_and_no_request_fails(hosts: Hosts, ana: Ana) -> None:
    put_release(hosts, "99.0.1")
    with asked_all_the_time(ana) as answers:
        said = hosts.set_up("web")
    assert "take over" in said
    assert_served(answers)
    assert ana.get("/health").json()["version"] == "99.0.1"
    assert hosts["web"].is_active("fastapi.service")
    assert not hosts["web"].is_active("fastapi-next.service")
    assert hosts.set_up("web") == "Nothing to change.\n"


def test_a_web_server_that_boots_before_its_file_server_waits_and_writes_nothing(hosts: Hosts, ana: Ana) -> None:
    web, files = hosts["web"], hosts["fileserver"]
    web.pull_the_plug()
    files.pull_the_plug()
    web.boot()
    until(lambda: ana.status("/health") == 503, 60, "nginx says that the application is away")
    assert not web.is_active("fastapi.service")
    refused = web.run("mkdir", "/app/media/uploads", user="appuser", check=False)
    assert "Permission denied" in refused.stderr
    assert list((web.changes / "app/media").glob("*")) == []
    files.boot()
    until(lambda: ana.status("/health") == 200, 180, f"the web server is back: {web.journal('app-media.mount')}")
