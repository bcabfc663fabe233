"""deployment/delivery/clusters.sh, beside stand-ins for what one region does; that is deployment/kubernetes/tests'."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "deployment" / "delivery" / "clusters.sh"
STAND_INS = {
    "aws": '[ "$UNREACHED" != "$4" ] || exit 1\necho "$4" >"$KEPT/here"\n',
    "rollout.sh": 'echo "out $1 $2" >>"$KEPT/done"\n[ "$FAILS" != "$1" ]\n',
    "rollback.sh": 'read -r here <"$KEPT/here"\necho "back $here" >>"$KEPT/done"\n[ "$STAYS" != "$here" ]\n',
}


def run(folder: Path, *arguments: str, fails: str = "", unreached: str = "", stays: str = "") -> tuple[int, list[str]]:
    """The exit code, and what was done where."""
    shutil.copy(SCRIPT, folder)
    for name, text in STAND_INS.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}")
        (folder / name).chmod(0o755)
    (folder / "done").write_text("")
    environment = {
        "PATH": f"{folder}:{os.environ['PATH']}", "KEPT": str(folder), "FAILS": fails, "UNREACHED": unreached,
        "STAYS": stays,
    }  # fmt: skip
    done = subprocess.run([folder / SCRIPT.name, *arguments], env=environment, check=False, capture_output=True)
    return done.returncode, (folder / "done").read_text().splitlines()


def test_one_region_after_the_other(tmp_path: Path) -> None:
    assert run(tmp_path, "deploy", "image", "one", "two") == (0, ["out one image", "out two image"])
    assert run(tmp_path, "back", "one", "two") == (0, ["back one", "back two"])


def test_where_the_first_fails_the_others_are_left_alone(tmp_path: Path) -> None:
    assert run(tmp_path, "deploy", "image", "one", "two", fails="one") == (1, ["out one image"])


@pytest.mark.parametrize(("fails", "unreached", "third"), [("three", "", ["out three image"]), ("", "three", [])])
def test_those_that_have_a_release_which_another_refuses_go_back(
    tmp_path: Path, fails: str, unreached: str, third: list[str]
) -> None:
    code, done = run(tmp_path, "deploy", "image", "one", "two", "three", fails=fails, unreached=unreached, stays="two")
    assert (code, done) == (1, ["out one image", "out two image", *third, "back two", "back one"])


def test_one_that_cannot_go_back_keeps_no_other_from_it(tmp_path: Path) -> None:
    assert run(tmp_path, "back", "one", "two", stays="one") == (1, ["back one", "back two"])


@pytest.mark.parametrize("words", [(), ("undo", "image", "one"), ("deploy",), ("deploy", "image"), ("back",)])
def test_a_wrong_call_is_refused(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert run(tmp_path, *words) == (2, [])
