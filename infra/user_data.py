"""What a host runs at every boot: fetch the release, read secrets with its own role, run the release's script.

At every boot, not only the first, because an update of the stack stops and starts a host whose text has changed. The
scripts change nothing on a second run with the same values. A release changes no text of a named host:
deployment/delivery/hosts.sh runs this once more on each. Values in `${...}` are CloudFormation's.
"""

from dataclasses import dataclass, field

FILE_SERVER = "01-fileserver-setup.sh"
WEB = "02-webserver-setup.sh"
WORKER = "03-worker-setup.sh"

_RELEASE = "/opt/anb/release"

_EVERY_BOOT = """\
Content-Type: multipart/mixed; boundary="anb"
MIME-Version: 1.0

--anb
Content-Type: text/cloud-config

#cloud-config
cloud_final_modules: [[scripts-user, always]]

--anb
Content-Type: text/x-shellscript

"""

_LOGGED = """\
#!/bin/bash
set -euo pipefail
exec > >(tee -a /var/log/anb-setup.log) 2>&1
mkdir -p /opt/anb
exec 9> /opt/anb/setup.lock
flock 9  # a boot may not be over when a release comes; what the scripts start must not hold it
"""

_TOOLS = """\
export DEBIAN_FRONTEND=noninteractive AWS_DEFAULT_REGION="${AWS::Region}"
command -v aws > /dev/null || {
  # At a first boot Ubuntu's own timers hold apt's locks: for dpkg's apt waits by itself, for that of the lists not.
  for _ in $(seq 60); do apt-get update -q && break; sleep 5; done
  apt-get install -y -q -o DPkg::Lock::Timeout=300 awscli || { # Ubuntu 24.04 has it as a snap alone
    snap install aws-cli --classic
    ln -sf /snap/bin/aws /usr/local/bin/aws
  }
}

"""

RELEASE_OF_TEXT = """\
key="${ReleaseKey}" sha256="${ReleaseSha256}"
"""
"""For groups: another release is another text, by which machines roll."""
RELEASE_OF_PARAMETER = """\
# Its first boot in phase 1 may lose its address of phase 0 and get another within minutes.
for _ in $(seq 60); do
  release=$(aws ssm get-parameter --name "${Release}" --query Parameter.Value --output text) && break
  sleep 5
done
read -r key sha256 <<< "$release"
"""
"""For named hosts: CloudFormation would stop all of them at once for another text."""

_FETCH = f"""\
archive=$(mktemp)
# The role learns of a release when the host does, and IAM takes a while to say so everywhere.
for _ in $(seq 24); do
  aws s3 cp --only-show-errors "s3://${{ReleaseBucket}}/$key" "$archive" && break
  sleep 5
done
sha256sum --check <<< "$sha256  $archive"
rm -rf {_RELEASE}; mkdir -p {_RELEASE}
tar -xzf "$archive" -C {_RELEASE} --strip-components 1
rm "$archive"
export RELEASE={_RELEASE}

"""

_SECRETS = """\
secret() { aws secretsmanager get-secret-value --secret-id "$1" --query SecretString --output text; }
SECRET_KEY=$(secret "${SigningSecret}")
REDIS_PASSWORD=$(secret "${RedisSecret}")
DATABASE_URL=$(secret "${DatabaseSecret}" | python3 -c '
import json, sys
from urllib.parse import quote
told = {name: quote(str(value), safe="") for name, value in json.load(sys.stdin).items()}
print("postgresql://%(username)s:%(password)s@%(host)s:%(port)s/%(dbname)s?sslmode=require" % told)')
export SECRET_KEY REDIS_PASSWORD DATABASE_URL
"""


_LOCAL = """\
install -m 600 /dev/null /opt/anb/local.env.new
cat > /opt/anb/local.env.new << END
%s
END
cmp -s /opt/anb/local.env.new /opt/anb/local.env || touch /opt/anb/local.env.is-news
mv /opt/anb/local.env.new /opt/anb/local.env
"""
_TOLD = """\
[ ! -e /opt/anb/local.env.is-news ] || systemctl try-restart %s
rm -f /opt/anb/local.env.is-news
"""
"""What the scripts leave to the operator. They start a service that is there already only if its own files changed. The
mark outlives a script that fails between the two."""


@dataclass(frozen=True)
class Setup:
    script: str
    watches: str
    """Which of the agent's files in deployment/cloudwatch."""
    exports: dict[str, str] = field(default_factory=dict)
    """In double quotes: a value may name what an earlier line has set, never a secret itself."""
    local: dict[str, str] = field(default_factory=dict)
    """Settings of the application beyond the script's variables."""
    units: str = ""
    """Read the latter, as far as the script has made them."""
    secrets: bool = True
    first: str = ""
    """Shell that must run before anything is fetched."""
    before: str = ""
    """Shell that must run before the script."""
    after: str = ""


def rendered(setup: Setup, release: str) -> str:
    """For Fn::Sub, with one of the two ways to be told the release. A shell variable in braces would be taken for
    CloudFormation's, so there are none."""
    exports = "".join(f'export {name}="{value}"\n' for name, value in setup.exports.items())
    lines = "\n".join(f"{name}={value}" for name, value in setup.local.items())
    parts = [
        _EVERY_BOOT,
        _LOGGED,
        setup.first,
        _TOOLS,
        release,
        _FETCH,
        _SECRETS if setup.secrets else "",
        setup.before,
        exports + "\n",
        _LOCAL % lines if setup.units else "",
        f"bash {_RELEASE}/deployment/ec2-setup/{setup.script} 9>&-\n",
        _TOLD % setup.units if setup.units else "",
        f"bash {_RELEASE}/deployment/cloudwatch/install.sh {setup.watches} 9>&-\n",
        setup.after,
        "\n--anb--\n",
    ]
    return "".join(parts)
