"""gunicorn -c deployment/gunicorn/gunicorn.conf.py 'anb.api:create_app()'"""

from anb.settings import load_settings

bind = "127.0.0.1:8000"
workers = 4
worker_class = "anb.protocol.HalfOpenWorker"
preload_app = True  # the application connects to nothing before the fork; four workers share its memory
graceful_timeout = 30
timeout = 60
keepalive = 5


def on_starting(_server: object) -> None:
    load_settings().require_broker()
