"""The bell: tells a worker that a video waits. The row is the job, so a lost ring loses nothing."""

import threading
import time
import uuid

import structlog
from celery import Celery

from anb.jobs.brokers import PATIENCE_S, QUEUE, broker
from anb.settings import Settings

log = structlog.get_logger(__name__)

PROCESS_VIDEO = "anb.process_video"

_SILENT_S = 0.5
"""A broker that is away says so within milliseconds, and may be asked again at once."""
_LEFT_ALONE_S = 5.0
"""One that was silent is not asked again for this long: the sweep rings for what it did not hear."""


def make_celery(settings: Settings) -> Celery:
    chosen = broker(settings.broker)
    app = Celery("anb", broker=chosen.url, set_as_current=False)
    app.conf.update(
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_consumer="anb.jobs.consumer:PatientConsumer",
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        # A Redis that answers with an error, as one that a failover has made read-only, is one that is away.
        broker_channel_error_retry=True,
        task_publish_retry=False,
        broker_transport_options=chosen.options,
        broker_connection_timeout=PATIENCE_S,
        task_default_queue=QUEUE,
        task_queues={QUEUE: {"queue_arguments": chosen.queue_arguments}},
    )
    return app


class Bell:
    def __init__(self, celery: Celery) -> None:
        self._celery = celery
        self._turn = threading.Lock()
        self._ask_again_at = 0.0
        """Above 0 while it was silent when it was last asked."""

    def ring(self, video_id: uuid.UUID) -> bool:
        """After commit only. False when the broker cannot be reached, or does not say that it has the message."""
        began = time.monotonic()
        with self._turn:
            if began < self._ask_again_at:
                return _unheard(video_id, "silent a moment ago")
            if self._ask_again_at:  # one asks again, and nobody else waits for it
                self._ask_again_at = began + _LEFT_ALONE_S
        try:
            self._celery.send_task(
                PROCESS_VIDEO, (str(video_id),), retry=False, timeout=PATIENCE_S, confirm_timeout=PATIENCE_S
            )
        except Exception as error:  # noqa: BLE001 - each broker has its own kinds, and none may fail an upload
            ended = time.monotonic()
            self._ask_again_at = ended + _LEFT_ALONE_S if ended - began > _SILENT_S else 0.0
            return _unheard(video_id, str(error))
        self._ask_again_at = 0.0
        return True

    def check(self) -> None:
        """Raise where the broker does not answer."""
        with self._celery.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=2, interval_start=0)


def _unheard(video_id: uuid.UUID, reason: str) -> bool:
    log.warning("bell_unreachable", video_id=str(video_id), reason=reason)
    return False
