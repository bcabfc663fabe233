#!/usr/bin/env bash
# stack.sh PHASE [NAME=VALUE...]: the phase's stack as this commit describes it; parameters that are not named stay.
# A group of machines rolls: a new one signals that it serves before an old one goes. One that does not signal takes the
# whole stack back (CloudFormation's own doing), and this ends with an error.
set -euo pipefail

[[ ${1:-} =~ ^[0-3]$ ]] || {
    sed -n '2s/^# \([^:]*\):.*/Usage: \1/p' "$0" >&2
    exit 2
}
[[ -n ${ANB_TEMPLATES_BUCKET:-} ]] || {
    echo "ANB_TEMPLATES_BUCKET names no bucket: docs/howto/first-deployment.md makes one" >&2
    exit 2
}
phase=$1
shift
cd "$(dirname "$0")/../.."
make --no-print-directory infra-synth PHASE="$phase"
# What the stack is made of is made by CloudFormation's own role (docs/delivery.md), not by whoever deploys.
account=$(aws sts get-caller-identity --query Account --output text)
options=(
    --role-arn "arn:aws:iam::$account:role/anb-stack"
    --stack-name anb --template-file cdk.out/anb.template.json
    --capabilities CAPABILITY_IAM --no-fail-on-empty-changeset
    --s3-bucket "$ANB_TEMPLATES_BUCKET"
)
[[ $# -eq 0 ]] || options+=(--parameter-overrides "$@")
aws cloudformation deploy "${options[@]}" && exit

# It waits for an hour, and many machines roll for longer: whoever goes back next must find a stack that stands still.
status() { aws cloudformation describe-stacks --stack-name anb --query 'Stacks[0].StackStatus' --output text; }
moves() { [[ $now == *_IN_PROGRESS && $now != REVIEW_* ]]; }
now=$(status)
moves || exit 1 # refused, or gone back already
while moves; do
    sleep 30
    now=$(status)
done
echo "The stack says $now."
[[ $now == UPDATE_COMPLETE || $now == CREATE_COMPLETE ]]
