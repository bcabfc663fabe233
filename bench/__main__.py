"""`make bench`: what the product does, beside what this machine could do, in the same run."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import contest, machine, processing, shapes, upload

RESULTS = Path(__file__).parent / "results"


def parts() -> dict[str, Callable[[Path], dict[str, Any]]]:
    chosen: dict[str, Callable[[Path], dict[str, Any]]] = {
        "processing": processing.measure,
        "upload": upload.measure,
        "embedded": contest.embedded,
    }
    if shapes.SERVER and shapes.BROKER:
        chosen["servers"] = contest.servers
    return chosen


def main() -> int:
    shapes.forget_environment()
    started = time.monotonic()
    results: dict[str, Any] = {"machine": machine.describe()}
    print(_lines(results))
    with tempfile.TemporaryDirectory(prefix="anb-bench-") as folder:
        for name, measure in parts().items():
            results[name] = measure(Path(folder) / name)
            print(_lines({name: results[name]}), flush=True)
    results["machine"]["load_after"] = round(os.getloadavg()[0], 2)
    results["elapsed_s"] = round(time.monotonic() - started, 1)
    moment = results["machine"]["date"].replace(":", "").removesuffix("+0000")
    record = RESULTS / f"{moment}.json"
    record.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    print(f"{results['elapsed_s']} s; recorded in {record.relative_to(RESULTS.parent.parent)}")
    return 0


def _lines(values: dict[str, Any], depth: int = 0) -> str:
    """Indented like an outline: a name, then its value or what belongs to it."""
    lines = []
    for name, value in values.items():
        nested = isinstance(value, dict)
        lines.append("  " * depth + name.replace("_", " ") + ("" if nested else f": {value}"))
        if nested:
            lines.append(_lines(value, depth + 1))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
