#!/usr/bin/env bash
# smoke.sh URL VERSION: the new release answers, and a video makes its whole way: upload, house format, votes, ranking.
# It stays there, published and with two votes, until somebody takes it down: its id is in the last line.
set -euo pipefail

url=${1:?such as https://anb.example.com}
version=${2:?what /health must say}
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
anb demo --base-url "$url" --json
