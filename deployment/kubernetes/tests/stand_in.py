"""A kubectl that builds for real, and keeps three Deployments as a cluster does: their revisions and annotations.

As kubectl and the Deployment controller do it, an undo gives a revision a new number and brings its annotations back.
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import yaml

STATE = Path(os.environ["STATE"])
COMPONENT = "app.kubernetes.io/component"
REVISION = "deployment.kubernetes.io/revision"

Live = dict[str, Any]
"""spec, annotations, revision; sets: by revision the template and annotations of a ReplicaSet."""


def selected(arguments: list[str]) -> list[dict[str, Any]]:
    """The Deployments that the selector finds."""
    file, selector = (arguments[arguments.index(name) + 1] for name in ("--filename", "--selector"))
    text = Path(file).read_text()
    Path(os.environ["APPLIED"]).write_text(text)
    named = set(re.findall(r"\w+", selector.removeprefix(COMPONENT)))
    found = [one for one in yaml.safe_load_all(text) if one["kind"] == "Deployment"]
    return [one for one in found if (one["metadata"]["labels"][COMPONENT] in named) is ("notin" not in named)]


def sync(live: Live) -> None:
    """The controller: the template's ReplicaSet has the highest number, and the Deployment's annotations too."""
    template, sets = live["spec"]["template"], live["sets"]
    known = next((number for number, one in sets.items() if one["template"] == template), None)
    if known is None or known != str(live["revision"]):
        before = sets.pop(known) if known else {"template": template, "annotations": {}}
        live["revision"] += 1
        known = str(live["revision"])
        sets[known] = before
    sets[known]["annotations"] |= live["annotations"]


def undo(live: Live, wanted: str) -> None:
    numbers = sorted(live["sets"], key=int)
    number = wanted or numbers[-2]
    if number not in numbers:
        sys.exit(f"error: unable to find specified revision {number} in history")
    live["spec"]["template"] = live["sets"][number]["template"]
    live["annotations"] = dict(live["sets"][number]["annotations"])
    sync(live)


def annotate(live: Live, note: str) -> None:
    key, is_set, value = note.partition("=")
    if is_set:
        live["annotations"][key] = value
    else:
        live["annotations"].pop(key.removesuffix("-"), None)
    sync(live)


def shown(live: Live | None, output: str) -> str:
    if live is None:
        return ""
    key = output.removeprefix("jsonpath={.metadata.annotations.").removesuffix("}").replace("\\.", ".")
    annotations: dict[str, str] = {**live["annotations"], REVISION: str(live["revision"])}
    return annotations.get(key, "")


def main(arguments: list[str], deployments: dict[str, Live], fails: bool) -> int:
    match arguments:
        case ["apply", *_]:
            for one in selected(arguments):
                empty: Live = {"annotations": {}, "revision": 0, "sets": {}}
                live = deployments.setdefault(one["metadata"]["name"], empty)
                live["spec"] = one["spec"]
                sync(live)
                if fails:  # half-way
                    break
        case ["diff", *_]:
            live_specs = {name: live["spec"] for name, live in deployments.items()}
            differs = any(live_specs.get(one["metadata"]["name"]) != one["spec"] for one in selected(arguments))
            return 2 if fails else int(differs)
        case ["get", "deployment", name, "--ignore-not-found", "--output", output]:
            print(shown(deployments.get(name), output), end="")
        case ["rollout", "undo", what, *to]:
            undo(deployments[what.removeprefix("deployment/")], "".join(to).removeprefix("--to-revision="))
        case ["annotate", *_, name, note]:
            annotate(deployments[name], note)
        case ["rollout", "status", *_] | ["delete" | "wait", *_]:
            pass
        case _:
            return 64
    return int(fails)


if __name__ == "__main__":
    if sys.argv[1] == "kustomize":
        os.execv(os.environ["REAL"], sys.argv)
    said = " ".join(sys.argv[1:])
    with Path(os.environ["SAID"]).open("a") as calls:
        print(said, file=calls)
    cluster = json.loads(STATE.read_text())
    fails = os.environ["FAILS"] != "" and re.search(os.environ["FAILS"], said) is not None
    code = main([one for one in sys.argv[1:] if one not in {"--namespace", "anb"}], cluster, fails)
    STATE.write_text(json.dumps(cluster))
    sys.exit(code)
