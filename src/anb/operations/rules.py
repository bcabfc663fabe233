"""`python -m anb.operations.rules > deployment/prometheus/rules.yml`: the triggers as Prometheus reads them."""

import json
import sys
from collections.abc import Iterable

from anb.operations.triggers import TRIGGERS, WEB_UP, Trigger

_HEAD = f"""\
# Made by `make rules` from src/anb/operations/triggers.py. Do not edit here.
groups:
  - name: anb-records
    interval: 1m  # one sample is one minute of service
    rules:
      - record: {WEB_UP}
        expr: max(up{{job="anb-web"}})
"""


def rendered() -> str:
    growing = _group("anb-growing", (one for one in TRIGGERS if one.phase and one.expression))
    watching = _group("anb-watching", (one for one in TRIGGERS if not one.phase))
    return _HEAD + growing + watching


def _group(name: str, triggers: Iterable[Trigger]) -> str:
    return f"  - name: {name}\n    rules:\n" + "".join(map(_alert, triggers))


def _alert(trigger: Trigger) -> str:
    """A JSON string is a YAML string."""
    label = f"phase: {json.dumps(str(trigger.phase))}" if trigger.phase else "severity: page"
    return (
        f"      - alert: {trigger.name}\n"
        f"        expr: {json.dumps(trigger.expression)}\n"
        f"        for: {trigger.lasting}\n"
        f"        labels:\n"
        f"          {label}\n"
        f"        annotations:\n"
        f"          summary: {json.dumps(trigger.text)}\n"
        f"          runbook: {json.dumps(trigger.advice)}\n"
    )


if __name__ == "__main__":
    sys.stdout.write(rendered())
