"""What the bell sets going."""

import uuid
from collections.abc import Callable

from celery import Celery

from anb.jobs.app import PROCESS_VIDEO
from anb.processing.service import Workshop


def register(celery: Celery, workshop: Callable[[], Workshop]) -> None:
    """It is called inside the process that works: no connection crosses a fork."""

    @celery.task(name=PROCESS_VIDEO)
    def process_video(video_id: str) -> None:
        workshop().process(uuid.UUID(video_id))
