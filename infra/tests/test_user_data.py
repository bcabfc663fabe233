"""What a host runs at boot, really run: with a stub for AWS, and a release whose scripts tell what they were given."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from infra.stacks.application import Application
from infra.tests.made import made

_SECRETS = {
    "arn:key": "s" * 64,
    "arn:redis": "r" * 48,
    "arn:database": json.dumps(
        {
            "username": "fastapi_user",
            "password": "pa/ss@word",
            "host": "db.example",
            "port": 5432,
            "dbname": "fastapi_db",
        }
    ),
}
_TOLD = ("FILESERVER_ADDRESS", "DATABASE_URL", "CELERY_BROKER_URL", "SECRET_KEY", "REDIS_PASSWORD", "PRIVATE_ADDRESS",
         "RELEASE", "BEAT", "WEB_ADDRESSES", "WORKER_ADDRESSES")  # fmt: skip


class Boot:
    """A root of its own for /opt, /etc and /var; commands that would change this machine are stubs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._release()
        self.stub("aws", f"""\
            case "$1 $2" in
              "s3 cp") cp {root}/anb.tar.gz "$5" ;;
              "ssm get-parameter") cat "{root}/$4" ;;
              "secretsmanager get-secret-value") cat {root}/"$4" ;;
              *) echo "aws $*" >> {root}/calls ;;
            esac""")  # fmt: skip
        for name in ("systemctl", "nginx", "mountpoint", "blkid", "mount"):
            self.stub(name, f'echo "{name} $*" >> {root}/calls')
        self.stub("curl", f'case "$*" in *api/token) echo t ;; *public-ipv4) cat {root}/address ;; esac')
        (root / "address").write_text("198.51.100.9")
        for name, value in _SECRETS.items():
            (root / name).write_text(value)

    def stub(self, name: str, text: str) -> None:
        path = self.root / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)

    def _release(self) -> None:
        tree = self.root / "tree/anb"
        for name in ("01-fileserver-setup.sh", "02-webserver-setup.sh", "03-worker-setup.sh"):
            script = tree / "deployment/ec2-setup" / name
            script.parent.mkdir(parents=True, exist_ok=True)
            lines = "".join(f'echo "{one}=${{{one}:-}}" >> {self.root}/{name}\n' for one in _TOLD)
            script.write_text(lines)
        watch = tree / "deployment/cloudwatch/install.sh"
        watch.parent.mkdir(parents=True)
        watch.write_text(f'echo "$1 $AWS_DEFAULT_REGION" > {self.root}/watched\n')
        with tarfile.open(self.root / "anb.tar.gz", "w:gz") as archive:
            archive.add(tree, "anb")

    def run(self, text: str, sha256: str = "", **values: str) -> subprocess.CompletedProcess[str]:
        """By the text of a group, or by the parameter that named hosts read, the release is the same one."""
        sha256 = sha256 or hashlib.sha256((self.root / "anb.tar.gz").read_bytes()).hexdigest()
        (self.root / "release").write_text(f"anb.tar.gz {sha256}\n")
        given = {
            "AWS::Region": "us-east-1", "AWS::StackName": "anb", "Release": "release",
            "ReleaseBucket": "releases", "ReleaseKey": "anb.tar.gz", "ReleaseSha256": sha256,
            "SigningSecret": "arn:key", "RedisSecret": "arn:redis", "DatabaseSecret": "arn:database",
            "Queue.PrimaryEndPoint.Address": "redis.example", "QueuePair.PrimaryEndPoint.Address": "pair.example",
            "MediaBucket": "anb-media", "Media": "folder",
            "MediaVolume": "vol-1", "WebAddress": "198.51.100.9", "StagingFiles": "fs-1", **values,
        }  # fmt: skip
        for name, value in given.items():
            text = text.replace(f"${{{name}}}", value)
        assert "${" not in text, "a reference that CloudFormation would not know"
        shell = text.split("Content-Type: text/x-shellscript\n\n")[1].split("\n--anb--")[0]
        for place in ("/opt/", "/var/log/", "/etc/", "/shared/", "/dev/disk/"):
            (self.root / place.strip("/")).mkdir(parents=True, exist_ok=True)
            shell = shell.replace(place, f"{self.root}{place}")
        (self.root / "etc/nginx/conf.d").mkdir(parents=True, exist_ok=True)
        (self.root / "etc/fstab").touch()
        (self.root / "dev/disk/by-id").mkdir(parents=True, exist_ok=True)
        (self.root / "dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol1").touch()
        path = f"{self.root / 'bin'}:{os.environ['PATH']}"
        return subprocess.run(["bash", "-c", shell], env={"PATH": path}, capture_output=True, text=True, check=False)

    def told(self, script: str) -> dict[str, str]:
        lines = (self.root / script).read_text().splitlines()
        return {name: value for name, _, value in (line.partition("=") for line in lines) if value}

    def local(self) -> dict[str, str]:
        lines = (self.root / "opt/anb/local.env").read_text().split()
        return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def boot(tmp_path: Path) -> Boot:
    return Boot(tmp_path)


def _text(phase: int, name: str) -> str:
    told = made(phase).properties(name)
    found: str = told.get("LaunchTemplateData", told)["UserData"]["Fn::Base64"]["Fn::Sub"]
    return found


def test_a_web_server_of_phase_0_is_told_what_its_script_wants(boot: Boot) -> None:
    run = boot.run(_text(0, "WebServer"))
    assert run.returncode == 0, run.stderr + run.stdout
    told = boot.told("02-webserver-setup.sh")
    assert told.pop("PRIVATE_ADDRESS")
    assert told == {
        "FILESERVER_ADDRESS": "10.0.1.30",
        "DATABASE_URL": "postgresql://fastapi_user:pa%2Fss%40word@db.example:5432/fastapi_db?sslmode=require",
        "CELERY_BROKER_URL": f"redis://:{'r' * 48}@10.0.1.10:6379/0",
        "SECRET_KEY": "s" * 64,
        "REDIS_PASSWORD": "r" * 48,
        "RELEASE": f"{boot.root}/opt/anb/release",
    }
    assert (boot.root / "watched").read_text().split() == ["web", "us-east-1"]


def test_the_web_server_of_phase_0_fetches_nothing_until_it_has_the_sites_address(boot: Boot) -> None:
    """What is under way when EC2 changes the address breaks off, and with it a first boot."""
    (boot.root / "address").write_text("203.0.113.50")
    boot.stub("sleep", f"echo slept >> {boot.root}/calls; echo 198.51.100.9 > {boot.root}/address")
    boot.stub("sha256sum", f"echo fetched >> {boot.root}/calls")
    assert boot.run(_text(0, "WebServer")).returncode == 0
    assert (boot.root / "calls").read_text().split()[:2] == ["slept", "fetched"]


def test_a_web_server_that_never_gets_its_address_boots_all_the_same(boot: Boot) -> None:
    boot.stub("curl", "exit 28")
    boot.stub("sleep", "")
    run = boot.run(_text(0, "WebServer"))
    assert run.returncode == 0, run.stderr + run.stdout


@pytest.mark.parametrize(("name", "beat"), [("Worker", "yes"), ("Worker2", "no"), ("Worker3", "no")])
def test_one_worker_of_phase_1_has_the_beat(boot: Boot, name: str, beat: str) -> None:
    assert boot.run(_text(1, name)).returncode == 0
    told = boot.told("03-worker-setup.sh")
    assert told["BEAT"] == beat
    assert told["CELERY_BROKER_URL"] == f"rediss://:{'r' * 48}@redis.example:6379/0"


def test_the_file_server_lets_in_all_of_phase_1(boot: Boot) -> None:
    run = boot.run(_text(1, "FileServer"))
    assert run.returncode == 0, run.stderr + run.stdout
    told = boot.told("01-fileserver-setup.sh")
    assert told["WEB_ADDRESSES"] == "10.0.1.10,10.0.2.10"
    assert told["WORKER_ADDRESSES"] == "10.0.1.20,10.0.2.20,10.0.1.21"
    assert not {"SECRET_KEY", "DATABASE_URL", "REDIS_PASSWORD"} & set(told), "it needs none"


@pytest.mark.parametrize(
    ("media", "root", "fallback"),
    [
        ("folder", "/app/media", ""),
        ("both", "/app/media", "s3://anb-media/media"),
        ("bucket", "s3://anb-media/media", "/app/media"),
    ],
)
def test_the_media_move_by_a_parameter_of_phase_1(boot: Boot, media: str, root: str, fallback: str) -> None:
    assert boot.run(_text(1, "WebServer"), Media=media).returncode == 0
    assert boot.local()["MEDIA_ROOT"] == root
    assert (boot.root / "opt/anb/local.env").stat().st_mode & 0o777 == 0o600  # the queue's password is in it
    assert boot.local()["ANB_MEDIA_FALLBACK"] == fallback
    assert "systemctl try-restart fastapi.service\n" in (boot.root / "calls").read_text()


@pytest.mark.parametrize("name", ["WebTemplate", "WorkerTemplate"])
def test_hosts_of_phase_2_have_media_in_the_bucket_uploads_on_efs_and_say_when_they_serve(
    boot: Boot, name: str
) -> None:
    assert boot.run(_text(2, name)).returncode == 0
    assert boot.local()["MEDIA_ROOT"] == "s3://anb-media/media"
    script = "02-webserver-setup.sh" if name == "WebTemplate" else "03-worker-setup.sh"
    assert boot.told(script)["FILESERVER_ADDRESS"] == "fs-1.efs.us-east-1.amazonaws.com:/"
    assert boot.local()["ANB_STAGING_DIR"] == "/app/media/incoming"
    assert boot.local()["CELERY_BROKER_URL"].endswith("@pair.example:6379/0")
    assert "aws cloudformation signal-resource" in (boot.root / "calls").read_text()


def test_worker_and_beat_take_the_same_step_of_the_move(boot: Boot) -> None:
    """The beat sweeps what no row names: with the settings of an earlier step it would look in the wrong place."""
    assert boot.run(_text(1, "Worker"), Media="bucket").returncode == 0
    assert "systemctl try-restart celery.service celerybeat.service\n" in (boot.root / "calls").read_text()


def test_a_first_boot_waits_for_ubuntus_own_timers(boot: Boot) -> None:
    """They hold the lock of apt's lists, then that of dpkg."""
    boot.stub("sleep", f"rm -f {boot.root}/lists-lock")
    boot.stub("apt-get", f"""\
        echo "apt-get $*" >> {boot.root}/calls
        [ "$1" != update ] || [ ! -e {boot.root}/lists-lock ]""")  # fmt: skip
    (boot.root / "lists-lock").touch()
    run = boot.run(_text(1, "FileServer").replace("command -v aws", "command -v none-yet"))
    assert run.returncode == 0, run.stderr + run.stdout
    assert [line for line in (boot.root / "calls").read_text().splitlines() if line.startswith("apt-get")] == [
        "apt-get update -q", "apt-get update -q", "apt-get install -y -q -o DPkg::Lock::Timeout=300 awscli",
    ]  # fmt: skip


def test_an_ubuntu_whose_apt_has_no_aws_gets_it_as_a_snap(boot: Boot) -> None:
    boot.stub("apt-get", '[ "$1" = update ]')
    boot.stub("snap", f'echo "snap $*" >> {boot.root}/calls')
    boot.stub("ln", f'echo "ln $*" >> {boot.root}/calls')
    run = boot.run(_text(1, "FileServer").replace("command -v aws", "command -v none-yet"))
    assert run.returncode == 0, run.stderr + run.stdout
    calls = (boot.root / "calls").read_text().splitlines()
    assert calls[:2] == ["snap install aws-cli --classic", "ln -sf /snap/bin/aws /usr/local/bin/aws"]


def test_a_second_boot_with_the_same_text_restarts_nothing(boot: Boot) -> None:
    text = _text(1, "Worker")
    boot.run(text)
    (boot.root / "calls").write_text("")
    assert boot.run(text).returncode == 0
    assert "restart" not in (boot.root / "calls").read_text()


@pytest.mark.parametrize(("phase", "name"), [(0, "WebServer"), (2, "WebTemplate")])
def test_a_release_with_another_digest_is_refused_before_anything_is_done(boot: Boot, phase: int, name: str) -> None:
    assert boot.run(_text(phase, name), sha256="0" * 64).returncode != 0
    assert not (boot.root / "02-webserver-setup.sh").exists()


def test_what_says_no_release_starts_nothing(boot: Boot) -> None:
    boot.stub("sleep", "")
    assert boot.run(_text(0, "WebServer"), Release="nowhere").returncode != 0
    assert not (boot.root / "02-webserver-setup.sh").exists()


def test_a_release_that_iam_does_not_let_read_yet_is_asked_for_again(boot: Boot) -> None:
    boot.stub("cp", f"""\
        [ -e {boot.root}/asked ] && exec /bin/cp "$@"
        touch {boot.root}/asked; exit 1""")  # fmt: skip
    boot.stub("sleep", "")
    run = boot.run(_text(0, "WebServer"))
    assert run.returncode == 0, run.stderr + run.stdout
    assert boot.told("02-webserver-setup.sh")


def test_a_release_waits_for_a_boot_that_is_not_over(boot: Boot) -> None:
    """Both would unpack into the same folder."""
    lock = boot.root / "opt/anb/setup.lock"
    lock.parent.mkdir(parents=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        boot.stub("flock", f"touch {boot.root}/waits; exec {shutil.which('flock')} --nonblock $1")
        assert boot.run(_text(0, "WebServer")).returncode != 0
    assert (boot.root / "waits").exists()
    assert not (boot.root / "02-webserver-setup.sh").exists()
    assert boot.run(_text(0, "WebServer")).returncode == 0


@pytest.mark.parametrize("phase", [0, 1])
def test_a_release_changes_nothing_of_a_named_host_but_a_parameter(phase: int) -> None:
    """CloudFormation stops and starts a host for another text: all of them at once, and it sees no failure."""
    one = made(phase)
    for host in one.resources("AWS::EC2::Instance").values():
        assert not {"ReleaseKey", "ReleaseSha256"} & _depends_on(one.template()["Resources"], host["Properties"])
    release = one.properties("Release")
    assert release["Value"] == {"Fn::Join": ["", [{"Ref": "ReleaseKey"}, " ", {"Ref": "ReleaseSha256"}]]}
    assert release["Name"] == "/anb/release", "one made of other values would be another text"
    assert len(one.resources("AWS::EC2::Instance")) == len(one.profile.hosts)


@pytest.mark.parametrize("name", ["WebTemplate", "WorkerTemplate"])
def test_a_release_is_another_launch_template_for_the_groups_of_phase_2(name: str) -> None:
    two = made(2)
    assert {"ReleaseKey", "ReleaseSha256"} <= _depends_on(two.template()["Resources"], two.properties(name))
    assert "Release" not in two.resources()


def _depends_on(resources: dict[str, Any], told: Any) -> set[str]:
    """What the values of a resource's properties are made of, itself or by another's attribute. A Ref to another
    resource is its name, which stays while that is not replaced."""
    text = json.dumps(told)
    named = set(re.findall(r'"Ref": "(\w+)"|\$\{(\w+)\}', text))
    found = {one or other for one, other in named}
    for name in re.findall(r'"Fn::GetAtt": \["(\w+)"|\$\{(\w+)\.', text):
        found |= _depends_on(resources, resources[name[0] or name[1]]["Properties"])
    return found


def test_the_settings_that_hosts_are_given_exist() -> None:
    page = (Path(__file__).parents[2] / "docs/settings.md").read_text()
    names = {name for phase in (0, 1, 2) for name in Application(made(phase).profile).local} - {"AWS_DEFAULT_REGION"}
    assert [name for name in sorted(names) if f"`{name}`" not in page] == []
