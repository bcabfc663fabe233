import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

HOWTO = Path(__file__).parents[2] / "docs" / "howto"


def commands(page: str) -> list[str]:
    blocks: list[str] = re.findall(r"^```sh\n(.*?)^```", (HOWTO / page).read_text(), re.MULTILINE | re.DOTALL)
    return blocks


def test_both_languages_say_the_same_commands() -> None:
    assert commands("backup.md") == commands("backup.es.md") != []


def test_the_commands_of_the_howto_do_what_it_says(tmp_path: Path) -> None:
    """On a contest that `anb migrate` has just made."""
    script = "\n".join(["set -euo pipefail", "ANB_DATA_DIR=anb-data anb migrate", *commands("backup.md")])
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], env={"PATH": path, "ANB_LOG_LEVEL": "error"}, cwd=tmp_path, capture_output=True,
        text=True, timeout=170, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    for said in ("could be restored, whole", "RTO", "RPO", "Verified: 0 files", "All totals agree with the votes."):
        assert said in done.stdout
