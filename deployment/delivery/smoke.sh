#!/usr/bin/env bash
# smoke.sh URL VERSION: the new release answers, and a video makes its whole way: upload, house format, votes, ranking.
# It stays there, published and with two votes, until somebody takes it down: its id is in the last line.
set -euo pipefail

[[ $# -eq 2 ]] || {
    sed -n '2s/^# \([^:]*\):.*/Usage: \1/p' "$0" >&2
    exit 2
}
command -v anb >/dev/null || {
    echo "smoke.sh needs anb on PATH: make .venv/run.stamp && PATH=\$PWD/.venv/bin:\$PATH" >&2
    exit 2
}
url=$1
version=$2
for _ in $(seq 60); do
    body=$(curl --fail --silent --show-error --max-time 10 "$url/health") || body=
    [[ $body == *"\"version\":\"$version\""* ]] && break
    sleep 5
done
[[ $body == *"\"version\":\"$version\""* ]] || {
    echo "$url says ${body:-nothing}, not version $version" >&2
    exit 1
}
curl --fail --silent --show-error --max-time 10 "$url/ready"
data=$(mktemp --directory)
trap 'rm -rf "$data"' EXIT
anb demo --base-url "$url" --data-dir "$data" --json
