"""What the bell sets going."""

import uuid
from collections.abc import Callable

from celery import Celery

from anb.jobs.app import PROCESS_VIDEO, SWEEP_BYTES, SWEEP_ROWS
from anb.processing.service import Workshop
from anb.processing.sweep import Sweeper


def register(celery: Celery, workshop: Callable[[], Workshop], sweeper: Callable[[], Sweeper]) -> None:
    """Both are called inside the process that works: no connection crosses a fork."""

    @celery.task(name=PROCESS_VIDEO)
    def process_video(video_id: str) -> None:
        workshop().process(uuid.UUID(video_id))

    @celery.task(name=SWEEP_ROWS)
    def sweep_rows() -> None:
        sweeper().sweep_rows()

    @celery.task(name=SWEEP_BYTES)
    def sweep_bytes() -> None:
        sweeper().sweep_bytes()
