"""Which releases a host keeps: what runs, and what ran before it."""

import subprocess
from pathlib import Path

import pytest

LIB = Path(__file__).parents[2] / "deployment" / "ec2-setup" / "lib.sh"

SERVE = f""". {LIB}
APP_HOME=$1 DRY_RUN=$3
release_name() {{ echo "$NAME"; }}
NAME=$2
serve_release
"""


class Host:
    def __init__(self, home: Path) -> None:
        self.home = home

    def install(self, name: str) -> None:
        (self.home / "releases" / name).mkdir(parents=True)

    def serve(self, name: str, dry_run: str = "no") -> str:
        if not (self.home / "releases" / name).exists():
            self.install(name)
        command = ["bash", "-euo", "pipefail", "-c", SERVE, "serve", str(self.home), name, dry_run]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def kept(self) -> set[str]:
        return {path.name for path in (self.home / "releases").iterdir()}

    def links(self) -> tuple[str, str]:
        return self.home.joinpath("current").readlink().name, self.home.joinpath("previous").readlink().name


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_a_first_release_has_none_before_it(host: Host) -> None:
    host.serve("one")
    assert host.kept() == {"one"}
    assert not (host.home / "previous").is_symlink()


def test_the_release_before_stays_and_what_was_before_that_goes(host: Host) -> None:
    for name in ("one", "two", "three"):
        host.serve(name)
    assert (host.kept(), host.links()) == ({"two", "three"}, ("three", "two"))
    host.serve("two")
    assert (host.kept(), host.links()) == ({"two", "three"}, ("two", "three"))


def test_the_release_that_runs_already_leaves_the_way_back(host: Host) -> None:
    for name in ("one", "two"):
        host.serve(name)
    assert host.serve("two") == ""
    assert (host.kept(), host.links()) == ({"one", "two"}, ("two", "one"))


def test_one_that_was_refused_takes_no_place_of_the_one_that_ran(host: Host) -> None:
    host.serve("one")
    host.install("refused")
    host.serve("two")
    assert (host.kept(), host.links()) == ({"one", "two"}, ("two", "one"))


def test_a_host_that_cannot_tell_what_ran_before_keeps_all(host: Host) -> None:
    host.serve("one")
    host.install("older")
    host.serve("one")
    assert host.kept() == {"one", "older"}


def test_a_dry_run_changes_nothing(host: Host) -> None:
    host.serve("one")
    assert "would: link" in host.serve("two", "yes")
    assert host.kept() == {"one", "two"}
    assert host.home.joinpath("current").readlink().name == "one"
    assert not (host.home / "previous").is_symlink()
