#!/usr/bin/env bash
# rollout.sh REGION IMAGE@DIGEST: bring a cluster to this image: what it needs, the migration, then the new code.
# If web, worker or beat does not become ready, what this changed of them goes back. The schema stays: steps only add.
set -euo pipefail

[[ $# -eq 2 ]] || {
    sed -n '2s/^# \([^:]*\):.*/Usage: \1/p' "$0" >&2
    exit 2
}
region=$1
image=$2
[[ $image =~ ^[^@]+@sha256:[0-9a-f]{64}$ ]] || {
    echo "$image is no IMAGE@sha256:DIGEST: a tag may be moved, a digest may not" >&2
    exit 2
}
overlays=$(cd "$(dirname "$0")/../kubernetes/overlays" && pwd)
overlay=$overlays/$region
[[ -d $overlay ]] || {
    echo "$region has no overlay in $overlays" >&2
    exit 2
}
# ECR copies images: each region runs its own, also when the one they were pushed to is lost.
image=${image/.dkr.ecr.*.amazonaws.com/.dkr.ecr.$region.amazonaws.com}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/kustomization.yaml" <<END
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [$(realpath --relative-to "$work" "$overlay")]
images:
  - name: $(kubectl kustomize "$overlay" | sed -n 's/^ *image: \(.*\):[^:]*$/\1/p' | sort -u)
    newName: ${image%@*}
    digest: ${image#*@}
END
kubectl kustomize "$work" >"$work/all.yaml"
apply() { kubectl apply --filename "$work/all.yaml" --selector "$1"; }
differs() { # differs SELECTOR: whether an apply would change anything
    local code=0
    kubectl diff --filename "$work/all.yaml" --selector "$1" >/dev/null || code=$?
    [[ $code -le 1 ]] || exit "$code"
    [[ $code -eq 1 ]]
}
note_before() { # what runs now of all that will change; rollback.sh goes there
    local name revision note
    for name in web worker beat; do
        revision=$(kubectl --namespace anb get deployment "$name" --ignore-not-found \
            --output 'jsonpath={.metadata.annotations.deployment\.kubernetes\.io/revision}')
        [[ -n $revision ]] || continue # its first rollout has nothing to go back to
        note=anb/revision-before
        if differs "app.kubernetes.io/component=$name"; then note+="=$revision"; else note+=-; fi
        kubectl --namespace anb annotate --overwrite deployment "$name" "$note"
    done
}

echo "What the new code needs; nothing runs it yet."
apply 'app.kubernetes.io/component notin (web, worker, beat, migrate)'

if kubectl kustomize "$work" | grep -q '^kind: Job$'; then
    echo "The schema; the old code serves on."
    kubectl --namespace anb delete job migrate --ignore-not-found --wait
    apply 'app.kubernetes.io/component=migrate'
    kubectl --namespace anb wait --for=condition=complete --timeout=920s job/migrate
fi

echo "The new code."
code='app.kubernetes.io/component in (web, worker, beat)'
if differs "$code"; then # deployed once more, the way back stays what it is
    note_before
fi
apply "$code" || failed="Not all was applied"
for name in web worker beat; do
    kubectl --namespace anb rollout status --timeout=600s "deployment/$name" || failed="$name did not become ready"
done
if [[ -n ${failed:-} ]]; then
    echo "$failed: back." >&2
    "$(dirname "$0")/rollback.sh"
    exit 1
fi
