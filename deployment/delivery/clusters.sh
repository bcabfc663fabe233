#!/usr/bin/env bash
# clusters.sh deploy|back IMAGE@DIGEST REGION...: each region's cluster in turn. Where one does not take the release,
# later ones are left alone and those that have it already go back: no two regions stay on different releases.
# The cluster of a region is called anb; `back` takes no image.
set -euo pipefail

action=${1:?deploy or back}
image=$2
shift 2
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
    local region have_it=()
    for region in "$@"; do
        if ! at "$region" "$here/rollout.sh" "$region" "$image"; then
            echo "$region has not taken the release; back: ${have_it[*]:-none had it}." >&2
            back "${have_it[@]}" || echo "Not every region went back; see above." >&2
            exit 1
        fi
        have_it=("$region" "${have_it[@]}")
    done
}

case $action in
    deploy | back) "$action" "$@" ;;
    *)
        echo "deploy or back, not $action" >&2
        exit 2
        ;;
esac
