"""Two whole stacks on one machine, as two regions: the second has a standby of the first one's database.

The folder of media is one, for what S3 replicates between regions is Amazon's to prove.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
from deployment.stack.configuration import Plan, free_ports, postgres_owner
from deployment.stack.servers import Stack

from tests.prove.arena import SETTINGS
from tests.replica.servers import Postgres

_SECRET = {"SECRET_KEY": "one secret for both regions, that only tests know"}


class Region:
    """A stack, and its database as the others see it."""

    def __init__(self, plan: Plan, settings: dict[str, str]) -> None:
        self.plan = plan
        self.stack = Stack(plan, SETTINGS | _SECRET | settings)

    def ask(self, statement: str) -> object:
        """The first value of the database's answer."""
        with psycopg.connect(self.plan.database_url, autocommit=True, connect_timeout=2) as connection:
            row = connection.execute(statement.encode()).fetchone()
        return row[0] if row else None

    def log_at(self) -> int:
        """How far the database's log has come, or been followed; bytes."""
        place = "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END"
        return int(str(self.ask(f"SELECT pg_wal_lsn_diff({place}, '0/0')::bigint")))

    def die(self) -> None:
        """All of its processes at once. Nobody starts them again: a main region that comes back is no main region."""
        supervisor = psutil.Process(int((self.plan.run / "supervisord.pid").read_text()))
        processes = [supervisor, *supervisor.children(recursive=True)]
        for process in processes:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(processes, timeout=30)


@contextmanager
def two_regions(folder: Path) -> Iterator[tuple[Region, Region]]:
    """The second reads its standby and writes to the first; it works nothing off."""
    main = Region(Plan(folder / "main", free_ports()), {})
    with main.stack:
        plan = Plan(folder / "second", free_ports(), keeps_port=True)
        _standby(plan, main.plan)
        plan.media.symlink_to(main.plan.media)
        second = Region(
            plan,
            {
                "DATABASE_URL": main.plan.database_url,
                "ANB_DATABASE_READ_URL": plan.database_url,
                "CELERY_BROKER_URL": f"redis://127.0.0.1:{main.plan.ports.redis}/0",
            },
        )
        with second.stack:
            for name in ("worker", "beat"):
                second.stack.control("stopProcess", name)
            yield main, second


def _standby(plan: Plan, of: Plan) -> None:
    plan.run.mkdir(parents=True)
    data = plan.run / "postgres"
    data.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(data, postgres_owner())
    Postgres(data).follow(of.ports.postgres)


def promote(second: Region) -> None:
    """Its database first; then its programs are told, and begin to work."""
    second.ask("SELECT pg_promote(true, 30)")
    second.plan.write_settings(
        {
            "DATABASE_URL": second.plan.database_url,
            "ANB_DATABASE_READ_URL": "",
            "CELERY_BROKER_URL": f"redis://127.0.0.1:{second.plan.ports.redis}/0",
        }
    )
    second.stack.control("stopProcess", "web")  # its port is kept: who reads meanwhile waits
    for name in ("web", "worker", "beat"):
        second.stack.control("startProcess", name)
