#!/usr/bin/env bash
# clusters.sh deploy IMAGE@DIGEST REGION... | back REGION...: each region's cluster in turn. Where one does not take the
# release, later ones are left alone and those that have it already go back: no two regions stay on different releases.
# The cluster of a region is called anb.
set -euo pipefail

case ${1:-} in
    deploy) words=3 ;;
    back) words=2 ;;
esac
[[ -n ${words:-} && $# -ge $words ]] || {
    sed -n '2s/^# \([^:]*\):.*/Usage: \1/p' "$0" >&2
    exit 2
}
here=$(dirname "$0")

at() { # at REGION COMMAND...
    aws eks update-kubeconfig --region "$1" --name anb && "${@:2}"
}

back() { # back REGION...: all of them, also when one does not
    local region failed=no
    for region in "$@"; do
        at "$region" "$here/rollback.sh" || failed=yes
    done
    [[ $failed == no ]]
}

deploy() {
    local image=$1 region have_it=()
    shift
    for region in "$@"; do
        if ! at "$region" "$here/rollout.sh" "$region" "$image"; then
            echo "$region has not taken the release; back: ${have_it[*]:-none had it}." >&2
            back "${have_it[@]}" || echo "Not every region went back; see above." >&2
            exit 1
        fi
        have_it=("$region" "${have_it[@]}")
    done
}

"$@"
