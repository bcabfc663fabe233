#!/usr/bin/env bash
# rollback.sh: web, worker and beat to the revision that rollout.sh has noted on each: what ran before the last rollout.
# One that has no note was not changed by it, is new, or is back already: it is left alone.
set -euo pipefail

note=anb/revision-before
back=()
for name in web worker beat; do
    revision=$(kubectl --namespace anb get deployment "$name" --ignore-not-found \
        --output "jsonpath={.metadata.annotations.$note}")
    if [[ -z $revision ]]; then
        echo "$name: nothing to go back to; left alone."
        continue
    fi
    # The note goes last: the undo brings back the annotations of that revision's time, an older note among them.
    if kubectl --namespace anb rollout undo "deployment/$name" --to-revision="$revision" &&
        kubectl --namespace anb annotate deployment "$name" "$note-"; then
        back+=("$name")
    else
        failed=yes # and the others go back all the same
    fi
done
for name in "${back[@]}"; do
    kubectl --namespace anb rollout status --timeout=600s "deployment/$name"
done
[[ -z ${failed:-} ]]
