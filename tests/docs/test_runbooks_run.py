"""The runbooks' commands, run against a contest: `make runbooks`."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from anb.settings import Settings
from anb.storage.local import LocalStorage
from tests.cast import Cast
from tests.conftest import SECRET, SHAPES
from tests.docs import contest
from tests.docs.pages import ROOT, names, page
from tests.media.factory import AAC, X264, ffmpeg, picture, tone


@pytest.fixture(scope="session")
def clip() -> bytes:
    with_sound = (*picture(), *tone(), *X264, *AAC, "-movflags", "frag_keyframe+empty_moov", "-f", "mp4", "-")
    return ffmpeg(*with_sound)


def ask_psql(name: str) -> bool:
    return any("psql" in block.text for block in page(name).blocks if block.runs)


@pytest.mark.parametrize(
    ("database_url", "name"),
    [(shape, name) for shape in SHAPES for name in names() if shape == "postgresql" or not ask_psql(name)],
    indirect=["database_url"],
)
def test_the_commands_of_a_runbook_do_what_it_says(
    name: str, cast: Cast, settings: Settings, clip: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """All in one shell, as its reader has. Who restores has made a backup, when all was well."""
    contest.prepare(cast, LocalStorage(Path(settings.media)), clip)
    blocks = [one for one in page(name).blocks if one.runs]
    here = tmp_path_factory.mktemp("here")
    script = "\n".join(f"echo 'BLOCK {number}'\n{block.text}" for number, block in enumerate(blocks))
    if "anb restore" in script:
        script = f'anb backup "$BACKUPS"\n{script}'
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"exec 2>&1\n{script}"], env=_environment(settings, here), cwd=here,
        capture_output=True, text=True, timeout=170, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    printed = re.split(r"^BLOCK \d+\n", done.stdout, flags=re.MULTILINE)[1:]
    for block, out in zip(blocks, printed, strict=True):
        for promise in block.promises:
            assert promise in re.sub(r" +", " ", out), done.stdout


def _environment(settings: Settings, here: Path) -> dict[str, str]:
    """What the reader's shell has: the application's settings, and what the page asks them to fill in."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "ANB_LOG_LEVEL": "error",
        "ANB_DATA_DIR": str(settings.data_dir),
        "MEDIA_ROOT": settings.media,
        "BACKUPS": str(here / "backups"),
        "RELEASE": str(ROOT),
        "PGTZ": "UTC",
    }
    if settings.database.startswith("postgresql"):
        environment["DATABASE_URL"] = settings.database.replace("postgresql+psycopg", "postgresql")
        environment["CELERY_BROKER_URL"] = settings.broker
        environment["SECRET_KEY"] = SECRET
    return environment
