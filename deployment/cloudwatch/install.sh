#!/usr/bin/env bash
# CloudWatch's agent, told by web.json, worker.json or fileserver.json beside this script what to send.
# The application's log lines, one JSON object each, go from the journal through rsyslog into a file that the agent reads.
set -euo pipefail
role=${1:?web, worker or fileserver}
here=$(dirname "${BASH_SOURCE[0]}")
agent=/opt/aws/amazon-cloudwatch-agent
region=${AWS_DEFAULT_REGION:?the region of this host}
[[ -e $here/$role.json ]] || {
    echo "There is no role $role: web, worker or fileserver" >&2
    exit 2
}

if [[ ! -x $agent/bin/amazon-cloudwatch-agent-ctl ]]; then
    package=$(mktemp --suffix .deb)
    # Public, and so asked for without a name: the host's role has no right to a bucket of AWS.
    aws s3 cp --only-show-errors --no-sign-request \
        "s3://amazoncloudwatch-agent-$region/ubuntu/amd64/latest/amazon-cloudwatch-agent.deb" "$package"
    dpkg -i -E "$package"
    rm "$package"
fi

install -d -o syslog -g adm -m 750 /var/log/anb
usermod --append --groups adm cwagent
cat >/etc/rsyslog.d/30-anb.conf <<'END'
template(name="anb" type="string" string="%msg:2:$%\n")
if $programname == "gunicorn" or $programname == "anb" then {
    action(type="omfile" file="/var/log/anb/app.log" template="anb" fileOwner="syslog" fileGroup="adm" fileCreateMode="0640")
    stop
}
END
cat >/etc/logrotate.d/anb <<'END'
/var/log/anb/app.log {
    size 100M
    rotate 3
    missingok
    notifempty
    compress
    delaycompress
    postrotate
        /usr/lib/rsyslog/rsyslog-rotate
    endscript
}
END
systemctl restart rsyslog

if [[ -e $here/$role.yml ]]; then
    install -m 644 "$here/$role.yml" $agent/etc/prometheus.yml
fi
$agent/bin/amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -s -c "file:$here/$role.json"
