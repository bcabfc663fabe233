#!/usr/bin/env bash
# clusters.sh deploy|back IMAGE@DIGEST REGION...: each region's cluster in turn. One that fails leaves the later ones alone.
# The cluster of a region is called anb; `back` takes no image.
set -euo pipefail

action=${1:?deploy or back}
image=$2
shift 2
here=$(dirname "$0")
for region in "$@"; do
    aws eks update-kubeconfig --region "$region" --name anb
    case $action in
        deploy) "$here/rollout.sh" "$region" "$image" ;;
        back) "$here/rollback.sh" ;;
        *)
            echo "deploy or back, not $action" >&2
            exit 2
            ;;
    esac
done
