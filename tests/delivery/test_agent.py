"""deployment/cloudwatch/install.sh in a root of its own, with stand-ins that write down what they were asked for.

That of dpkg leaves the agent's control program behind, as the real package does.
"""

import os
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "deployment/cloudwatch"
CONTROL = "/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl"
PACKAGE = "s3://amazoncloudwatch-agent-us-east-1/ubuntu/amd64/latest/amazon-cloudwatch-agent.deb"
STARTED = "amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -s -c file:{}/{}.json"

SAYS = """#!/bin/bash
echo "$(basename "$0") $*" >>"$ROOT/calls"
"""
STAND_INS = {
    "aws": SAYS + '[[ -z ${AWS_IS_AWAY:-} ]] && echo "a package" >"${*: -1}"\n',
    "dpkg": SAYS
    + f"""grep -q "a package" "${{*: -1}}" || exit 1
mkdir -p "$ROOT$(dirname {CONTROL})" "$ROOT/opt/aws/amazon-cloudwatch-agent/etc"
cp "$ROOT/bin/systemctl" "$ROOT{CONTROL}"
""",
    "systemctl": SAYS,
    "usermod": SAYS,
    # Without the owners, whom this machine may not have.
    "install": """#!/bin/bash
while (($#)); do case $1 in -o | -g) shift 2 ;; *) kept+=("$1") && shift ;; esac; done
exec /usr/bin/install "${kept[@]}"
""",
}


class Host:
    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("bin", "etc/rsyslog.d", "etc/logrotate.d", "var/log"):
            (root / folder).mkdir(parents=True)
        for name, text in STAND_INS.items():
            (root / "bin" / name).write_text(text)
            (root / "bin" / name).chmod(0o755)
        script = (FOLDER / "install.sh").read_text()
        for place in ("/opt/aws", "/etc/rsyslog.d", "/etc/logrotate.d"):
            script = script.replace(place, f"{root}{place}")
        # Where it is made, and not where rsyslog's own configuration names it.
        script = script.replace("750 /var/log/anb", f"750 {root}/var/log/anb")
        here = root / "release"
        here.mkdir()
        (here / "install.sh").write_text(script)
        for file in (*FOLDER.glob("*.json"), *FOLDER.glob("*.yml")):
            (here / file.name).write_text(file.read_text())

    def run(self, *arguments: str, **environment: str) -> int:
        path = f"{self.root}/bin:{os.environ['PATH']}"
        given = {"PATH": path, "ROOT": str(self.root), "AWS_DEFAULT_REGION": "us-east-1", **environment}
        command = ["bash", str(self.root / "release/install.sh"), *arguments]
        return subprocess.run(command, env=given, capture_output=True, check=False).returncode

    def calls(self) -> list[str]:
        """Without the words of a temporary name, and since the last look."""
        said = self.root / "calls"
        lines = said.read_text().splitlines() if said.exists() else []
        said.unlink(missing_ok=True)
        return [" ".join(word for word in line.split() if not word.endswith(".deb") or "://" in word) for line in lines]

    def files(self) -> dict[str, str]:
        places = ("etc", "opt/aws", "var")
        found = [path for place in places for path in (self.root / place).rglob("*") if path.is_file()]
        return {str(path.relative_to(self.root)): path.read_text() for path in found}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


@pytest.mark.parametrize("role", ["web", "worker", "fileserver"])
def test_a_first_boot_has_the_agent_and_a_second_fetches_it_no_more(host: Host, role: str) -> None:
    assert host.run(role) == 0
    configured = ["usermod --append --groups adm cwagent", "systemctl restart rsyslog"]
    configured.append(STARTED.format(host.root / "release", role))
    assert host.calls() == [
        f"aws s3 cp --only-show-errors --no-sign-request {PACKAGE}",
        "dpkg -i -E",
        *configured,
    ]
    files = host.files()
    assert (host.root / "var/log/anb").stat().st_mode & 0o777 == 0o750
    assert host.run(role) == 0
    assert host.calls() == configured
    assert host.files() == files


@pytest.mark.parametrize(("role", "scrapes"), [("web", True), ("worker", True), ("fileserver", False)])
def test_who_has_metrics_of_the_application_is_scraped(host: Host, role: str, scrapes: bool) -> None:
    host.run(role)
    prometheus = host.files().get("opt/aws/amazon-cloudwatch-agent/etc/prometheus.yml")
    assert prometheus == ((FOLDER / f"{role}.yml").read_text() if scrapes else None)


def test_the_applications_lines_go_where_the_agent_reads_them(host: Host) -> None:
    host.run("web")
    files = host.files()
    for name in ("etc/rsyslog.d/30-anb.conf", "etc/logrotate.d/anb"):
        assert "/var/log/anb/app.log" in files[name]
    assert '"file_path": "/var/log/anb/app.log"' in (FOLDER / "web.json").read_text()


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        pytest.param((), {}, id="no role"),
        pytest.param(("database",), {}, id="a role that there is not"),
        pytest.param(("web",), {"AWS_DEFAULT_REGION": ""}, id="no region"),
    ],
)
def test_a_wrong_call_changes_nothing(host: Host, arguments: tuple[str, ...], environment: dict[str, str]) -> None:
    assert host.run(*arguments, **environment) != 0
    assert (host.calls(), host.files()) == ([], {})


def test_without_the_package_nothing_is_told_to_send(host: Host) -> None:
    assert host.run("web", AWS_IS_AWAY="yes") != 0
    assert host.calls() == [f"aws s3 cp --only-show-errors --no-sign-request {PACKAGE}"]
    assert host.files() == {}
