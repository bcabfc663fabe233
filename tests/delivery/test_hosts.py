"""deployment/delivery/hosts.sh, with an `aws` that keeps objects in a folder, writes down what the stack is told, and
runs what is sent to a machine."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

AWS = r"""#!/usr/bin/env bash
[[ -z ${FAILS-} || "$*" != *"$FAILS"* ]] || exit 1
case "$1 $2" in
    "cloudformation describe-stacks")
        running=$(tail -n 1 "$KEPT/stack")
        [[ $* == *ReleaseKey* ]] && sed 's/ReleaseKey=//; s/ .*//' <<<"$running" || echo "${running##*=}" ;;
    "cloudformation deploy") echo "${*: -2}" >>"$KEPT/stack" ;;
    "sts get-caller-identity") echo 123456789012 ;;
    "s3 cp") if [[ $4 == - ]]; then cat >"$KEPT/$(basename "$5")"; else cat "$KEPT/$(basename "$4")"; fi ;;
    "s3api put-object") cp "$8" "$KEPT/$(basename "$6")" ;;
    "cloudformation list-stack-resources")
        printf '%s\t%s\n' Worker i-w1 WebServer2 i-s2 FileServer i-f WebServer i-s1 ;;
    "ssm send-command")
        export INSTANCE=$4
        if [[ -s "$KEPT/starting" ]]; then
            sed -i 1d "$KEPT/starting"
            echo "An error occurred (InvalidInstanceId) when calling the SendCommand operation" >&2
            exit 254
        fi
        echo "to $INSTANCE" >>"$KEPT/events"
        python3 -c 'import json, sys; print(*json.loads(sys.argv[1])["commands"], sep="\n")' "${12}" |
            sed "s,/var/lib/cloud/instance,$KEPT,; s,/opt/anb,$KEPT/opt," >"$KEPT/command"
        ! sh "$KEPT/command" >"$KEPT/said" 2>&1 || ended=Success
        printf '%s\n' "" Pending InProgress "${ended:-Failed}" >"$KEPT/states"
        echo "command-of-$INSTANCE" ;;
    "ssm get-command-invocation")
        [[ $4 == "command-of-$6" ]] || exit 64
        [[ $8 == Status ]] || { cat "$KEPT/said"; exit; }
        state=$(head -n 1 "$KEPT/states")
        [[ -n $state ]] || { sed -i 1d "$KEPT/states"; exit 254; }  # InvocationDoesNotExist
        sed -i '1{$!d}' "$KEPT/states"
        echo "$state"
        [[ $state != Success && $state != Failed ]] || echo "$6 $state" >>"$KEPT/events" ;;
    *) exit 64 ;;
esac
"""

BOOT = r"""#!/usr/bin/env bash
running=$(tail -n 1 "$KEPT/stack")
[[ $running == *old* ]] && version=0.0.9 || version=9.9.9
if [[ $INSTANCE == "${REFUSES-}" && $version == 9.9.9 ]]; then
    echo "Release 9.9.9 does not start"
    exit 1
fi
mkdir -p "$KEPT/opt/release/src/anb"
sed "s/^\(__version__ = \).*/\1\"$version\"/" src/anb/__init__.py >"$KEPT/opt/release/src/anb/__init__.py"
echo "$version" >"$KEPT/$INSTANCE"
"""
"""What cloud-init has kept on each of the machines."""

CURL = r"""#!/usr/bin/env bash
version=$(cat "$KEPT/${SERVES:-$INSTANCE}")
[[ ${*: -1} == http://127.0.0.1:8080/ready ]] || echo "{\"status\":\"healthy\",\"version\":\"$version\"}"
[[ $INSTANCE != "${NOT_READY-}" || $(cat "$KEPT/$INSTANCE") != 9.9.9 ]]
"""

ALL = ["i-f", "i-s1", "i-s2", "i-w1"]

OLD = "ReleaseKey=releases/old.tar.gz ReleaseSha256=0123"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """`make` would write the templates, which infra/tests looks at."""
    make = '#!/bin/sh\necho "$*" >>"$KEPT/made"\n'
    for folder in ("scripts", "temporary"):
        (tmp_path / folder).mkdir()
    programs = {"aws": AWS, "make": make, "curl": CURL, "sleep": "#!/bin/sh\n", "scripts/part-001": BOOT}
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "other").write_text("0.0.1\n")
    (tmp_path / "stack").write_text(f"{OLD}\n")
    return {
        "PATH": f"{tmp_path}:{os.environ['PATH']}", "KEPT": str(tmp_path), "ANB_TEMPLATES_BUCKET": "templates",
        "TMPDIR": str(tmp_path / "temporary"),
    }  # fmt: skip


def call(environment: dict[str, str], action: str, phase: int) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "deployment" / "delivery" / "hosts.sh"), action, str(phase), "v9", "releases"]
    return subprocess.run(command, env=environment, check=False, capture_output=True, text=True, cwd=ROOT)


def run(environment: dict[str, str], action: str, phase: int = 2) -> str:
    call(environment, action, phase).check_returncode()
    return told(environment)[-1]


def told(environment: dict[str, str]) -> list[str]:
    """What the stack was told, the newest last."""
    return (Path(environment["KEPT"]) / "stack").read_text().splitlines()


def events(environment: dict[str, str]) -> list[str]:
    kept = Path(environment["KEPT"]) / "events"
    return kept.read_text().splitlines() if kept.exists() else []


def versions(environment: dict[str, str]) -> dict[str, str]:
    """Of the machines that have run their script."""
    return {path.name: path.read_text().strip() for path in sorted(Path(environment["KEPT"]).glob("i-*"))}


def test_the_stack_is_given_the_archive_and_its_digest_and_goes_back(environment: dict[str, str]) -> None:
    key, digest = (part.partition("=")[2] for part in run(environment, "deploy").split())
    archive = Path(environment["KEPT"]) / Path(key).name
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == digest
    assert (Path(environment["KEPT"]) / "made").read_text() == "--no-print-directory infra-synth PHASE=2\n"
    listed = subprocess.run(["tar", "-tzf", archive], check=True, capture_output=True, text=True).stdout
    assert "anb-v9/deployment/ec2-setup/lib.sh" in listed
    assert run(environment, "back") == OLD


def test_one_commit_is_one_archive_and_deployed_twice_it_still_goes_back(environment: dict[str, str]) -> None:
    assert run(environment, "deploy") == run(environment, "deploy")
    assert run(environment, "back") == OLD


@pytest.mark.parametrize(
    ("action", "fails"),
    [
        ("deploy", "s3api"),  # neither put nor there
        ("deploy", "ParameterKey=='ReleaseKey'"),
        ("deploy", "ParameterKey=='ReleaseSha256'"),
        ("deploy", "s3 cp"),
        ("back", "s3 cp"),
    ],
)
def test_what_fails_on_the_way_leaves_the_stack_alone(environment: dict[str, str], action: str, fails: str) -> None:
    if action == "back":
        run(environment, "deploy")
    before = (Path(environment["KEPT"]) / "stack").read_text()
    with pytest.raises(subprocess.CalledProcessError):
        run(environment | {"FAILS": fails}, action)
    assert (Path(environment["KEPT"]) / "stack").read_text() == before


def test_without_a_release_before_there_is_no_way_back(environment: dict[str, str]) -> None:
    (Path(environment["KEPT"]) / "before-v9").write_text("")
    with pytest.raises(subprocess.CalledProcessError):
        run(environment, "back")
    assert (Path(environment["KEPT"]) / "stack").read_text() == f"{OLD}\n"


@pytest.mark.parametrize("phase", [0, 1])
def test_machines_with_a_name_take_a_release_and_go_back_one_after_the_other(
    environment: dict[str, str], phase: int
) -> None:
    one_by_one = [event for host in ALL for event in (f"to {host}", f"{host} Success")]
    run(environment, "deploy", phase)
    assert events(environment) == one_by_one, "the file server, the web servers, then the workers"
    assert versions(environment) == dict.fromkeys(ALL, "9.9.9")
    assert run(environment, "back", phase) == OLD
    assert events(environment) == one_by_one * 2
    assert versions(environment) == dict.fromkeys(ALL, "0.0.9")


def test_groups_roll_by_themselves(environment: dict[str, str]) -> None:
    run(environment, "deploy", 2)
    assert events(environment) == []


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ({"REFUSES": "i-s1"}, "Release 9.9.9 does not start"),
        ({"NOT_READY": "i-s1"}, "WebServer has not taken the release"),
    ],
)
def test_a_machine_that_does_not_take_a_release_takes_all_back_and_the_later_ones_never_get_it(
    environment: dict[str, str], trouble: dict[str, str], reason: str
) -> None:
    done = call(environment | trouble, "deploy", 1)
    assert done.returncode == 1
    assert reason in done.stderr
    assert [event for event in events(environment) if event.startswith("to")] == [
        "to i-f", "to i-s1", *(f"to {host}" for host in ALL),
    ]  # fmt: skip
    assert told(environment)[-1] == OLD
    assert versions(environment) == dict.fromkeys(ALL, "0.0.9")


def test_a_web_server_that_answers_with_another_version_has_not_taken_it(environment: dict[str, str]) -> None:
    done = call(environment | {"SERVES": "other"}, "deploy", 0)
    assert done.returncode == 1
    assert "WebServer has not taken the release" in done.stderr
    assert "i-s1 Failed" in events(environment)


def test_on_the_way_back_one_ill_machine_does_not_keep_the_others(environment: dict[str, str]) -> None:
    run(environment, "deploy", 1)
    done = call(environment | {"SERVES": "other"}, "back", 1)
    assert done.returncode == 1
    assert versions(environment) == dict.fromkeys(ALL, "0.0.9")


def test_a_machine_whose_agent_is_starting_is_asked_again(environment: dict[str, str]) -> None:
    (Path(environment["KEPT"]) / "starting").write_text("refused\n" * 3)
    run(environment, "deploy", 1)
    assert versions(environment) == dict.fromkeys(ALL, "9.9.9")
    assert not list(Path(environment["TMPDIR"]).iterdir())


def test_a_machine_that_never_comes_up_ends_the_roll(environment: dict[str, str]) -> None:
    (Path(environment["KEPT"]) / "starting").write_text("refused\n" * 61)
    done = call(environment, "deploy", 1)
    assert done.returncode == 1
    assert "InvalidInstanceId" in done.stderr
    assert told(environment)[-1] == OLD


@pytest.mark.parametrize("fails", ["list-stack-resources", "ssm send-command", "ssm get-command-invocation"])
def test_what_is_not_heard_of_a_machine_is_no_success(environment: dict[str, str], fails: str) -> None:
    assert call(environment | {"FAILS": fails}, "deploy", 1).returncode == 1
    assert told(environment)[-1] == OLD
