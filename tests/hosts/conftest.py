"""Three hosts as the document has them, a database as its RDS, and two people. `make hosts-test` runs what is here."""

import contextlib
import os
import re
import secrets
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from deployment.stack.configuration import postgres_binaries, postgres_owner

from tests.cast import wish
from tests.hosts.machine import Machine, base, copy_of_the_tree, remove_cgroups
from tests.hosts.network import ADDRESSES, Network, network, sh, until, within
from tests.media.factory import ffmpeg, picture, tone

SCRIPTS = {"fileserver": "01-fileserver-setup.sh", "web": "02-webserver-setup.sh", "worker": "03-worker-setup.sh"}

SECRETS = {"database": secrets.token_hex(12), "redis": secrets.token_hex(16), "key": secrets.token_urlsafe(32)}

_DATABASE = f"postgresql://fastapi_user:{SECRETS['database']}@{ADDRESSES['rds']}:5432/fastapi_db"
_APPLICATION = {
    "FILESERVER_ADDRESS": ADDRESSES["fileserver"],
    "DATABASE_URL": _DATABASE,
    "SECRET_KEY": SECRETS["key"],
    "RELEASE": "/opt/anb-source",
}
VARIABLES = {
    "fileserver": {"WEB_ADDRESSES": ADDRESSES["web"], "WORKER_ADDRESSES": ADDRESSES["worker"]},
    "web": _APPLICATION | {"PRIVATE_ADDRESS": ADDRESSES["web"], "REDIS_PASSWORD": SECRETS["redis"]},
    "worker": _APPLICATION
    | {"CELERY_BROKER_URL": f"redis://:{SECRETS['redis']}@{ADDRESSES['web']}:6379/0", "BEAT": "yes"},
}

# How this machine reaches its package index, handed on.
_WAY = {
    name: value for name, value in os.environ.items() if name in {"PIP_INDEX_URL", "PIP_CERT", "PIP_DEFAULT_TIMEOUT"}
}


@dataclass
class Hosts:
    network: Network
    machines: dict[str, Machine]
    first_runs: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Machine:
        return self.machines[name]

    def set_up(self, name: str, check: bool = True) -> str:
        """What the script of that host said."""
        script, machine = f"/opt/anb-source/deployment/ec2-setup/{SCRIPTS[name]}", self.machines[name]
        done = machine.run("bash", script, env=VARIABLES[name] | _WAY, check=False, seconds=400)
        said = done.stdout + done.stderr
        if check and done.returncode:
            journals = [machine.journal(unit) for unit in re.findall(r"journalctl --unit ([\w-]+)", said)]
            raise AssertionError("\n".join((f"{name}: exit {done.returncode}", said, *journals)))
        return said


@pytest.fixture(scope="session")
def hosts() -> Iterator[Hosts]:
    lower = base()
    with contextlib.ExitStack() as undo:
        folder = Path(tempfile.mkdtemp(prefix="anb-hosts-", dir="/var/tmp"))  # a tmpfs holds no layers of an overlay
        folder.chmod(0o755)
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        undo.callback(remove_cgroups)
        vpc = undo.enter_context(network())
        undo.enter_context(_rds(folder / "rds"))
        machines = {name: Machine(name, folder / name, lower) for name in SCRIPTS}
        for machine in machines.values():
            undo.callback(sh, "umount", "--lazy", str(machine.root))
            machine.make()
            copy_of_the_tree(machine.folder / "source")
            machine.write("opt/anb/local.env", "ANB_RATE_LIMITS_TIMES=1000\nANB_MAX_UNFINISHED_VIDEOS=1000\n")
            undo.callback(machine.pull_the_plug)
            machine.boot()
        made = Hosts(vpc, machines)
        with ThreadPoolExecutor() as pool:  # at the same time, as user data does
            made.first_runs = dict(zip(SCRIPTS, pool.map(made.set_up, SCRIPTS), strict=True))
        yield made


@contextlib.contextmanager
def _rds(folder: Path) -> Iterator[None]:
    """PostgreSQL in the namespace of the document's RDS: the same protocol, password and port."""
    folder.mkdir()
    owner, binaries = postgres_owner(), postgres_binaries()
    shutil.chown(folder, owner)
    become = ["setpriv", f"--reuid={owner}", f"--regid={owner}", "--clear-groups"]
    (folder.parent / "password").write_text(SECRETS["database"])
    shutil.chown(folder.parent / "password", owner)
    data = folder / "data"
    sh(*become, str(binaries / "initdb"), "-D", str(data), "-U", "fastapi_user", "-A", "scram-sha-256",
       "--pwfile", str(folder.parent / "password"), "-E", "UTF8", "--locale=C.UTF-8")  # fmt: skip
    with (data / "pg_hba.conf").open("a") as rules:
        rules.write("host all all 10.0.0.0/16 scram-sha-256\n")
    command = [
        str(binaries / "postgres"),
        "-D",
        str(data),
        "-c",
        "listen_addresses=*",
        "-c",
        "unix_socket_directories=",
    ]
    with (folder.parent / "rds.log").open("wb") as log:
        server = subprocess.Popen(
            ["nsenter", "--net=/run/netns/rds", *become, *command], stdout=log, stderr=log, start_new_session=True
        )
    try:
        until(lambda: within("rds", _has_database), 30, "PostgreSQL starts")
        yield
    finally:
        server.terminate()
        server.wait(timeout=30)


def _has_database() -> bool:
    address = f"host=127.0.0.1 user=fastapi_user password={SECRETS['database']} dbname=postgres"
    with contextlib.suppress(psycopg.OperationalError), psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE DATABASE fastapi_db")
        return True
    return False


class Ana:
    """A player somewhere in the world, who knows port 8080 alone."""

    _URL = f"http://{ADDRESSES['web']}:8080"

    def __init__(self, clip: bytes) -> None:
        self._clip = clip
        account = wish("Ana", email=f"{uuid.uuid4().hex}@example.com")
        assert self._ask("POST", "/api/auth/signup", json=account).status_code == 201
        login = {"email": account["email"], "password": account["password1"]}
        token = self._ask("POST", "/api/auth/login", json=login).json()["access_token"]
        self._headers = {"Authorization": f"Bearer {token}"}

    def _ask(self, method: str, path: str, **more: Any) -> httpx2.Response:
        def ask() -> httpx2.Response:
            with httpx2.Client(base_url=self._URL, timeout=100, trust_env=False) as http:
                return http.request(method, path, **more)

        return within("stranger", ask)

    def get(self, path: str) -> httpx2.Response:
        return self._ask("GET", path, headers=self._headers)

    def status(self, path: str) -> int:
        with contextlib.suppress(httpx2.TransportError):
            return self.get(path).status_code
        return 0

    def offer(self, title: str) -> httpx2.Response:
        files = {"file": ("clip.mp4", self._clip)}
        return self._ask("POST", "/api/videos/upload", headers=self._headers, data={"title": title}, files=files)

    def upload(self, title: str) -> str:
        """Its id."""
        taken = self.offer(title)
        assert taken.status_code == 202, taken.text
        return str(taken.json()["video_id"])

    def video(self, video: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/api/videos/{video}").json()
        return found


@pytest.fixture(scope="session")
def ana(hosts: Hosts) -> Ana:
    del hosts
    return Ana(ffmpeg(*picture(), *tone(), "-movflags", "frag_keyframe+empty_moov", "-f", "mp4", "-"))
