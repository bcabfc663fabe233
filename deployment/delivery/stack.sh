#!/usr/bin/env bash
# stack.sh PHASE [NAME=VALUE...]: the phase's stack as this commit describes it; parameters that are not named stay.
# A group of machines rolls: a new one signals that it serves before an old one goes. One that does not signal takes the
# whole stack back (CloudFormation's own doing), and this ends with an error.
set -euo pipefail

phase=${1:?0 to 3}
shift
cd "$(dirname "$0")/../.."
make --no-print-directory infra-synth PHASE="$phase"
options=(
    --stack-name anb --template-file cdk.out/anb.template.json
    --capabilities CAPABILITY_IAM CAPABILITY_NAMED_IAM --no-fail-on-empty-changeset
    --s3-bucket "${ANB_TEMPLATES_BUCKET:?bucket for templates}"
)
[[ $# -eq 0 ]] || options+=(--parameter-overrides "$@")
aws cloudformation deploy "${options[@]}"
