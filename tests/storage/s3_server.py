"""A real S3 server on this machine: real signatures, real multipart uploads, nothing imitated in this process."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

import boto3
from botocore.config import Config

from tests.server import free_port

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_WEED = Path(sys.executable).with_name("weed")
_STARTS_WITHIN_S = 60


@dataclass(frozen=True)
class S3Server:
    port: int
    access_key: str
    secret: str
    bucket: str = "anb-media"

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What boto3's own chain reads."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @cache  # noqa: B019 - one server a run
    def client(self) -> "S3Client":
        """Not the product's: tests look at the server with their own eyes."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret,
            config=Config(s3={"addressing_style": "path"}),
        )

    @classmethod
    @contextmanager
    def running(cls, folder: Path) -> Iterator[Self]:
        server = cls(free_port(), f"key{uuid.uuid4().hex[:12]}", uuid.uuid4().hex)
        identity = {
            "name": "anb",
            "credentials": [{"accessKey": server.access_key, "secretKey": server.secret}],
            "actions": ["Admin", "Read", "Write", "List"],
        }
        config = folder / "s3.json"
        config.write_text(json.dumps({"identities": [identity]}))
        (folder / "data").mkdir()
        # A key for server-side encryption that this server keeps nothing secret with.
        environment = os.environ | {"WEED_S3_SSE_KEY": uuid.uuid4().hex, "HOME": str(folder)}
        with (folder / "weed.log").open("wb") as log:
            process = subprocess.Popen(
                [_WEED, *_flags(server.port, config, folder)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True,
            )  # fmt: skip
        try:
            _until_it_answers(server, process, folder / "weed.log")
            yield server
        finally:
            process.send_signal(signal.SIGKILL)  # its graceful stop takes half a minute
            process.wait()


def _flags(port: int, config: Path, folder: Path) -> list[str]:
    ports = {name: _pair_of_ports() for name in ("master", "volume", "filer")}
    return [
        "-logtostderr=true", "server", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        *(f"-{name}.port={number}" for name, number in ports.items()),
        *(f"-{name}.port.grpc={number + 10000}" for name, number in ports.items()),
        f"-filer.localSocket={folder / 'filer.sock'}", f"-s3.localSocket={folder / 's3.sock'}",
        "-s3", f"-s3.port={port}", f"-s3.port.grpc={free_port()}", "-s3.port.iceberg=0", "-s3.port.lance=0",
        f"-s3.config={config}", "-s3.iam=false", "-s3.autoCreateBucket=false",
        "-master.telemetry=false", "-master.volumeSizeLimitMB=64",
        "-master.volumePreallocate=false", "-volume.max=50", "-master.electionTimeout=1s", "-volume.index=memory",
    ]  # fmt: skip


def _pair_of_ports() -> int:
    """A free one whose neighbour 10000 above is free as well, where its gRPC listens."""
    while True:
        port = free_port()
        if port < 55000 and _is_free(port + 10000):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _until_it_answers(server: S3Server, process: subprocess.Popen[bytes], log: Path) -> None:
    """Ready is when an object has gone in and come out: the gateway answers before its volumes do."""
    deadline = time.monotonic() + _STARTS_WITHIN_S
    client = server.client()
    while time.monotonic() < deadline and process.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=2)
            connection.request("GET", "/")
            connection.getresponse().read()
            connection.close()
            client.create_bucket(Bucket=server.bucket)
            client.put_object(Bucket=server.bucket, Key="ready", Body=b"ready")
        except Exception:  # noqa: BLE001 - not yet, in whatever way
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"the S3 server did not start\n{log.read_text()[-3000:]}")
