#!/usr/bin/env bash
# publish.sh NAME BUCKET: the tree of this commit as an archive in the bucket of releases, for the hosts of phases 0 to 2.
# Prints the two parameters of the stack that name it.
set -euo pipefail

[[ $# -eq 2 ]] || {
    sed -n '2s/^# \([^:]*\):.*/Usage: \1/p' "$0" >&2
    exit 2
}
name=$1 # such as v0.1.0
bucket=$2
archive=$(mktemp)
trap 'rm -f "$archive"' EXIT
git archive --format tar --prefix "anb-$name/" HEAD | gzip --no-name >"$archive" # the same bytes for the same commit
sha256=$(sha256sum "$archive" | cut -d ' ' -f 1)
key=releases/anb-$name-${sha256:0:12}.tar.gz
aws s3api put-object --bucket "$bucket" --key "$key" --body "$archive" --if-none-match '*' >/dev/null ||
    aws s3api head-object --bucket "$bucket" --key "$key" >/dev/null
echo "ReleaseKey=$key ReleaseSha256=$sha256"
