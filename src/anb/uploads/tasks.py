from collections.abc import Callable

from celery import Celery

from anb.jobs.app import SWEEP_UPLOADS
from anb.uploads.sweep import UploadSweeper


def register(celery: Celery, sweeper: Callable[[], UploadSweeper]) -> None:
    """Called inside the process that works: no connection crosses a fork."""

    @celery.task(name=SWEEP_UPLOADS)
    def sweep_uploads() -> None:
        sweeper().sweep()
