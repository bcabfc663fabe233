"""gunicorn -c deployment/gunicorn/gunicorn.conf.py 'anb.api:create_app()'"""

import ctypes
import os
import signal
import sys

from gunicorn.workers.base import Worker

from anb.operations import shared_folder
from anb.settings import SettingsError, load_settings

bind = "127.0.0.1:8000"
workers = 4
worker_class = "anb.http.protocol.HalfOpenWorker"
preload_app = True  # the application connects to nothing before the fork; four workers share its memory
graceful_timeout = 30
timeout = 60
keepalive = 90  # seconds; longer than nginx, or in a pod the load balancer (75), keeps a connection: it never ends here

_PR_SET_PDEATHSIG = 1  # linux/prctl.h

try:  # here, where a sentence is all that is said: gunicorn shows what the application raises as a traceback
    load_settings().require_servers()
except SettingsError as wrong:
    sys.exit(str(wrong))
shared_folder.share()  # the workers count together; before the application is imported


def post_fork(_server: object, worker: Worker) -> None:
    """A worker outlives a master that was killed, holds the port against the next one and is nobody's to stop.

    gunicorn's own workers look for that, uvicorn's does not. So the kernel tells it: the same signal as at a stop.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGTERM))
    if os.getppid() != worker.ppid:  # killed before the wish was heard
        os.kill(os.getpid(), signal.SIGTERM)


def on_exit(_server: object) -> None:
    shared_folder.unshare()
