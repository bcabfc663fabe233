"""The bell: tells a worker that a video waits. The row is the job, so a lost ring loses nothing."""

import uuid

import structlog
from celery import Celery

from anb.jobs.brokers import PATIENCE_S, QUEUE, broker
from anb.settings import Settings

log = structlog.get_logger(__name__)

PROCESS_VIDEO = "anb.process_video"


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

    def ring(self, video_id: uuid.UUID) -> bool:
        """After commit only. False when the broker cannot be reached, or does not say that it has the message."""
        try:
            self._celery.send_task(
                PROCESS_VIDEO, (str(video_id),), retry=False, timeout=PATIENCE_S, confirm_timeout=PATIENCE_S
            )
        except Exception as error:  # noqa: BLE001 - each broker has its own kinds, and none may fail an upload
            log.warning("bell_unreachable", video_id=str(video_id), reason=str(error))
            return False
        return True

    def check(self) -> None:
        """Raise where the broker does not answer."""
        with self._celery.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=2, interval_start=0)
