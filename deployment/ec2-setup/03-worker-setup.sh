#!/usr/bin/env bash
# A worker: Celery with two videos at once, the media mounted, no port open. Variables: README.md.
set -euo pipefail
# shellcheck source=deployment/ec2-setup/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

begin "$@"
want_application
want CELERY_BROKER_URL "(redis|rediss|amqp|amqps|sqs|sentinel)://$PLAIN+" \
    "redis://:REDIS_PASSWORD@WEB_PRIVATE_ADDRESS:6379/0"
want BEAT "yes|no" "yes on exactly one worker, which then sweeps for all; no on the others"
checked

common
mounted_media
release # with the FFmpeg of the lock file: Ubuntu 22.04's own is 4.4, which nobody tests here
folder /var/lib/anb 750 appuser:appuser

for_service celery.service
settings <<END
DATABASE_URL=$DATABASE_URL
CELERY_BROKER_URL=$CELERY_BROKER_URL
MEDIA_ROOT=$MEDIA
SECRET_KEY=$SECRET_KEY
ANB_SCRATCH_DIR=/var/lib/anb/scratch
ANB_WORKER_CONCURRENCY=2
ANB_WORKER_METRICS_PORT=9101
ANB_BEAT_METRICS_PORT=9102
END
serve_release
unit celery.service
running celery.service
if [[ $BEAT == yes ]]; then
    unit celerybeat.service
    running celerybeat.service
elif [[ -e /etc/systemd/system/celerybeat.service ]] && step "remove celerybeat.service"; then
    quietly systemctl disable --now celerybeat.service
    rm /etc/systemd/system/celerybeat.service
fi
finish
