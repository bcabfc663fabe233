#!/usr/bin/env bash
# hosts.sh deploy|back PHASE NAME BUCKET: the machines of phases 0 to 2 to the release of this commit, or to the one before.
# What ran before is kept as an object beside the archives, so that `back` knows it. In phase 2 the groups roll, which is
# CloudFormation's doing. In phases 0 and 1 no machine is stopped: each in turn runs what it runs at a boot, and where one
# does not take the release, all go back.
set -euo pipefail

[[ $# -eq 4 && $1 =~ ^(deploy|back)$ && $2 =~ ^[0-2]$ ]] || {
    sed -n '2s/^# \([^:]*\):.*/Usage: \1/p' "$0" >&2
    exit 2
}
action=$1
phase=$2
name=$3 # such as v0.1.0
bucket=$4
here=$(dirname "$0")
before=s3://$bucket/releases/before-$name
refused=$(mktemp)
trap 'rm -f "$refused"' EXIT
parameter() {
    aws cloudformation describe-stacks --stack-name anb --output text \
        --query "Stacks[0].Parameters[?ParameterKey=='$1'].ParameterValue"
}

# Both are for the machine's own shell. What cloud-init keeps of the user data (infra/user_data.py):
# shellcheck disable=SC2016
boot='set -eu
for script in /var/lib/cloud/instance/scripts/*; do "$script"; done
'
# The release's own version, through nginx, before the next web server is touched:
# shellcheck disable=SC2016
serves='version=$(sed -n "s/^__version__ = \"\(.*\)\"$/\1/p" /opt/anb/release/src/anb/__init__.py)
ask() { curl --fail --silent --show-error --max-time 10 --retry 20 --retry-delay 3 --retry-all-errors "http://127.0.0.1:8080/$1"; }
ask ready
ask health | grep -F "\"version\":\"$version\""
'

sent() { # sent INSTANCE PARAMETERS: the command's id. An agent that is starting is no instance yet to Systems Manager
    local tries=0
    until aws ssm send-command --instance-ids "$1" --document-name AWS-RunShellScript --timeout-seconds 600 \
        --comment "release $name: $action" --parameters "$2" --query Command.CommandId --output text 2>"$refused"; do
        if ! grep -q InvalidInstanceId "$refused" || ((++tries > 60)); then
            cat "$refused" >&2
            return 1
        fi
        sleep 10
    done
}

on() { # on INSTANCE SCRIPT: run there by Run Command; what it printed, if it fails
    local command parameters state=Pending unheard=0
    parameters=$(python3 -c 'import json, sys
print(json.dumps({"commands": [sys.argv[1]], "executionTimeout": ["1800"]}))' "$2") || return
    command=$(sent "$1" "$parameters") || return
    invocation() {
        aws ssm get-command-invocation --command-id "$command" --instance-id "$1" --query "$2" --output text
    }
    while [[ $state =~ ^(Pending|InProgress|Delayed|Cancelling)$ ]]; do # those that Systems Manager itself ends
        sleep 5
        if state=$(invocation "$1" Status); then
            unheard=0
        elif ((++unheard < 12)); then # just after the sending it may not know of it yet
            state=Pending
        else
            return 1
        fi
    done
    [[ $state == Success ]] && return
    echo "$state:" >&2
    invocation "$1" '[StandardOutputContent, StandardErrorContent]' >&2
    return 1
}

roll() { # one machine after the other, by their names: the file server, web servers, workers
    local hosts host instance script failed=no
    hosts=$(aws cloudformation list-stack-resources --stack-name anb --output text --query \
        "StackResourceSummaries[?ResourceType=='AWS::EC2::Instance'].[LogicalResourceId, PhysicalResourceId]" |
        LC_ALL=C sort) || return
    [[ -n $hosts ]] || {
        echo "The stack has no machines." >&2
        return 1
    }
    while read -r -u 3 host instance; do
        echo "$host ($instance)"
        script=$boot
        [[ $host != Web* ]] || script+=$serves
        if ! on "$instance" "$script"; then
            echo "$host has not taken the release. There: /var/log/anb-setup.log" >&2
            failed=yes
            [[ $action == back ]] || break # those that can go back shall
        fi
    done 3<<<"$hosts"
    [[ $failed == no ]]
}

case $action in
    deploy)
        # Each in a line of its own: what fails inside of another command is not seen.
        key=$(parameter ReleaseKey)
        sha256=$(parameter ReleaseSha256)
        running="ReleaseKey=$key ReleaseSha256=$sha256"
        release=$("$here/publish.sh" "$name" "$bucket")
        if [[ $running != "$release" ]]; then # deployed once more, the way back stays what it is
            aws s3 cp --only-show-errors - "$before" <<<"$running"
        fi
        ;;
    back) release=$(aws s3 cp --only-show-errors "$before" -) ;;
esac
[[ $release =~ ^ReleaseKey=[^\ ]+\ ReleaseSha256=[^\ ]+$ ]] || {
    echo "This names no release: $release" >&2
    exit 1
}
read -ra parameters <<<"$release"
"$here/stack.sh" "$phase" "${parameters[@]}"
[[ $phase -lt 2 ]] || exit 0
roll && exit
if [[ $action == deploy ]]; then
    echo "Back, to what ran before." >&2
    "$0" back "$phase" "$name" "$bucket" || echo "Not every host went back; see above." >&2
fi
exit 1
