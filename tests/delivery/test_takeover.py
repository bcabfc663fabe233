"""How a release takes over on a web host, with a systemd that starts what it has read. tests/hosts does it for real."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# $FAKE/read is what systemd has read of $UNITS: a unit that it does not know, and all of them when it is told to.
# $FAKE/active is what runs: the text of the unit by which it was started.
STAND_INS = r"""
. "$ROOT/deployment/ec2-setup/lib.sh"
NOTES=$FAKE/notes APP_HOME=$FAKE/anb UNITS=$FAKE/units WORK=$FAKE/work RELEASE=$FAKE/source
release_name() { cat "$RELEASE/name"; }
owned() { :; }
chown() { :; }
read_once() { [[ -e $FAKE/read/$1 ]] || cp "$UNITS/$1" "$FAKE/read/$1"; }
systemctl() {
    local name=${*: -1}
    if [[ $1 == is-* ]]; then
        [[ -e $FAKE/active/$name ]] || return 3
        [[ $* == *--quiet* ]] || echo active
        return
    fi
    echo "$*" >>"$FAKE/asked"
    [[ ${BREAKS_OFF-} != "$*" ]] || exit 9
    case $1 in
        daemon-reload) rm -rf "$FAKE/read" && cp -r "$UNITS" "$FAKE/read" ;;
        enable) ;;
        restart) read_once "$name" && cp "$FAKE/read/$name" "$FAKE/active/$name" ;;
        stop) read_once "$name" && rm -f "$FAKE/active/$name" ;;
        *) exit 64 ;;
    esac
}
"""


WEB = "settings <<<$SETTING\nweb_release"
# As 03-worker-setup.sh.
WORKER = """
for_service celery.service
settings <<<$SETTING
serve_release
unit celery.service
running celery.service
unit celerybeat.service
running celerybeat.service
have_started
"""


class Host:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("anb/releases", "units", "read", "active", "work", "source"):
            (folder / name).mkdir(parents=True)
        (folder / "source/deployment").mkdir()
        (folder / "source/deployment/systemd").symlink_to(ROOT / "deployment/systemd")

    def run(
        self, name: str, setting: str = "A=1", *, dry_run: str = "no", breaks_off: str = "", script: str = WEB
    ) -> list[str]:
        """What was said."""
        (self.folder / "source/name").write_text(name)
        (self.folder / "anb/releases" / name).mkdir(exist_ok=True)
        (self.folder / "asked").write_text("")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"{STAND_INS}\nDRY_RUN={dry_run}\n{script}"],
            env={
                "PATH": "/usr/bin:/bin", "ROOT": str(ROOT), "FAKE": str(self.folder), "SETTING": setting,
                "BREAKS_OFF": breaks_off,
            },
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        assert (done.returncode != 0) is (breaks_off != ""), done.stderr
        return done.stdout.splitlines()

    def asked(self) -> list[str]:
        return (self.folder / "asked").read_text().splitlines()

    def active(self) -> set[str]:
        return {path.name for path in (self.folder / "active").iterdir()}

    def state(self) -> dict[str, str]:
        """All that lies there; of the script's own notes nothing."""
        found = {}
        for path in sorted(self.folder.rglob("*")):
            name = str(path.relative_to(self.folder))
            if path.is_symlink():
                found[name] = str(path.readlink())
            elif path.is_file() and not name.startswith(("work/", "asked", "source/")):
                found[name] = path.read_text()
        return found


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """Release one serves."""
    host = Host(tmp_path)
    host.run("one")
    assert host.active() == {"fastapi.socket", "fastapi.service"}
    return host


def assert_serves(host: Host, name: str) -> None:
    assert host.folder.joinpath("anb/current").readlink().name == name
    assert host.active() == {"fastapi.socket", "fastapi.service"}
    assert not host.folder.joinpath("anb/next").is_symlink()
    assert not host.folder.joinpath("units/fastapi-next.service").exists()
    assert host.run(name) == []
    assert not [call for call in host.asked() if call != "daemon-reload"]


def test_a_release_takes_over_and_leaves_nothing_behind(host: Host) -> None:
    host.run("two")
    assert_serves(host, "two")


MOMENTS = ("restart fastapi-next.service", "restart fastapi.service", "stop fastapi-next.service")


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("fell", [False, True])
def test_after_a_run_that_was_broken_off_a_dry_run_changes_nothing(host: Host, moment: str, fell: bool) -> None:
    host.run("two", breaks_off=moment)
    if fell:
        host.folder.joinpath("active/fastapi.service").unlink()
    before = host.state()
    said = host.run("two", dry_run="yes")
    assert (host.asked(), host.state()) == ([], before)
    assert "would: end fastapi-next.service, once fastapi.service serves" in said
    assert all(line.startswith("would: ") for line in said)


@pytest.mark.parametrize("next_one", ["two", "three"])
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("fell", [False, True])
def test_a_run_that_was_broken_off_is_finished_by_the_next(host: Host, moment: str, fell: bool, next_one: str) -> None:
    host.run("two", breaks_off=moment)
    if fell:
        host.folder.joinpath("active/fastapi.service").unlink()
    host.run(next_one)
    assert_serves(host, next_one)


@pytest.mark.parametrize(("name", "setting"), [("three", "A=1"), ("one", "A=1"), ("two", "A=2")])
def test_a_dry_run_says_what_the_run_then_does(host: Host, name: str, setting: str) -> None:
    host.run("two")
    before = host.state()
    said = host.run(name, setting, dry_run="yes")
    assert (host.asked(), host.state()) == ([], before)
    done = host.run(name, setting)
    assert [line.removeprefix("would: ") for line in said] == [line.removeprefix("changed: ") for line in done]
    assert any("take over" in line for line in done)


def test_a_dry_run_on_a_new_host_writes_nothing(tmp_path: Path) -> None:
    host = Host(tmp_path)
    said = host.run("one", dry_run="yes")
    assert f"would: file {tmp_path}/units/fastapi.service, 644 root:root" in said
    assert (host.asked(), host.state()) == ([], {"source/deployment/systemd": str(ROOT / "deployment/systemd")})


@pytest.mark.parametrize("broken_off", [False, True])
def test_a_service_that_fell_is_started_by_the_unit_that_lies_there_now(host: Host, broken_off: bool) -> None:
    """systemd has read an older one, and knows it still."""
    unit = (ROOT / "deployment/systemd/fastapi.service").read_text()
    for place in ("read", "units"):
        (host.folder / place / "fastapi.service").write_text("[Service]\n")
    (host.folder / "active/fastapi.service").unlink()
    if broken_off:  # it has written the unit, and no more
        (host.folder / "units/fastapi.service").write_text(unit)
    host.run("two")
    assert (host.folder / "active/fastapi.service").read_text() == unit


def test_a_unit_that_was_mended_under_a_service_that_runs_is_read_too(host: Host) -> None:
    """systemd starts it anew by itself when it dies."""
    for place in ("read", "units"):
        (host.folder / place / "fastapi.service").write_text("[Service]\n")
    host.run("one")
    assert (host.folder / "read/fastapi.service").read_text() != "[Service]\n"
    assert host.asked() == ["daemon-reload"]


@pytest.mark.parametrize("moment", ["daemon-reload", "restart --no-block celery.service", "enable celerybeat.service"])
def test_a_worker_whose_run_was_broken_off_before_the_start_is_started_by_the_next(tmp_path: Path, moment: str) -> None:
    host = Host(tmp_path)
    host.run("one", script=WORKER, breaks_off="enable celerybeat.service" if moment.startswith("enable") else "")
    if not moment.startswith("enable"):
        host.run("two", script=WORKER, breaks_off=moment)
    before = host.state()
    assert "would: start celery.service" in host.run("two", script=WORKER, dry_run="yes")
    assert host.state() == before
    host.run("two", script=WORKER)
    starts = [call for call in host.asked() if call.startswith("restart")]
    assert starts == ["restart --no-block celery.service", "restart --no-block celerybeat.service"]
    assert host.run("two", script=WORKER) == []
    assert host.asked() == ["daemon-reload"] * 2
