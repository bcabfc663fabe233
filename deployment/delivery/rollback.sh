#!/usr/bin/env bash
# rollback.sh: web, worker and beat as they were before the last rollout, whichever of them had changed.
set -euo pipefail

for name in web worker beat; do
    kubectl --namespace anb rollout undo "deployment/$name"
done
for name in web worker beat; do
    kubectl --namespace anb rollout status --timeout=600s "deployment/$name"
done
