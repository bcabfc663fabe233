import runpy
from pathlib import Path

import pytest

from anb.settings import SettingsError

CONFIGURATION = Path(__file__).parents[2] / "deployment" / "gunicorn" / "gunicorn.conf.py"


def test_gunicorn_does_not_start_where_no_worker_could_hear_it(monkeypatch: pytest.MonkeyPatch) -> None:
    on_starting = runpy.run_path(str(CONFIGURATION))["on_starting"]
    monkeypatch.setenv("SECRET_KEY", "a secret that only tests know")
    monkeypatch.setenv("DATABASE_URL", "postgresql://db/anb")
    with pytest.raises(SettingsError, match="CELERY_BROKER_URL"):
        on_starting(None)
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://queue:6379/0")
    on_starting(None)
