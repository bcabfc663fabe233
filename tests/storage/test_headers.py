"""What whoever fetches an object is told of it, wherever it lies and whoever answers."""

import uuid
from pathlib import Path

import pytest

from anb.storage.base import ORIGINALS, RESULTS
from anb.storage.headers import UNCHANGING, UNKNOWN_TYPE, cache_control, media_type
from anb.storage.s3 import S3Storage
from anb.videos.sniff import Container
from tests.storage.s3_server import S3Server

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("extension", [*Container, "jpg"])
def test_what_is_stored_has_a_type(extension: str) -> None:
    assert media_type(f"{ORIGINALS}/{uuid.uuid4()}.{extension}").partition("/")[0] in ("video", "image")


def test_what_is_not_stored_has_none() -> None:
    assert media_type("backups/files.gz") == UNKNOWN_TYPE


@pytest.mark.parametrize("extension", [*Container, "jpg"])
@pytest.mark.parametrize("folder", [ORIGINALS, RESULTS])
def test_s3_is_told_the_same(s3_server: S3Server, folder: str, extension: str) -> None:
    storage = S3Storage(f"s3://{s3_server.bucket}/{uuid.uuid4()}", endpoint=s3_server.endpoint)
    key = f"{folder}/{uuid.uuid4()}.{extension}"
    storage.create(key).commit()
    found = s3_server.client().head_object(Bucket=storage.bucket, Key=storage.name(key))
    assert (found["ContentType"], found["CacheControl"]) == (media_type(key), cache_control(key))


@pytest.mark.parametrize("file", ["deployment/nginx/anb.conf.template", "infra/stacks/edge.py"])
def test_who_sends_results_past_the_application_says_the_same(file: str) -> None:
    assert f'"{UNCHANGING}"' in (ROOT / file).read_text()
