"""The contest that the runbooks tell of: their ids are in it, with bytes of a real video."""

import hashlib
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from anb.processing.repository import LONG_AGO
from anb.storage.local import LocalStorage
from anb.videos.lifecycle import Status
from anb.videos.models import Video
from tests.cast import Cast

PUBLISHED, FAILED, WAITING, SILENT = (uuid.UUID(f"0198c0de-0000-7000-8000-00000000000{n}") for n in range(1, 5))


def prepare(cast: Cast, storage: LocalStorage, clip: bytes) -> None:
    """One video of each kind that an operator is called for, and three votes."""
    now = datetime.now(UTC)
    kinds: dict[uuid.UUID, tuple[Status, dict[str, Any]]] = {
        PUBLISHED: (Status.COMPLETED, {}),
        FAILED: (Status.FAILED, {"failure_code": "disk_full", "failures": 3, "attempt": 3}),
        WAITING: (Status.PENDING, {"not_before": now + timedelta(hours=1), "failures": 1, "attempt": 1}),
        SILENT: (Status.PROCESSING, {"lease_until": now - timedelta(minutes=5), "attempt": 1}),
    }
    for video_id, (status, more) in kinds.items():
        cast.video(cast.ana, status=status, id=video_id, **more)
        _store(storage, f"uploads/{video_id}.mp4", clip)
    for key in (f"processed/{PUBLISHED}.1.mp4", f"processed/{PUBLISHED}.1.jpg"):
        _store(storage, key, clip)
    with cast.database.write() as session:
        for video_id in kinds:
            video = session.get_one(Video, video_id)
            video.original_sha256, video.original_bytes = hashlib.sha256(clip).hexdigest(), len(clip)
            video.created_at, video.rung_at = now - timedelta(minutes=10), LONG_AGO
    for voter in (cast.beto, cast.carla, cast.person("Dora", city="Cali")):
        assert cast.vote(voter, PUBLISHED).status_code == 201


def _store(storage: LocalStorage, key: str, content: bytes) -> None:
    writer = storage.create(key)
    writer.write(content)
    writer.commit()
