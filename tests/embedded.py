"""`anb up` as a process of its own, on a folder of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from anb.settings import names_of_places
from tests.server import free_port


class AnbUp:
    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.database_url = f"sqlite:///{folder / 'anb.db'}"
        self.media = folder / "media"
        self._command = [sys.executable, "-m", "anb.cli", "up", "--port", str(port), "--data-dir", str(folder)]
        others = names_of_places()  # of whatever contest the caller's shell is set for
        told = {name: value for name, value in os.environ.items() if not name.startswith("ANB_") and name not in others}
        self._environment = {**told, **settings}

    def start(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        """On the same port and folder each time."""
        return subprocess.Popen(self._command, env=self._environment, stdout=log, stderr=log)
