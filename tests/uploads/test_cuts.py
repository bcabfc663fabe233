"""A real client over a link that breaks at random bytes. `make tus-cuts` is the long version, with a second client."""

import hashlib
import random
from pathlib import Path

from fastapi import FastAPI
from sqlalchemy import select

from anb.db import Database
from anb.videos.models import Video
from tests.cast import MP4_HEAD, Cast
from tests.server import serving
from tests.uploads.clients import with_tuspy
from tests.uploads.cutting import CuttingProxy

CUTS = 10


def test_a_file_arrives_whole_and_once_over_a_link_that_breaks_ten_times(
    app: FastAPI, cast: Cast, database: Database, tmp_path: Path
) -> None:
    source = tmp_path / "clip.mp4"
    source.write_bytes(MP4_HEAD + random.Random(1).randbytes(16_000_000))
    with serving(app) as port, CuttingProxy(port, CUTS, longest=500_000, seed=7).running() as proxy:
        with_tuspy(source, f"http://127.0.0.1:{proxy.port}/api/uploads", cast.ana.token)
    assert proxy.cuts == CUTS
    with database.read() as session:
        video = session.scalars(select(Video)).one()
    assert video.original_sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    assert app.state.storage.path(video.original_key).read_bytes() == source.read_bytes()
