"""What the processes are told: ports, folders and the three files made from their templates."""

import getpass
import os
import pwd
import secrets
import shlex
import shutil
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

REPOSITORY = Path(__file__).resolve().parents[2]
_HERE = Path(__file__).parent
_SITE = REPOSITORY / "deployment" / "nginx" / "anb.conf.template"


class MissingToolError(Exception):
    """A server is not installed; the message says how to get it."""


@dataclass(frozen=True)
class Ports:
    nginx: int
    web: int
    redis: int
    postgres: int


def free_ports(nginx: int | None = None) -> Ports:
    """All held open at once while they are chosen, so that they differ."""
    probes = [socket.socket() for _ in range(4)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    chosen = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return Ports(nginx or chosen[0], *chosen[1:])


@dataclass(frozen=True)
class Plan:
    """One stack: everything that it writes lies below `folder`."""

    folder: Path
    ports: Ports
    keeps_port: bool = False
    """gunicorn's port is held for it, as by systemd's fastapi.socket: it outlives a gunicorn, and two may share it."""

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def media(self) -> Path:
        return self.folder / "media"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports.nginx}"

    @property
    def database_url(self) -> str:
        return f"postgresql://anb@127.0.0.1:{self.ports.postgres}/anb"

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """Of web, worker and beat. The key is kept: a stack that starts again honours yesterday's tokens."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANB_")},
            "DATABASE_URL": self.database_url,
            "CELERY_BROKER_URL": f"redis://127.0.0.1:{self.ports.redis}/0",
            "MEDIA_ROOT": str(self.media),
            "SECRET_KEY": _kept_key(self.run / "secret_key"),
            "ANB_ACCEL_PREFIX": "/stored",
            "ANB_TRUSTED_PROXIES": "127.0.0.1",
            **more,
        }

    def write_settings(self, settings: Mapping[str, str]) -> None:
        """For the next start of web, worker and beat."""
        lines = [f"{name}={shlex.quote(value)}" for name, value in settings.items()]
        (self.run / "settings.env").write_text("\n".join(lines))

    def read_settings(self) -> dict[str, str]:
        words = shlex.split((self.run / "settings.env").read_text())
        return dict(word.split("=", 1) for word in words)

    def write(self, listener: int | None = None) -> None:
        """`listener` is the descriptor of the port that is kept."""
        for folder in (self.run, self.logs, self.media, self.run / "cache", self.run / "conf.d"):
            folder.mkdir(parents=True, exist_ok=True)
        self.write_settings({})
        gunicorn = [
            f"{Path(sys.executable).parent}/gunicorn",
            "-c",
            f"{REPOSITORY}/deployment/gunicorn/gunicorn.conf.py",
        ]
        bound = ["-b", f"127.0.0.1:{self.ports.web}"] if listener is None else []
        handed = [] if listener is None else [f"{_HERE}/socket.sh", f"{listener}"]
        values = self._values() | {"ANB_WEB": shlex.join([*handed, *gunicorn, *bound, "anb.api:create_app()"])}
        for template, name in (
            (_HERE / "supervisord.conf.template", "supervisord.conf"),
            (_HERE / "nginx.conf.template", "nginx.conf"),
            (_SITE, "conf.d/anb.conf"),
        ):
            # As envsubst does: what is not ours, such as nginx's own variables, stays.
            (self.run / name).write_text(Template(template.read_text()).safe_substitute(values))

    def _values(self) -> dict[str, str]:
        me = getpass.getuser()
        return {
            "ANB_RUN": str(self.run),
            "ANB_LOGS": str(self.logs),
            "ANB_MEDIA": str(self.media),
            "ANB_CACHE": str(self.run / "cache"),
            "ANB_BIN": str(Path(sys.executable).parent),
            "ANB_REPOSITORY": str(REPOSITORY),
            "ANB_OWNER": me,
            "ANB_USER": f"user {me};" if os.geteuid() == 0 else "",
            "ANB_POSTGRES": str(postgres_binaries()),
            "ANB_POSTGRES_OWNER": postgres_owner(),
            "ANB_POSTGRES_PORT": str(self.ports.postgres),
            "ANB_REDIS": _tool("redis-server", "redis-server"),
            "ANB_REDIS_PORT": str(self.ports.redis),
            "ANB_NGINX": _tool("nginx", "nginx-light"),
            "ANB_LISTEN": f"127.0.0.1:{self.ports.nginx}",
            "ANB_ACCESS_LOG": "/dev/stdout",
            "ANB_UPSTREAM": f"127.0.0.1:{self.ports.web}",
        }


def postgres_binaries() -> Path:
    """The newest that Debian installed, or where `postgres` on PATH is."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return found[-1] if found else Path(_tool("postgres", "postgresql")).resolve().parent


def postgres_owner() -> str:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return getpass.getuser()
    return pwd.getpwnam("postgres").pw_name


def _tool(name: str, package: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        raise MissingToolError(f"{name} is not installed: apt-get install {package}")
    return found


def _kept_key(path: Path) -> str:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(48))
    return path.read_text()
