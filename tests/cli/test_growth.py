"""`anb plan` and `anb advise`: what they print, and how they end."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from anb import migrations
from anb.cli import app
from anb.db import Database

ANB = CliRunner()


def test_a_plan_is_a_table_and_a_bill() -> None:
    ended = ANB.invoke(app, ["plan", "--users", "100", "--videos-per-hour", "20"])
    assert ended.exit_code == 0
    assert "Cheapest: phase 0, three hosts" in ended.stdout


def test_what_no_phase_carries_is_a_failure() -> None:
    ended = ANB.invoke(app, ["plan", "--users", "100", "--videos-per-hour", "20", "--availability", "100", "--json"])
    assert ended.exit_code == 1
    assert json.loads(ended.stdout)["chosen"] is None


def test_advice_on_a_system_that_was_never_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANB_DATA_DIR", str(tmp_path))
    database = Database(f"sqlite:///{tmp_path / 'anb.db'}")
    migrations.upgrade(database)
    database.dispose()
    ended = ANB.invoke(app, ["advise"])
    assert ended.exit_code == 0
    assert ended.stdout.startswith("No web server has kept a sample yet.")
    assert "WebServerBusy: nothing seen of late, limit 70 % of a web server's CPU" in ended.stdout
    assert "who asked two of them counts twice" in ended.stdout
    assert "phase 2, if a contract asks for 99 % or more" in ended.stdout
