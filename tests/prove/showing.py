"""The command of a proof that is shown under load."""

import argparse
import random
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from anb import logs
from anb.settings import load_settings

Show = Callable[[Path, int, float, Console], bool]
"""In a folder, by a seed, with so many seconds of load; whether what was promised is so."""


def main(name: str, about: str, seconds: float, when: str, show: Show) -> int:
    """The exit code. Data and logs stay where the promise was broken."""
    parser = argparse.ArgumentParser(prog=f"make {name}", description=about)
    parser.add_argument("--seconds", type=float, default=seconds, help=f"of load {when}")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    arguments = parser.parse_args()
    console = Console(highlight=False, width=120)
    logs.configure(load_settings(log_level="error"))
    folder = Path(tempfile.mkdtemp(prefix=f"anb-{name}-"))
    folder.chmod(0o755)  # PostgreSQL's user must come through
    if show(folder, arguments.seed, arguments.seconds, console):
        subprocess.run(["rm", "-rf", folder], check=True)
        return 0
    console.print(f"Data and logs: {folder}")
    return 1
