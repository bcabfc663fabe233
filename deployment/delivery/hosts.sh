#!/usr/bin/env bash
# hosts.sh deploy|back PHASE NAME BUCKET: the machines of phases 0 to 2 to the release of this commit, or to the one before.
# What ran before is kept as an object beside the archives, so that `back` knows it.
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
parameter() {
    aws cloudformation describe-stacks --stack-name anb --output text \
        --query "Stacks[0].Parameters[?ParameterKey=='$1'].ParameterValue"
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
