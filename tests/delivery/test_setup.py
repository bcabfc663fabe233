"""What deployment/ec2-setup/lib.sh makes of the file server's address. tests/hosts runs the scripts whole."""

import subprocess
from pathlib import Path

import pytest

LIB = Path(__file__).parents[2] / "deployment/ec2-setup/lib.sh"

# Steps that would change this machine say what they were asked for.
STUBS = """
packages() { :; }
findmnt() { false; }
folder() { echo "folder $*"; }
file() { echo "file $1: $(grep " $MEDIA ")"; }
running() { echo "running $*"; }
active() { echo "active $*"; }
"""
SHARED = "proto=tcp,{},retrans=2,retry=10080,nosuid,nodev,noexec,_netdev,nofail,x-systemd.mount-timeout=infinity 0 0"


def said(script: str, **environment: str) -> list[str]:
    done = subprocess.run(
        ["bash", "-euc", f". {LIB}\n{STUBS}\n{script}"], env={"PATH": "/usr/bin:/bin", **environment}, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout.splitlines()


def test_a_file_server_of_ours_is_mounted_and_has_made_its_folders() -> None:
    *_, written, started = said("mounted_media", FILESERVER_ADDRESS="10.0.1.30")
    options = "rw,hard,vers=4.2," + SHARED.format("timeo=100")
    assert written == f"file /etc/fstab: 10.0.1.30:/shared/media /app/media nfs4 {options}"
    assert started == "running app-media.mount"


def test_an_export_of_efs_is_mounted_by_its_rules_and_given_the_folder_of_uploads() -> None:
    *_, written, started, waited, made = said("mounted_media", FILESERVER_ADDRESS="fs-1.efs.us-east-1.amazonaws.com:/")
    options = "rw,hard,vers=4.1," + SHARED.format("timeo=600,noresvport")
    assert written == f"file /etc/fstab: fs-1.efs.us-east-1.amazonaws.com:/ /app/media nfs4 {options}"
    assert (started, waited) == ("running app-media.mount", "active app-media.mount")
    assert made == "folder /app/media/incoming 750 appuser:appuser"


@pytest.mark.parametrize(
    ("address", "right"),
    [
        ("10.0.1.30", True),
        ("files.internal", True),
        ("fs-1.efs.us-east-1.amazonaws.com:/", True),
        ("10.0.1.30:/exports/anb_1", True),
        ("10.0.1.30:", False),
        ("10.0.1.30:relative", False),
        ("10.0.1.30:/with space", False),
        (":/", False),
    ],
)
def test_which_addresses_are_taken(address: str, right: bool) -> None:
    wanted = 'want_application; printf "%s\\n" "${PROBLEMS[@]}" | grep FILESERVER_ADDRESS || true'
    assert (said(wanted, FILESERVER_ADDRESS=address) == []) is right


@pytest.mark.parametrize(
    ("ours", "its_own", "installs"),
    [("3.11.0", "", True), ("", "", True), ("RAISED", "", False), ("", "3.12.1", False), ("3.11.0", "3.12.1", True)],
)
def test_a_raised_version_of_python_reaches_the_hosts_that_have_ours(
    tmp_path: Path, ours: str, its_own: str, installs: bool
) -> None:
    """A host's own Python is its distribution's to renew."""
    raised = (LIB.parent / "python-version").read_text().strip()
    for folder, version in ((tmp_path / "anb/python/bin", ours.replace("RAISED", raised)), (tmp_path / "bin", its_own)):
        if version:
            folder.mkdir(parents=True)
            for name in ("python3", "python3.12"):
                (folder / name).write_text(f'#!/bin/sh\n[ "$1" != --version ] || echo "Python {version}"\n')
                (folder / name).chmod(0o755)
    wanted = "APP_HOME=$HERE/anb DRY_RUN=yes; PATH=$HERE/bin:/bin; command() { builtin command -v $2 | grep ^$HERE; }"
    found = said(f"{wanted}; python_of_host", HERE=str(tmp_path), RELEASE=str(LIB.parents[2]))
    assert any(line.startswith("would: Python") for line in found) is installs


def test_the_lists_of_packages_are_waited_for() -> None:
    """Another apt holds them at first."""
    stubs = 'sleep() { echo slept; }; TRIES=0; apt-get() { echo "$*"; TRIES=$((TRIES + 1)); [[ $TRIES -eq 2 ]]; }'
    assert said(f"{stubs}; fresh_lists") == ["update -q", "slept", "update -q"]
