from pathlib import Path

import pytest

from anb.processing.convert import Converted, convert
from anb.processing.limits import Limits
from tests.media.factory import Samples


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return Samples(tmp_path_factory.mktemp("samples"))


class Workbench:
    """Converts and remembers nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.progress: list[float] = []

    def convert(self, source: Path) -> Converted:
        return convert(source, self.folder, Limits(), on_progress=self.progress.append)


@pytest.fixture
def workbench(tmp_path: Path) -> Workbench:
    folder = tmp_path / "work"
    folder.mkdir()
    return Workbench(folder)
